//! The objective and its gradient in plain f64, with explicit Jacobians. Written to be read beside the paper, and to
//! judge everything else: no matrix library, no closed form, no trick, one row at a time.
//!
//! ```text
//! z_l = W_l a_{l−1} + b_l,   a_l = φ_l(z_l),   a_0 = x,   h = a_L = f(x)        network.rs
//! J   = ∂h/∂x = D_L W_L … D_1 W_1,   D_l = diag φ′_l(z_l)                        jacobian.rs
//! P   = ‖J‖²_F and its relatives, each with its ∂P/∂J                            penalties.rs
//! C   = 1/N Σ_rows [ L(x, g(f(x̃))) + contraction · P(x) ] + weight · Σ_j KL      objective.rs
//! ```
//!
//! Every gradient is a plain reverse pass. J depends on the parameters in two ways: W_l is a factor of it, and D_l moves
//! with z_l, which all layers up to l make. The second way is the one that most public code forgets.
//!
//! Start with [`objective_and_gradient`].

#![allow(non_snake_case)] // matrices are upper case, as in the papers

pub mod jacobian;
mod matrix;
pub mod network;
mod objective;
mod penalties;

pub use matrix::Matrix;
pub use network::{Gradient, Layer, Network};
pub use objective::{Batch, Evaluation, objective_and_gradient};
