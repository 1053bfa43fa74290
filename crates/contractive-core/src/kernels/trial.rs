//! A small encoder and a few rows for the tests of the pages: in f32 as a page is given them, in f64 as the reference is.

use pulp::Arch;

use super::frobenius_deep::WeightSums;
use super::frobenius_deep::khatri_rao::KhatriRaoProduct;
use super::gemm::mirror;
use super::{DenseLayer, LanePenalty, LaneRows, LayerPass, PenaltyPlan, StepWeights};
use crate::activation::Activation;
use crate::buffer::Buffer;
use crate::reference::jacobian::{jacobian, jacobian_backward};
use crate::reference::network::{LayerGradient, backward, forward};
use crate::reference::{Layer, Matrix};

/// f32 results against f64, relative to the largest entry of the tensor. Measured: 8.92e-7.
pub const ROUNDING: f64 = 2e-5;

/// `n` numbers in [−1.5, 1.5), the same for the same seed.
pub fn numbers(seed: u64, n: usize) -> Vec<f32> {
    let number = |i: u64| {
        let mut z = (seed << 32 | i).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        ((z ^ (z >> 32)) >> 40) as f32 / (1 << 24) as f32 * 3.0 - 1.5
    };
    (0..n as u64).map(number).collect()
}

/// f32 numbers in f64.
pub fn wide(v: &[f32]) -> Vec<f64> {
    v.iter().map(|&a| f64::from(a)).collect()
}

/// |got − want| ≤ tolerance · largest |want|, entry by entry; where all that is wanted is 0, exactly 0.
#[track_caller]
pub fn assert_close(what: &str, got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}: lengths");
    let largest = want.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let error = (got - want).abs();
        assert!(error <= tolerance * largest, "{what}: entry {i} is {got}, not {want}; the largest is {largest}");
    }
}

/// Every weight and bias, each to its tensor's largest entry.
#[track_caller]
pub fn assert_same_gradient(what: &str, got: &[LayerGradient], want: &[LayerGradient], tolerance: f64) {
    for (l, (got, want)) in got.iter().zip(want).enumerate() {
        assert_close(&format!("{what}, dW_{}", l + 1), got.dW.values(), want.dW.values(), tolerance);
        assert_close(&format!("{what}, db_{}", l + 1), &got.db, &want.db, tolerance);
    }
}

/// An encoder and rows x, shape (rows, d).
pub struct Trial {
    pub encoder: Vec<Layer>,
    pub X: Vec<f32>,
    W: Vec<Vec<f32>>,
    WT: Vec<Vec<f32>>,
    /// ‖W_l,j‖².
    pub q: Vec<Vec<f32>>,
    /// W_1 W_1ᵀ.
    pub G: Vec<f32>,
}

fn append(buffer: &mut Buffer, more: impl Iterator<Item = f32>) {
    *buffer = buffer.iter().copied().chain(more).collect::<Vec<_>>().into();
}

impl Trial {
    /// Weights, biases and rows drawn at scale 1, one activation throughout.
    pub fn draw(seed: u64, sizes: &[usize], phi: Activation, rows: usize) -> Self {
        let layer = |l: usize| {
            let (n, m) = (sizes[l], sizes[l + 1]);
            let seed = 100 * seed + 2 * l as u64;
            Layer { W: Matrix::new(m, n, wide(&numbers(seed, m * n))), b: wide(&numbers(seed + 1, m)), activation: phi }
        };
        Trial::of((0..sizes.len() - 1).map(layer).collect(), numbers(100 * seed + 99, rows * sizes[0]))
    }

    /// These layers, whose numbers must be f32, at these rows.
    pub fn of(encoder: Vec<Layer>, X: Vec<f32>) -> Self {
        let narrow = |A: &Matrix| -> Vec<f32> { A.values().iter().map(|&v| v as f32).collect() };
        let squares = |A: &Matrix| A.hadamard(A).row_sums().iter().map(|&v| v as f32).collect();
        Trial {
            W: encoder.iter().map(|l| narrow(&l.W)).collect(),
            WT: encoder.iter().map(|l| narrow(&l.W.transposed())).collect(),
            q: encoder.iter().map(|l| squares(&l.W)).collect(),
            G: narrow(&encoder[0].W.product_transpose(&encoder[0].W)),
            encoder,
            X,
        }
    }

    /// The example worked out in docs/derivations/frobenius-deep.md: tanh, then sigmoid.
    pub fn worked_example() -> Self {
        let layer = |rows, W: &[f64], activation| {
            let n = W.len() / rows;
            Layer { W: Matrix::new(rows, n, W.to_vec()), b: vec![0.0; rows], activation }
        };
        let first = layer(2, &[1.0, 0.0, 1.0, 1.0], Activation::Tanh);
        Trial::of(vec![first, layer(1, &[1.0, -2.0], Activation::Sigmoid)], vec![0.5, -0.25])
    }

    /// Features d of a row.
    pub fn d(&self) -> usize {
        self.encoder[0].W.columns()
    }

    /// Rows of `X`, in f64.
    pub fn rows(&self) -> impl Iterator<Item = Vec<f64>> {
        self.X.chunks_exact(self.d()).map(wide)
    }

    /// The layers as the pages see them.
    pub fn net(&self) -> Vec<DenseLayer<'_>> {
        let layer = |l: usize| DenseLayer {
            W: &self.W[l],
            WT: &self.WT[l],
            m: self.encoder[l].W.rows(),
            n: self.encoder[l].W.columns(),
            is_smooth: !self.encoder[l].activation.is_piecewise_linear(),
        };
        (0..self.encoder.len()).map(layer).collect()
    }

    /// x + ε of each corruption, after x: the points of a pass. `corruptions` is (C, rows, d).
    pub fn points(&self, corruptions: &[f32]) -> Vec<Vec<f32>> {
        let moved = |e: &[f32]| self.X.iter().zip(e).map(|(x, e)| x + e).collect();
        std::iter::once(self.X.clone()).chain(corruptions.chunks_exact(self.X.len().max(1)).map(moved)).collect()
    }

    /// φ′ and φ″ of every layer at each point, and room for dZ.
    pub fn passes(&self, points: &[Vec<f32>]) -> Vec<Vec<LayerPass>> {
        let at = |X: &Vec<f32>| {
            let mut pass = vec![LayerPass::default(); self.encoder.len()];
            for x in X.chunks_exact(self.d()) {
                let trace = forward(&self.encoder, &wide(x));
                for ((layer, into), z) in self.encoder.iter().zip(&mut pass).zip(&trace.z) {
                    let phi = layer.activation;
                    append(&mut into.d, z.iter().map(|z| phi.derivative(*z) as f32));
                    if !phi.is_piecewise_linear() {
                        append(&mut into.dd, z.iter().map(|z| phi.second_derivative(*z) as f32));
                    }
                    into.dZ.resize(into.d.len());
                }
            }
            pass
        };
        points.iter().map(at).collect()
    }

    /// Gradient 0.
    pub fn zeros(&self) -> Vec<LayerGradient> {
        let zero = |l: &Layer| LayerGradient { dW: Matrix::zeros(l.W.rows(), l.W.columns()), db: vec![0.0; l.b.len()] };
        self.encoder.iter().map(zero).collect()
    }

    /// What the dZ of `passes` become by ordinary backpropagation: the gradient but for the weights' direct part.
    pub fn backpropagated(&self, points: &[Vec<f32>], passes: &[Vec<LayerPass>]) -> Vec<LayerGradient> {
        let mut gradient = self.zeros();
        for (X, pass) in points.iter().zip(passes) {
            for (b, x) in X.chunks_exact(self.d()).enumerate() {
                let trace = forward(&self.encoder, &wide(x));
                let rows = pass.iter().zip(&self.encoder);
                let dz: Vec<Vec<f64>> = rows.map(|(p, l)| wide(&p.dZ[b * l.b.len()..][..l.b.len()])).collect();
                backward(&self.encoder, &trace, &vec![0.0; trace.output().len()], &dz, &mut gradient);
            }
        }
        gradient
    }

    /// dW_l,j += 2 s_l,j W_l,j, for the layers that have an s.
    pub fn add_row_scales(&self, gradient: &mut [LayerGradient], s: &[impl std::ops::Deref<Target = [f32]>]) {
        for ((into, layer), s) in gradient.iter_mut().zip(&self.encoder).zip(s).filter(|(_, s)| !s.is_empty()) {
            into.dW.add(&layer.W.scaled_rows(&wide(s)).scaled(2.0));
        }
    }

    /// dW_1 += 2 K W_1 and dW_l += what was gathered, as the engine does.
    pub fn add_sums(&self, gradient: &mut [LayerGradient], sums: &WeightSums, first_is_transposed: bool) {
        let m = self.encoder[0].W.rows();
        if !sums.K.is_empty() {
            let mut K = sums.K.clone();
            mirror(&mut K, m);
            gradient[0].dW.add(&Matrix::new(m, m, wide(&K)).product(&self.encoder[0].W).scaled(2.0));
        }
        for (l, sum) in sums.W.iter().enumerate().filter(|(_, sum)| !sum.is_empty()) {
            let (m, n) = (self.encoder[l].W.rows(), self.encoder[l].W.columns());
            let dW = match first_is_transposed && l == 0 {
                true => Matrix::new(n, m, wide(sum)).transposed(),
                false => Matrix::new(m, n, wide(sum)),
            };
            gradient[l].dW.add(&dW);
        }
    }

    /// P of each row and, with the row weight `w`, the whole gradient, by `plan`.
    pub fn by_plan(&self, plan: PenaltyPlan, draws: &[f32], w: f32) -> (Vec<f64>, Vec<LayerGradient>) {
        let corruptions = if matches!(plan, PenaltyPlan::HessianDeep { .. } | PenaltyPlan::HessianOneLayer { .. }) {
            draws
        } else {
            &[]
        };
        let points = self.points(corruptions);
        let (net, mut passes, mut lane) = (self.net(), self.passes(&points), LanePenalty::default());
        let mut F = KhatriRaoProduct::default();
        if plan.needs_khatri_rao() {
            F.refresh(Arch::new(), net[0].WT, net[1].W, net[0].m);
        }
        let weights = StepWeights {
            net: &net,
            q: &self.q,
            G: &self.G,
            F: &F,
            chain: &[],
            biases: &[],
            activations: &[],
            net64: &[],
        };
        let rows = LaneRows { X: &self.X, draws, h: &[], h_stride: 1 };
        let mut P = vec![0.0; self.X.len() / self.d()];
        lane.reset(plan, &net);
        lane.forward_backward(Arch::new(), plan, &mut P, &mut passes, weights, rows, Some(w));
        let mut gradient = self.backpropagated(&points, &passes);
        self.add_row_scales(&mut gradient, &lane.s);
        self.add_sums(&mut gradient, &lane.sums, plan.first_is_transposed());
        (P, gradient)
    }

    /// ‖J‖²_F of each row and the gradient of `w` times their sum, from the explicit Jacobian in f64.
    pub fn explicit(&self, w: f64) -> (Vec<f64>, Vec<LayerGradient>) {
        let mut gradient = self.zeros();
        let square = |x: Vec<f64>| {
            let at = jacobian(&self.encoder, &x);
            jacobian_backward(&self.encoder, &at, &at.J().scaled(2.0 * w), &mut gradient);
            at.J().squared_norm()
        };
        (self.rows().map(square).collect(), gradient)
    }
}
