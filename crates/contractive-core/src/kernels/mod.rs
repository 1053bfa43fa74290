//! One page a formula: head (formula, gradient, shapes, source), forward, backward, tests.
//!
//! Three rules hold on every page:
//!
//! * Parameter gradients are added to (`+=`), so that tied weights and several terms need no special case. So are the
//!   adjoints `dZ` that a penalty sends into the encoder's pre-activations. Activation gradients are set (`=`).
//! * Arguments run outputs, inputs, sizes. Kernels allocate nothing, log nothing and return no `Result`; scratch is
//!   passed in. Values summed over a row are f64.
//! * A row's weight `w[b]` is ∂C/∂P_b: contraction/N for P itself. No page knows of means, factors or the contraction;
//!   [`objective`](crate::objective) chooses them.
//!
//! | page | formula |
//! |---|---|
//! | [`affine`] | z = Wa + b |
//! | [`activation`] | φ, φ′, φ″ |
//! | [`reconstruction`] | the losses L |
//! | [`frobenius`] | ‖J‖²_F of one layer |
//! | [`frobenius_deep`] | ‖J‖²_F of a deep encoder, ‖vᵀJ‖² of probes |
//! | [`layerwise`] | Σ_l ‖∂a_l/∂a_{l−1}‖²_F |
//! | [`hessian`] | ‖J(x) − J(x+ε)‖²_F |
//! | [`finite_difference`] | ‖(f(x+εu) − f(x−εu))/2ε‖² |
//! | [`logistic_last`] | Σ_j (h_j(1−h_j))² ‖W_j‖² |
//! | [`network_jacobian`] | ‖∂g(f(x))/∂x‖²_F, ‖∂g/∂h‖²_F |
//! | [`weight_norms`] | Σ\|w\|, Σw² |
//! | [`sparsity`] | KL(target ‖ mean activation) |
#![allow(non_snake_case)] // matrices are upper case, as in the papers

pub mod activation;
pub mod affine;
pub mod finite_difference;
pub mod frobenius;
pub mod frobenius_deep;
pub mod gemm;
pub mod groups;
pub mod hessian;
pub mod lane_penalty;
pub mod layerwise;
pub mod logistic_last;
pub mod network_jacobian;
pub mod operands;
pub mod plan;
pub mod reconstruction;
pub mod sparsity;
pub mod strided_rows;
pub mod sums;
pub mod transpose;
#[cfg(test)]
mod trial;
pub mod weight_norms;

pub use self::lane_penalty::{LanePenalty, LaneRows, StepWeights};
pub use self::operands::{DenseLayer, LayerPass};
pub use self::plan::PenaltyPlan;
