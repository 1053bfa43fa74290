//! Train, verify and use contractive autoencoders: data, recipes, training, checkpoints and model files.

pub mod data;
