//! What the penalty pages read and write: a layer's weights, and a lane's pass through it.

use super::gemm::View;
use crate::buffer::Buffer;

/// One layer as the penalties see it: z = W a + b, a = φ(z).
#[derive(Debug, Clone, Copy)]
pub struct DenseLayer<'a> {
    /// Weights, shape (m, n), row-major; empty where `WT` alone is kept, of a large tied decoder layer.
    pub W: &'a [f32],
    /// The transpose, shape (n, m), row-major; empty for a large layer where no kernel but the forward pass reads it.
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

/// The widest layer's number of outputs.
pub fn widest(net: &[DenseLayer<'_>]) -> usize {
    net.iter().map(|l| l.m).max().unwrap_or(1)
}
