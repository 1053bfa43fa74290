//! What a penalty page is given: layers, their passes, a step's weights, a lane's rows.

#[cfg(doc)]
use super::Plan;
use super::finite_difference::Layer64;
use super::frobenius_deep::khatri_rao::KhatriRaoProduct;
use super::gemm::View;
use crate::activation::Activation;
use crate::buffer::Buffer;

/// One layer as the penalties see it: z = W a + b, a = φ(z).
#[derive(Debug, Clone, Copy)]
pub struct DenseLayer<'a> {
    /// Weights, shape (m, n), row-major; empty where `WT` alone is kept, of a large tied decoder layer.
    pub W: &'a [f32],
    /// The transpose, shape (n, m), row-major; empty for a large layer where no kernel but the forward pass reads it
    /// ([`Plan::reads_transposed`]).
    pub WT: &'a [f32],
    /// Outputs m.
    pub m: usize,
    /// Inputs n.
    pub n: usize,
    /// Whether φ″ is not zero everywhere: only then does a penalty reach the pre-activations.
    pub is_smooth: bool,
}

impl<'a> DenseLayer<'a> {
    /// Wᵀ for Z = A Wᵀ, as it lies in memory.
    pub fn forward(&self) -> View<'a, f32> {
        if self.WT.is_empty() { View::new(self.W, self.m, self.n).t() } else { View::new(self.WT, self.n, self.m) }
    }

    /// W for dA = dZ W, as it lies in memory.
    pub fn backward(&self) -> View<'a, f32> {
        if self.W.is_empty() { View::new(self.WT, self.n, self.m).t() } else { View::new(self.W, self.m, self.n) }
    }
}

/// One encoder layer at one point, for the rows of a lane: shapes (rows, m), row-major.
#[derive(Debug, Clone, Default)]
pub struct LayerPass {
    /// φ′(z).
    pub d: Buffer,
    /// φ″(z); empty where the penalty does not need it.
    pub dd: Buffer,
    /// What the penalty adds to ∂C/∂z.
    pub dZ: Buffer,
}

/// What every lane reads of the step's weights.
#[derive(Debug, Clone, Copy)]
pub struct StepWeights<'a> {
    /// The encoder's layers.
    pub net: &'a [DenseLayer<'a>],
    /// ‖W_l,j‖² for each layer, where [`Plan::needs_row_norms`].
    pub q: &'a [Vec<f32>],
    /// G = W_1 W_1ᵀ, where [`Plan::needs_gram`].
    pub G: &'a [f32],
    /// F = W_1ᵀ ⊙ W_2, where [`Plan::needs_khatri_rao`].
    pub F: &'a KhatriRaoProduct,
    /// Encoder and decoder in one chain, where [`Plan::needs_chain`]; else empty.
    pub chain: &'a [DenseLayer<'a>],
    /// The chain's biases.
    pub biases: &'a [&'a [f32]],
    /// The chain's activations.
    pub activations: &'a [Activation],
    /// The layers in f64, where [`Plan::needs_f64`].
    pub net64: &'a [Layer64],
}

/// What a penalty reads of one lane's rows.
#[derive(Debug, Clone, Copy)]
pub struct LaneRows<'a> {
    /// Clean rows x (rows, d).
    pub X: &'a [f32],
    /// The lane's share of the draws: probes (rows, probes, k) or directions (rows, directions, d).
    pub draws: &'a [f32],
    /// Codes h at the clean rows, `h_stride` apart.
    pub h: &'a [f32],
    /// Distance between rows of `h`.
    pub h_stride: usize,
}
