//! A penalty on the rows of a lane: the lane's memory for it, and each page run over groups of the lane's samples.

use pulp::Arch;

use super::finite_difference::{FiniteDifferenceScratch, Layer64, finite_difference_rows};
use super::frobenius_deep::WeightSums;
use super::frobenius_deep::code_side::{self, CodeSideScratch, End, RowStack};
use super::frobenius_deep::input_side::{TangentStack, tangents_backward, tangents_forward};
use super::frobenius_deep::khatri_rao::{KhatriRaoProduct, KhatriRaoStack, products_backward, products_forward};
use super::groups::groups;
use super::hessian::{HessianScratch, hessian_deep, hessian_layer_backward, hessian_layer_forward};
use super::network_jacobian::{Carry, Chain, ChainMemory, chain_forward_backward};
use super::operands::{DenseLayer, LayerPass, widest};
use super::{frobenius, layerwise, logistic_last};
use crate::activation::Activation;
use crate::buffer::Buffer;
use crate::order::Top;

/// What every lane reads of the step's weights.
#[derive(Debug, Clone, Copy)]
pub struct StepWeights<'a> {
    /// The encoder's layers.
    pub net: &'a [DenseLayer<'a>],
    /// ‖W_l,j‖² for each layer, where [`PenaltyPlan::needs_row_norms`](super::PenaltyPlan::needs_row_norms).
    pub q: &'a [Vec<f32>],
    /// G = W_1 W_1ᵀ, where [`PenaltyPlan::needs_gram`](super::PenaltyPlan::needs_gram).
    pub G: &'a [f32],
    /// F = W_1ᵀ ⊙ W_2, where [`PenaltyPlan::needs_khatri_rao`](super::PenaltyPlan::needs_khatri_rao).
    pub F: &'a KhatriRaoProduct,
    /// Encoder and decoder in one chain, where [`PenaltyPlan::needs_chain`](super::PenaltyPlan::needs_chain); else empty.
    pub chain: &'a [DenseLayer<'a>],
    /// The chain's biases.
    pub biases: &'a [&'a [f32]],
    /// The chain's activations.
    pub activations: &'a [Activation],
    /// The layers in f64, where [`PenaltyPlan::needs_f64`](super::PenaltyPlan::needs_f64).
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

/// A lane's own memory for its penalty: scratch, and the sums that become weight gradients.
#[derive(Debug, Clone, Default)]
pub struct LanePenalty {
    /// Sums over the lane's rows.
    pub sums: WeightSums,
    /// s_l, for dW_l,j += 2 s_l,j W_l,j.
    pub s: Vec<Buffer>,
    /// What is added to db_l; finite differences alone.
    pub db: Vec<Buffer>,
    /// w_b, one a row.
    pub(super) w: Vec<f32>,
    rows: RowStack,
    code_side: CodeSideScratch,
    tangents: TangentStack,
    khatri_rao: KhatriRaoStack,
    hessian: HessianScratch,
    differences: FiniteDifferenceScratch,
    /// The chain's own sums.
    pub chain: ChainMemory,
    code: Vec<f32>,
    d_code: Vec<f32>,
}

/// The arguments that every page shares.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub arch: Arch,
    pub weights: StepWeights<'a>,
    pub rows: LaneRows<'a>,
    /// contraction/N; `None` asks for the value alone.
    pub w: Option<f32>,
}

impl<'a> Call<'a> {
    fn end(&self, gram: bool) -> End<'a> {
        if gram { End::Gram(self.weights.G) } else { End::Direct }
    }
}

impl LanePenalty {
    pub(super) fn one_layer(&mut self, call: Call<'_>, P: &mut [f64], pass: &mut LayerPass, root: bool) {
        let (arch, q) = (call.arch, &call.weights.q[0]);
        frobenius::frobenius_forward(arch, P, &pass.d, q);
        if let Some(w) = call.w {
            row_weights(&mut self.w, P, w, root);
            let LayerPass { d, dd, dZ } = pass;
            frobenius::frobenius_backward(arch, dZ, &mut self.s[0], d, dd, q, &self.w);
        }
    }

    pub(super) fn layerwise(&mut self, call: Call<'_>, P: &mut [f64], pass: &mut [LayerPass]) {
        let (arch, q) = (call.arch, call.weights.q);
        layerwise::layerwise_forward(arch, P, pass, q);
        if let Some(w) = call.w {
            self.w.fill(w);
            layerwise::layerwise_backward(arch, &mut self.s, pass, q, &self.w);
        }
    }

    pub(super) fn logistic_last(&mut self, call: Call<'_>, P: &mut [f64], pass: &mut [LayerPass], hold_weights: bool) {
        let (last, rows) = (pass.len() - 1, call.rows);
        let q = &call.weights.q[last];
        logistic_last::logistic_last_forward(P, rows.h, rows.h_stride, q);
        if let Some(w) = call.w {
            self.w.fill(w);
            let s = if hold_weights { &mut [][..] } else { &mut self.s[last] };
            let LayerPass { d, dZ, .. } = &mut pass[last];
            logistic_last::logistic_last_backward(call.arch, dZ, s, rows.h, rows.h_stride, d, q, &self.w);
        }
    }

    pub(super) fn by_code_side(
        &mut self,
        call: Call<'_>,
        P: &mut [f64],
        pass: &mut [LayerPass],
        top: Top,
        gram: bool,
        root: bool,
    ) {
        let (arch, net, end) = (call.arch, call.weights.net, call.end(gram));
        let (of_one, probes) = match top {
            Top::Units => (net[net.len() - 1].m, 0),
            Top::Probes(n) => (n, n),
        };
        let (stack, scratch, sums) = (&mut self.rows, &mut self.code_side, &mut self.sums);
        for group in groups(P.len(), of_one * widest(net)) {
            code_side::descend(arch, stack, net, pass, group.clone(), call.rows.draws, probes, false);
            code_side::end_forward(arch, P, scratch, stack, &net[0], end);
            if probes > 0 {
                P[group.clone()].iter_mut().for_each(|p| *p /= probes as f64);
            }
            if let Some(w) = call.w {
                row_weights(&mut self.w[group.clone()], &P[group], w / probes.max(1) as f32, root);
                code_side::end_backward(arch, sums, scratch, stack, &self.w, &net[0], end);
                code_side::ascend(arch, sums, pass, scratch, stack, net);
            }
        }
    }

    pub(super) fn by_input_side(&mut self, call: Call<'_>, P: &mut [f64], pass: &mut [LayerPass], root: bool) {
        let (arch, net, stack) = (call.arch, call.weights.net, &mut self.tangents);
        for group in groups(P.len(), net[0].n * widest(net)) {
            tangents_forward(arch, P, stack, net, pass, group.clone());
            if let Some(w) = call.w {
                row_weights(&mut self.w[group.clone()], &P[group], w, root);
                tangents_backward(arch, &mut self.sums, pass, stack, net, &self.w);
            }
        }
    }

    pub(super) fn by_khatri_rao(&mut self, call: Call<'_>, P: &mut [f64], pass: &mut [LayerPass], root: bool) {
        let (arch, net, F, stack) = (call.arch, call.weights.net, call.weights.F, &mut self.khatri_rao);
        for group in groups(P.len(), net[0].n * net[1].m) {
            products_forward(arch, P, stack, F, net, pass, group.clone());
            if let Some(w) = call.w {
                row_weights(&mut self.w[group.clone()], &P[group], w, root);
                products_backward(arch, &mut self.sums, pass, stack, F, net, &self.w);
            }
        }
    }

    pub(super) fn hessian_one_layer(
        &mut self,
        call: Call<'_>,
        P: &mut [f64],
        passes: &mut [Vec<LayerPass>],
        ratio: f32,
    ) {
        let (arch, q) = (call.arch, &call.weights.q[0]);
        hessian_layer_forward(arch, P, passes, q, ratio);
        if let Some(w) = call.w {
            self.w.fill(w);
            hessian_layer_backward(arch, &mut self.s[0], passes, q, ratio, &self.w);
        }
    }

    pub(super) fn hessian_deep(
        &mut self,
        call: Call<'_>,
        P: &mut [f64],
        passes: &mut [Vec<LayerPass>],
        ratio: f32,
        gram: bool,
    ) {
        let (arch, net, end) = (call.arch, call.weights.net, call.end(gram));
        self.w.fill(call.w.unwrap_or(0.0));
        let w = call.w.map(|_| &self.w[..]);
        for group in groups(P.len(), net[net.len() - 1].m * passes.len() * widest(net)) {
            hessian_deep(arch, P, &mut self.sums, passes, &mut self.hessian, net, end, group, ratio, w);
        }
    }

    /// ‖∂a_n/∂input‖² of the chain's layers from `first` on; with `call.w` also ∂C/∂input into `d_input`, unless it is
    /// empty.
    pub(super) fn chain_jacobian(
        &mut self,
        call: Call<'_>,
        P: &mut [f64],
        first: usize,
        input: &[f32],
        d_input: &mut [f32],
        carry: Carry,
    ) {
        let weights = call.weights;
        let chain = Chain {
            net: &weights.chain[first..],
            biases: &weights.biases[first..],
            activations: &weights.activations[first..],
            G: weights.G,
        };
        let probes = if let Carry::Rows { probes, .. } = carry { probes.max(1) } else { 1 };
        self.w.fill(call.w.unwrap_or(0.0) / probes as f32);
        let w = call.w.map(|_| &self.w[..]);
        chain_forward_backward(call.arch, P, d_input, &mut self.chain, chain, carry, input, call.rows.draws, w);
        P.iter_mut().for_each(|p| *p /= probes as f64);
    }

    /// The decoder's chain starts at the code, and ends in the encoder's last layer: dZ_L += (∂P/∂h) ∘ φ′_L.
    pub(super) fn decoder_jacobian(&mut self, call: Call<'_>, P: &mut [f64], pass: &mut [LayerPass], carry: Carry) {
        let (depth, rows) = (pass.len(), call.rows);
        let k = call.weights.net[depth - 1].m;
        let (mut code, mut d_code) = (std::mem::take(&mut self.code), std::mem::take(&mut self.d_code));
        code.clear();
        rows.h.chunks(rows.h_stride).take(P.len()).for_each(|h| code.extend_from_slice(&h[..k]));
        d_code.clear();
        d_code.resize(P.len() * k, 0.0);
        self.chain_jacobian(call, P, depth, &code, &mut d_code, carry);
        if call.w.is_some() {
            let LayerPass { d, dZ, .. } = &mut pass[depth - 1];
            dZ.iter_mut().zip(&d_code).zip(&*d).for_each(|((dZ, dh), d)| *dZ += dh * d);
        }
        (self.code, self.d_code) = (code, d_code);
    }

    pub(super) fn finite_difference(
        &mut self,
        call: Call<'_>,
        P: &mut [f64],
        dZ: &mut [f32],
        epsilon: f64,
        directions: usize,
    ) {
        let (rows, numbers) = (call.rows, directions * call.weights.net[0].n);
        let u = |b: usize| &rows.draws[b * numbers..][..numbers];
        let scratch = &mut self.differences;
        finite_difference_rows(P, dZ, scratch, call.weights.net64, rows.X, u, epsilon, call.w);
        if call.w.is_some() {
            scratch.round_into(&mut self.sums.W, &mut self.db);
        }
    }
}

/// w_b = w, or w/(2√P_b) for the norm; 0 where P_b = 0, where the norm has no gradient.
fn row_weights(weights: &mut [f32], P: &[f64], w: f32, root: bool) {
    for (row, &P) in weights.iter_mut().zip(P) {
        *row = match root {
            false => w,
            true if P > 0.0 => (f64::from(w) / (2.0 * P.sqrt())) as f32,
            true => 0.0,
        };
    }
}
