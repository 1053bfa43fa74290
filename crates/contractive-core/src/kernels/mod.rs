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
pub mod hessian;
pub mod layerwise;
pub mod logistic_last;
mod memory;
pub mod network_jacobian;
pub mod operands;
pub mod reconstruction;
pub mod sparsity;
pub mod sums;
pub mod transpose;
#[cfg(test)]
mod trial;
pub mod weight_norms;

use pulp::Arch;

use self::frobenius_deep::code_side::{self, End};
use self::frobenius_deep::input_side;
use self::frobenius_deep::khatri_rao;
use self::frobenius_deep::order::{self, Order, Top};
pub use self::memory::LanePenalty;
use self::network_jacobian::{Carry, Chain, chain_forward_backward};
pub use self::operands::{DenseLayer, LaneRows, LayerPass, StepWeights};
use crate::architecture::Architecture;
use crate::penalty::Penalty;

/// Which page a penalty opens for a given network and batch size. Chosen once; a step only follows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Plan {
    /// No penalty takes part.
    None,
    /// Σ|w|.
    WeightL1,
    /// Σw².
    WeightL2,
    /// ‖J‖² of one layer, closed form; `root` takes ‖J‖.
    OneLayer {
        /// Whether the penalty is the norm, not its square.
        root: bool,
    },
    /// One closed form a layer.
    Layerwise,
    /// Rows from the code down: all of J, or probes.
    CodeSide {
        /// Unit rows or probes.
        top: Top,
        /// Whether the chain ends in G (else in W_1).
        gram: bool,
        /// Whether the penalty is the norm, not its square.
        root: bool,
    },
    /// Tangents from the input up.
    InputSide {
        /// Whether the penalty is the norm, not its square.
        root: bool,
    },
    /// All of J at once, from W_1ᵀ ⊙ W_2; two layers.
    KhatriRao {
        /// Whether the penalty is the norm, not its square.
        root: bool,
    },
    /// CAE+H of one layer, closed form.
    HessianOneLayer {
        /// Weight of the second term.
        ratio: f32,
    },
    /// CAE+H of a deep encoder.
    HessianDeep {
        /// Weight of the second term.
        ratio: f32,
        /// Whether the chains end in G.
        gram: bool,
    },
    /// Central differences.
    FiniteDifference {
        /// The step ε.
        epsilon: f64,
        /// Random directions a row; 0 for every coordinate.
        directions: usize,
    },
    /// The Jacobian of the whole network or of the decoder.
    NetworkJacobian {
        /// Whether the chain is the decoder alone.
        decoder_only: bool,
        /// What is carried through it.
        carry: Carry,
    },
    /// The widely copied form.
    LogisticLast {
        /// Whether W is held constant.
        hold_weights: bool,
    },
}

impl Plan {
    /// The page for `penalty` on this network with batches of `batch` rows.
    pub fn new(penalty: Penalty, architecture: &Architecture, batch: usize) -> Plan {
        let sizes = &architecture.encoder_sizes;
        let gram = |top| order::choose(sizes, top, batch) == Order::CodeSideGram;
        let exact = |root| match (architecture.encoder_depth(), order::of_encoder(architecture, batch)) {
            (1, _) => Plan::OneLayer { root },
            (_, Order::InputSide) => Plan::InputSide { root },
            (_, Order::KhatriRao) => Plan::KhatriRao { root },
            (_, order) => Plan::CodeSide { top: Top::Units, gram: order == Order::CodeSideGram, root },
        };
        match penalty {
            Penalty::None => Plan::None,
            Penalty::Jacobian => exact(false),
            Penalty::JacobianNorm => exact(true),
            Penalty::Layerwise => Plan::Layerwise,
            Penalty::Projection { probes, .. } => {
                let top = Top::Probes(probes);
                Plan::CodeSide { top, gram: gram(top), root: false }
            }
            Penalty::FiniteDifference { epsilon, directions } => Plan::FiniteDifference { epsilon, directions },
            Penalty::Hessian { ratio, .. } if architecture.encoder_depth() == 1 => {
                Plan::HessianOneLayer { ratio: ratio as f32 }
            }
            Penalty::Hessian { ratio, .. } => {
                let direct = order::cost(Order::CodeSideDirect, sizes, Top::Units, batch);
                let gram = order::cost(Order::CodeSideGram, sizes, Top::Units, batch) < direct;
                Plan::HessianDeep { ratio: ratio as f32, gram }
            }
            Penalty::LogisticLast { hold_weights } => Plan::LogisticLast { hold_weights },
            Penalty::Reconstruction { probes } => {
                let (depth, sizes) = (architecture.encoder_depth(), &architecture.encoder_sizes);
                let chain: Vec<usize> = sizes[..depth].iter().chain(&architecture.decoder_sizes).copied().collect();
                Plan::NetworkJacobian { decoder_only: false, carry: Plan::carry(&chain, probes, batch, true) }
            }
            Penalty::Decoder { probes } => {
                let carry = Plan::carry(&architecture.decoder_sizes, probes, batch, false);
                Plan::NetworkJacobian { decoder_only: true, carry }
            }
            Penalty::WeightL1 => Plan::WeightL1,
            Penalty::WeightL2 => Plan::WeightL2,
        }
    }

    /// What to carry through a chain of these sizes; G is at hand only for the encoder's first layer.
    fn carry(sizes: &[usize], probes: usize, batch: usize, has_gram: bool) -> Carry {
        let top = if probes > 0 { Top::Probes(probes) } else { Top::Units };
        let price = |order| order::cost(order, sizes, top, batch);
        let direct = price(Order::CodeSideDirect);
        let gram = has_gram && price(Order::CodeSideGram) < direct;
        let rows = if gram { price(Order::CodeSideGram) } else { direct };
        match probes {
            0 if sizes.len() == 2 => Carry::Nothing,
            0 if price(Order::InputSide) < rows => Carry::Tangents,
            _ => Carry::Rows { probes, gram },
        }
    }

    /// Whether it runs the chain of encoder and decoder by itself.
    pub fn needs_chain(self) -> bool {
        matches!(self, Plan::NetworkJacobian { .. })
    }

    /// The value of a penalty of the weights alone, else `None`.
    pub fn weights_forward(self, arch: Arch, net: &[DenseLayer<'_>]) -> Option<f64> {
        match self {
            Plan::WeightL1 => Some(net.iter().map(|l| weight_norms::weight_l1_forward(l.W)).sum()),
            Plan::WeightL2 => Some(net.iter().map(|l| weight_norms::weight_l2_forward(arch, l.W)).sum()),
            _ => None,
        }
    }

    /// dW += w ∂P/∂W for the weights in `W`, of a penalty of the weights alone; nothing for the others.
    pub fn weights_backward(self, arch: Arch, dW: &mut [f32], W: &[f32], w: f32) {
        match self {
            Plan::WeightL1 => weight_norms::weight_l1_backward(arch, dW, W, w),
            Plan::WeightL2 => weight_norms::weight_l2_backward(arch, dW, W, w),
            _ => {}
        }
    }

    /// Whether it sums rows at all, or only looks at the weights.
    pub fn looks_at_rows(self) -> bool {
        !matches!(self, Plan::None | Plan::WeightL1 | Plan::WeightL2)
    }

    /// Whether it needs G = W_1 W_1ᵀ.
    pub fn needs_gram(self) -> bool {
        let is_chain = matches!(self, Plan::NetworkJacobian { carry: Carry::Rows { gram: true, .. }, .. });
        is_chain || matches!(self, Plan::CodeSide { gram: true, .. } | Plan::HessianDeep { gram: true, .. })
    }

    /// Whether it needs W_1ᵀ ⊙ W_2.
    pub fn needs_khatri_rao(self) -> bool {
        matches!(self, Plan::KhatriRao { .. })
    }

    /// Whether its kernels read Wᵀ of encoder layer `l`, beside the forward pass, which does without.
    pub fn reads_transposed(self, l: usize) -> bool {
        match self {
            Plan::None | Plan::WeightL1 | Plan::WeightL2 | Plan::LogisticLast { .. } => false,
            Plan::OneLayer { .. } | Plan::HessianOneLayer { .. } | Plan::Layerwise => false,
            // G stands for the first layer.
            Plan::CodeSide { gram, .. } | Plan::HessianDeep { gram, .. } => l > 0 || !gram,
            Plan::InputSide { .. } | Plan::KhatriRao { .. } => true,
            Plan::FiniteDifference { .. } | Plan::NetworkJacobian { .. } => true,
        }
    }

    /// Whether it needs the row norms q_l of the weights.
    pub fn needs_row_norms(self) -> bool {
        let one_layer = matches!(self, Plan::OneLayer { .. } | Plan::HessianOneLayer { .. });
        one_layer || matches!(self, Plan::Layerwise | Plan::LogisticLast { .. })
    }

    /// Whether it needs the weights in f64.
    pub fn needs_f64(self) -> bool {
        matches!(self, Plan::FiniteDifference { .. })
    }

    /// Whether it sends something back into the pre-activations of a network of which `is_smooth` layers exist.
    pub fn reaches_activations(self, any_smooth: bool) -> bool {
        match self {
            Plan::FiniteDifference { .. } | Plan::LogisticLast { .. } => true,
            // The whole network's chain goes back through its own layers; the decoder's ends in the encoder's code.
            Plan::NetworkJacobian { decoder_only, .. } => decoder_only,
            plan => plan.looks_at_rows() && any_smooth,
        }
    }

    /// Whether dW_1 is gathered transposed, (d, m_1).
    pub fn first_is_transposed(self) -> bool {
        matches!(self, Plan::InputSide { .. } | Plan::KhatriRao { .. } | Plan::FiniteDifference { .. })
    }

    /// Which encoder layers' weight gradients it gathers in [`WeightSums::W`](frobenius_deep::WeightSums::W), and whether K.
    pub fn gathers(self, depth: usize) -> (std::ops::Range<usize>, bool) {
        match self {
            Plan::CodeSide { gram, .. } | Plan::HessianDeep { gram, .. } => (usize::from(gram)..depth, gram),
            Plan::InputSide { .. } | Plan::KhatriRao { .. } | Plan::FiniteDifference { .. } => (0..depth, false),
            _ => (0..0, false),
        }
    }

    /// Whether it gathers s, for dW_j += 2 s_j W_j, in layer `l` of `depth`.
    pub fn gathers_row_scales(self, l: usize, depth: usize) -> bool {
        match self {
            Plan::OneLayer { .. } | Plan::HessianOneLayer { .. } | Plan::Layerwise => true,
            Plan::LogisticLast { hold_weights } => !hold_weights && l + 1 == depth,
            _ => false,
        }
    }
}

/// Numbers that a group of samples may hold in one stack of rows, so that it stays in a core's cache.
const GROUP: usize = 1 << 18;

impl LanePenalty {
    /// P\[b\] for the rows of a lane; with `w` = contraction/N also every dZ of `passes` and the sums here.
    ///
    /// `passes[0]` is the encoder at the clean rows, `passes[1..]` at the corrupted ones of `hessian`.
    pub fn forward_backward(
        &mut self,
        arch: Arch,
        plan: Plan,
        P: &mut [f64],
        passes: &mut [Vec<LayerPass>],
        weights: StepWeights<'_>,
        rows: LaneRows<'_>,
        w: Option<f32>,
    ) {
        P.fill(0.0);
        let (net, n, depth) = (weights.net, P.len(), weights.net.len());
        let groups = |of_one: usize| groups(n, of_one, net);
        let end = |gram: bool| if gram { End::Gram(weights.G) } else { End::Direct };
        match plan {
            Plan::None | Plan::WeightL1 | Plan::WeightL2 => {}
            Plan::OneLayer { root } => {
                frobenius::frobenius_forward(arch, P, &passes[0][0].d, &weights.q[0]);
                if let Some(w) = w {
                    row_weights(&mut self.w, P, w, root);
                    let LayerPass { d, dd, dZ } = &mut passes[0][0];
                    frobenius::frobenius_backward(arch, dZ, &mut self.s[0], d, dd, &weights.q[0], &self.w);
                }
                take_root(P, root);
            }
            Plan::Layerwise => {
                layerwise::layerwise_forward(arch, P, &passes[0], weights.q);
                if let Some(w) = w {
                    row_weights(&mut self.w, P, w, false);
                    layerwise::layerwise_backward(arch, &mut self.s, &mut passes[0], weights.q, &self.w);
                }
            }
            Plan::LogisticLast { hold_weights } => {
                let q = &weights.q[depth - 1];
                logistic_last::logistic_last_forward(P, rows.h, rows.h_stride, q);
                if let Some(w) = w {
                    row_weights(&mut self.w, P, w, false);
                    let s = if hold_weights { &mut [][..] } else { &mut self.s[depth - 1] };
                    let LayerPass { d, dZ, .. } = &mut passes[0][depth - 1];
                    logistic_last::logistic_last_backward(arch, dZ, s, rows.h, rows.h_stride, d, q, &self.w);
                }
            }
            Plan::CodeSide { top, gram, root } => {
                let (of_one, probes) = match top {
                    Top::Units => (net[depth - 1].m, 0),
                    Top::Probes(n) => (n, n),
                };
                self.w.resize(n, 0.0);
                for group in groups(of_one) {
                    let (stack, scratch) = (&mut self.rows, &mut self.code_side);
                    code_side::descend(arch, stack, net, &passes[0], group.clone(), rows.draws, probes, false);
                    code_side::end_forward(arch, P, scratch, stack, &net[0], end(gram));
                    if probes > 0 {
                        P[group.clone()].iter_mut().for_each(|p| *p /= probes as f64);
                    }
                    if let Some(w) = w {
                        let w = w / probes.max(1) as f32;
                        row_weights_in(&mut self.w[group.clone()], &P[group], w, root);
                        code_side::end_backward(arch, &mut self.sums, scratch, stack, &self.w, &net[0], end(gram));
                        code_side::ascend(arch, &mut self.sums, &mut passes[0], scratch, stack, net);
                    }
                }
                take_root(P, root);
            }
            Plan::InputSide { root } => {
                self.w.resize(n, 0.0);
                for group in groups(net[0].n) {
                    let stack = &mut self.tangents;
                    input_side::tangents_forward(arch, P, stack, net, &passes[0], group.clone());
                    if let Some(w) = w {
                        row_weights_in(&mut self.w[group.clone()], &P[group], w, root);
                        input_side::tangents_backward(arch, &mut self.sums, &mut passes[0], stack, net, &self.w);
                    }
                }
                take_root(P, root);
            }
            Plan::KhatriRao { root } => {
                self.w.resize(n, 0.0);
                let (stack, F) = (&mut self.khatri_rao, weights.F);
                let group = (GROUP / (net[0].n * net[1].m)).clamp(1, n);
                for from in (0..n).step_by(group) {
                    let group = from..(from + group).min(n);
                    khatri_rao::products_forward(arch, P, stack, F, net, &passes[0], group.clone());
                    if let Some(w) = w {
                        row_weights_in(&mut self.w[group.clone()], &P[group], w, root);
                        khatri_rao::products_backward(arch, &mut self.sums, &mut passes[0], stack, F, net, &self.w);
                    }
                }
                take_root(P, root);
            }
            Plan::HessianOneLayer { ratio } => {
                hessian::hessian_layer_forward(arch, P, passes, &weights.q[0], ratio);
                if let Some(w) = w {
                    row_weights(&mut self.w, P, w, false);
                    hessian::hessian_layer_backward(arch, &mut self.s[0], passes, &weights.q[0], ratio, &self.w);
                }
            }
            Plan::HessianDeep { ratio, gram } => {
                row_weights(&mut self.w, P, w.unwrap_or(0.0), false);
                let w = w.map(|_| &self.w[..]);
                for group in groups(net[depth - 1].m * passes.len()) {
                    let (sums, scratch) = (&mut self.sums, &mut self.hessian);
                    hessian::hessian_deep(arch, P, sums, passes, scratch, net, end(gram), group, ratio, w);
                }
            }
            Plan::NetworkJacobian { decoder_only, carry } => {
                let probes = if let Carry::Rows { probes, .. } = carry { probes.max(1) } else { 1 };
                let from = if decoder_only { depth } else { 0 };
                let chain = Chain {
                    net: &weights.chain[from..],
                    biases: &weights.biases[from..],
                    activations: &weights.activations[from..],
                    G: weights.G,
                };
                let k = net[depth - 1].m;
                self.code.clear();
                self.d_code.clear();
                if decoder_only {
                    rows.h.chunks(rows.h_stride).take(n).for_each(|h| self.code.extend_from_slice(&h[..k]));
                    self.d_code.resize(n * k, 0.0);
                }
                let input = if decoder_only { &self.code[..] } else { rows.X };
                row_weights(&mut self.w, P, w.unwrap_or(0.0) / probes as f32, false);
                let w = w.map(|_| &self.w[..]);
                let (memory, d_code) = (&mut self.chain, &mut self.d_code);
                chain_forward_backward(arch, P, d_code, memory, chain, carry, input, rows.draws, w);
                P.iter_mut().for_each(|p| *p /= probes as f64);
                if decoder_only && w.is_some() {
                    let LayerPass { d, dZ, .. } = &mut passes[0][depth - 1];
                    dZ.iter_mut().zip(&self.d_code).zip(&*d).for_each(|((dZ, dh), d)| *dZ += dh * d);
                }
            }
            Plan::FiniteDifference { epsilon, directions } => {
                let (net64, dZ) = (weights.net64, &mut passes[0][0].dZ);
                let u = |b: usize| &rows.draws[b * directions * net[0].n..][..directions * net[0].n];
                let scratch = &mut self.differences;
                finite_difference::finite_difference_rows(P, dZ, scratch, net64, rows.X, u, epsilon, w);
                if w.is_some() {
                    scratch.round_into(&mut self.sums.W, &mut self.db);
                }
            }
        }
    }
}

/// Groups of samples of a lane of `n`, `of_one` rows a sample.
fn groups(n: usize, of_one: usize, net: &[DenseLayer<'_>]) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
    let widest = net.iter().map(|l| l.m).max().unwrap_or(1);
    let group = (GROUP / (of_one * widest)).clamp(1, n);
    (0..n).step_by(group).map(move |from| from..(from + group).min(n))
}

/// w_b = w, or w/(2√P_b) for the norm; 0 where P_b = 0, where the norm has no gradient.
fn row_weights_in(weights: &mut [f32], P: &[f64], w: f32, root: bool) {
    for (row, &P) in weights.iter_mut().zip(P) {
        *row = match root {
            false => w,
            true if P > 0.0 => (f64::from(w) / (2.0 * P.sqrt())) as f32,
            true => 0.0,
        };
    }
}

fn row_weights(weights: &mut Vec<f32>, P: &[f64], w: f32, root: bool) {
    weights.resize(P.len(), 0.0);
    row_weights_in(weights, P, w, root);
}

fn take_root(P: &mut [f64], root: bool) {
    if root {
        P.iter_mut().for_each(|p| *p = p.sqrt());
    }
}
