//! Floating-point operations that a training step cannot do without, by counts: 2 a multiply-add, matrix products alone.
//!
//! With batch N and layers of n inputs and m outputs, both stacks together:
//!
//! ```text
//! plain step   2 N Σ m n (forward) + 2 N Σ m n (dW) + 2 N Σ m n without the first layer (no gradient of the rows)
//! penalty      the cheapest order of `order`, value and gradient
//!   symmetry   G = W_1 W_1ᵀ and K = UᵀU are symmetric: computed by half, N k m_1² + d m_1² fewer (Gram order alone)
//! ```
//!
//! And the bytes that it cannot do without moving: the batch's rows, read once, and for each weight its value and its
//! optimiser's numbers, read and written once. A net that stays in cache moves fewer through memory.

use contractive_core::Architecture;
use contractive_core::optimiser::Optimiser;
use contractive_core::order::{self, Order, Top};

/// Operations of one training step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepOperations {
    /// Without a penalty.
    pub plain: f64,
    /// What the exact penalty adds, with every product computed whole.
    pub penalty: f64,
    /// What can be saved of the penalty where a product is symmetric.
    pub symmetry: f64,
}

impl StepOperations {
    /// Counts a step of `batch` rows with the exact Jacobian penalty.
    pub fn count(architecture: &Architecture, batch: usize) -> Self {
        let rows = batch as f64;
        let size = |l: usize| architecture.encoder_sizes[l] as f64;
        let products = |sizes: &[usize]| sizes.windows(2).map(|p| (p[0] * p[1]) as f64).sum::<f64>();
        let all = products(&architecture.encoder_sizes) + products(&architecture.decoder_sizes);
        let first = size(0) * size(1);
        let plain = 2.0 * rows * (3.0 * all - first);
        if architecture.encoder_depth() == 1 {
            // Row norms of W and their gradient once a step; the rest is elementwise.
            return StepOperations { plain, penalty: 4.0 * first, symmetry: 0.0 };
        }
        let chosen = order::of_encoder(architecture, batch);
        let least = 2.0 * rows * order::multiply_adds(chosen, &architecture.encoder_sizes, Top::Units, batch);
        let code = architecture.code_size() as f64;
        let symmetry = if chosen == Order::CodeSideGram { (rows * code + size(0)) * size(1) * size(1) } else { 0.0 };
        StepOperations { plain, penalty: least + symmetry, symmetry }
    }

    /// With the penalty, every product whole.
    pub fn dense(self) -> f64 {
        self.plain + self.penalty
    }

    /// With the penalty, symmetric products by half: the least.
    pub fn least(self) -> f64 {
        self.dense() - self.symmetry
    }
}

/// Bytes that a step of `batch` rows moves at the least.
pub fn least_bytes(architecture: &Architecture, batch: usize, optimiser: Optimiser) -> f64 {
    let stacks = [&architecture.encoder_sizes, &architecture.decoder_sizes];
    let stored = if architecture.tied { &stacks[..1] } else { &stacks[..] };
    let weights: usize = stored.iter().flat_map(|sizes| sizes.windows(2)).map(|pair| pair[0] * pair[1]).sum();
    let state = optimiser.state(1);
    let numbers = 1 + state.first.len() + state.second.len();
    (size_of::<f32>() * (batch * architecture.input_size() + 2 * numbers * weights)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive_core::Activation;

    fn count(d: usize, hidden: &[usize], tied: bool, batch: usize) -> StepOperations {
        let a = Activation::Sigmoid;
        StepOperations::count(&Architecture::mirrored(d, hidden, a, a, a, tied), batch)
    }

    /// Counted by hand, product by product.
    #[test]
    fn counts_are_those_of_the_products() {
        let small = count(784, &[64, 32, 16], false, 128);
        let forward = 2.0 * 128.0 * 2.0 * (784.0 * 64.0 + 64.0 * 32.0 + 32.0 * 16.0);
        assert_eq!(small.plain, 3.0 * forward - 2.0 * 128.0 * 784.0 * 64.0);
        let once = 2.0 * 784.0 * 64.0 * 64.0; // G; K W_1 is as large
        let stacked = |m: f64, n: f64| 2.0 * 128.0 * 16.0 * m * n;
        let by_rows = 3.0 * stacked(32.0, 64.0) + 2.0 * stacked(64.0, 64.0) + 3.0 * stacked(1.0, 32.0);
        assert_eq!(small.penalty, 2.0 * once + by_rows);
        assert_eq!(small.symmetry, 0.5 * (once + stacked(64.0, 64.0)));
        assert_eq!(small.least(), small.dense() - small.symmetry);
    }

    #[test]
    fn one_layer_costs_next_to_nothing_and_a_narrow_input_has_no_gram() {
        let one = count(784, &[1000], true, 128);
        assert!(one.penalty < 0.01 * one.plain);
        assert_eq!(count(30, &[64, 16], false, 256).symmetry, 0.0);
    }

    #[test]
    fn bytes_are_those_of_the_rows_and_of_each_stored_weight_twice() {
        let a = Activation::Sigmoid;
        let net = |tied| Architecture::mirrored(30, &[20, 5], a, a, a, tied);
        let sgd = Optimiser::Sgd { weight_decay: 0.0 };
        assert_eq!(least_bytes(&net(false), 7, Optimiser::default()), 4.0 * (7.0 * 30.0 + 6.0 * 1400.0));
        assert_eq!(least_bytes(&net(true), 7, sgd), 4.0 * (7.0 * 30.0 + 2.0 * 700.0));
    }
}
