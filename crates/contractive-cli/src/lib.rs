//! What the command `cae` and the benchmarks share: [`speed`], how fast a network trains here, and how fast it could.

pub mod speed;
