//! When checkpoints are written.
