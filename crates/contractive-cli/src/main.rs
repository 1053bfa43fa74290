//! The command cae: train, evaluate and use contractive autoencoders.

fn main() {}
