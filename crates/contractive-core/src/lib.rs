//! The mathematics of contractive autoencoders on the CPU: no files, no clock and no printing; random numbers come from a
//! seed that the caller gives.
//!
//! A contractive autoencoder (Rifai et al., ICML 2011) is an encoder h = f(x) and a decoder x̂ = g(h) that minimise
//!
//! ```text
//! C = mean over rows [ L(x, g(f(x))) + contraction · P(x) ],    P(x) = ‖∂f/∂x (x)‖²_F by default
//! ```
//!
//! Read in this order:
//!
//! 1. [`activation`], [`loss`], [`penalty`], [`noise`]: the words of an objective, each an enum that owns its settings.
//! 2. [`architecture`] and [`parameters`]: the shape of a network and its numbers; [`initialisation`] fills them.
//! 3. [`objective`]: what is minimised, and the [`Batch`] it is evaluated on.
//! 4. [`mod@reference`]: the objective and its gradient in plain f64 with explicit Jacobians, written to be read. It judges
//!    everything else.
//! 5. `kernels`, inside the crate: one page a formula in fast f32. [`order`] counts operations and says which order of
//!    multiplication they take; [`instructions`] says which vector instructions, and is the one place that reads an
//!    environment variable.
//! 6. [`engine`]: the [`Engine`](engine::Engine) trait, cut at whole training steps, and the [CPU](engine::cpu) behind it.
//! 7. [`optimiser`] and [`schedule`]: PyTorch's update formulas and how the learning rate moves.
//! 8. [`jacobian`]: the encoder's Jacobian a row, its singular values, saturation; [`row_network`]: a network applied to
//!    one row at a time in f64, the same bits whatever else is in the call.
//! 9. [`nearest`]: the nearest rows of a bank.
//! 10. [`patches`]: windows of pictures as rows, and pixels from rows.
//! 11. [`random`]: streams of random numbers keyed by seed and purpose; [`statistics`]: quantiles and moments.
//! 12. [`communicator`]: processes that train one network together, each on its own rows.
//!
//! The symbols used inside kernels are those of the repository's `docs/notation.md`.

pub mod activation;
pub mod architecture;
pub mod buffer;
pub mod communicator;
pub mod engine;
mod error;
pub mod initialisation;
pub mod instructions;
pub mod jacobian;
pub(crate) mod kernels;
pub mod loss;
pub mod matrix;
pub mod nearest;
pub mod noise;
pub mod objective;
pub mod optimiser;
pub mod order;
pub mod parameters;
pub mod patches;
pub mod penalty;
pub mod prefetch;
pub mod random;
pub mod reference;
pub mod row_network;
pub mod row_spectra;
pub mod schedule;
mod singular_values;
pub mod statistics;

pub use activation::Activation;
pub use architecture::Architecture;
pub use error::ArgumentError;
pub use loss::Loss;
pub use noise::Noise;
pub use objective::{Batch, Objective, Terms};
pub use parameters::Parameters;
pub use penalty::Penalty;
