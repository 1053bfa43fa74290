//! The Jacobian of a stack of layers at one row, built factor by factor, and the reverse pass through it.
//!
//! ```text
//! M_0 = I,   U_l = W_l M_{l−1},   M_l = D_l U_l,   D_l = diag φ′(z_l),   J = M_L = ∂a_L/∂a_0
//! ```
//!
//! Reverse: a quantity Q depends on J by dM_L = ∂Q/∂J. Then, for l = L…1,
//!
//! ```text
//! dU_l     = D_l dM_l                              from M_l = D_l U_l
//! dW_l    += dU_l M_{l−1}ᵀ                         W_l as a factor of J
//! dM_{l−1} = W_lᵀ dU_l
//! dz_l     = φ″(z_l) ∘ rowsum(dM_l ∘ U_l)          D_l moves with z_l
//! ```
//!
//! and the dz_l go back through the layers below by plain backpropagation, which reaches W_l a second time.

use super::matrix::Matrix;
use super::network::{Layer, LayerGradient, Trace, backward, forward};

/// J at one row, with what the reverse pass needs.
#[derive(Debug, Clone, PartialEq)]
pub struct JacobianAt {
    /// The forward pass at that row.
    pub trace: Trace,
    /// U_1, …, U_L.
    U: Vec<Matrix>,
    /// M_0 = I, M_1, …, M_L = J.
    M: Vec<Matrix>,
}

impl JacobianAt {
    /// J, shape (k, d).
    pub fn J(&self) -> &Matrix {
        &self.M[self.U.len()]
    }
}

/// J of `stack` at `x`.
///
/// # Panics
/// When `x` does not fit the first layer.
pub fn jacobian(stack: &[Layer], x: &[f64]) -> JacobianAt {
    let trace = forward(stack, x);
    let mut U = Vec::new();
    let mut M = vec![Matrix::identity(x.len())];
    for (l, layer) in stack.iter().enumerate() {
        let d: Vec<f64> = trace.z[l].iter().map(|z| layer.activation.derivative(*z)).collect();
        let U_l = layer.W.product(&M[l]);
        M.push(U_l.scaled_rows(&d));
        U.push(U_l);
    }
    JacobianAt { trace, U, M }
}

/// The reverse pass: given `dJ` = ∂Q/∂J, adds ∂Q/∂W_l and ∂Q/∂b_l to `gradient` and returns ∂Q/∂x.
///
/// # Panics
/// When the arguments do not belong to one stack.
pub fn jacobian_backward(stack: &[Layer], at: &JacobianAt, dJ: &Matrix, gradient: &mut [LayerGradient]) -> Vec<f64> {
    let mut dz = at.trace.zeros();
    let mut dM = dJ.clone();
    for l in (0..stack.len()).rev() {
        let phi = stack[l].activation;
        let z = &at.trace.z[l];
        let dd = dM.hadamard(&at.U[l]).row_sums();
        dz[l] = (0..z.len()).map(|j| dd[j] * phi.second_derivative(z[j])).collect();
        let d: Vec<f64> = z.iter().map(|z| phi.derivative(*z)).collect();
        let dU = dM.scaled_rows(&d);
        gradient[l].dW.add(&dU.product_transpose(&at.M[l]));
        dM = stack[l].W.transpose_product(&dU);
    }
    let none = vec![0.0; at.trace.output().len()];
    backward(stack, &at.trace, &none, &dz, gradient)
}
