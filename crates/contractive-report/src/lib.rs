//! Pictures of a contractive autoencoder's training run.
