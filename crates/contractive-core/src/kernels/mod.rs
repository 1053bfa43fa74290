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
//!
//! Of a convolution k × k of any stride under 1 × 1 layers ‖J‖²_F is Σ over places of the patches' (`docs/derivations/convolution.md`):
//! [`patches`](crate::patches) makes rows of them, and the pages above need not know.
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
pub mod pieces;
pub mod reconstruction;
pub mod sparsity;
pub mod strided_rows;
pub mod sums;
pub mod transpose;
#[cfg(test)]
mod trial;
pub mod weight_norms;

use std::ops::Range;

use pulp::Arch;

use self::lane_penalty::Call;
pub use self::lane_penalty::{LanePenalty, LaneRows, StepWeights};
use self::network_jacobian::Carry;
pub use self::operands::{DenseLayer, LayerPass};
use crate::architecture::Architecture;
use crate::buffer::Buffer;
use crate::order::{self, Order, Top};
use crate::penalty::Penalty;

/// Which page computes a penalty for a given network and batch size. Chosen once; a step only follows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PenaltyPlan {
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

impl PenaltyPlan {
    /// The page for `penalty` on this network with batches of `batch` rows.
    pub fn new(penalty: Penalty, architecture: &Architecture, batch: usize) -> PenaltyPlan {
        let sizes = &architecture.encoder_sizes;
        let gram = |top| order::choose(sizes, top, batch) == Order::CodeSideGram;
        let exact = |root| match (architecture.encoder_depth(), order::of_encoder(architecture, batch)) {
            (1, _) => PenaltyPlan::OneLayer { root },
            (_, Order::InputSide) => PenaltyPlan::InputSide { root },
            (_, Order::KhatriRao) => PenaltyPlan::KhatriRao { root },
            (_, order) => PenaltyPlan::CodeSide { top: Top::Units, gram: order == Order::CodeSideGram, root },
        };
        match penalty {
            Penalty::None => PenaltyPlan::None,
            Penalty::Jacobian => exact(false),
            Penalty::JacobianNorm => exact(true),
            Penalty::Layerwise => PenaltyPlan::Layerwise,
            Penalty::Projection { probes, .. } => {
                let top = Top::Probes(probes);
                PenaltyPlan::CodeSide { top, gram: gram(top), root: false }
            }
            Penalty::FiniteDifference { epsilon, directions } => PenaltyPlan::FiniteDifference { epsilon, directions },
            Penalty::Hessian { ratio, .. } if architecture.encoder_depth() == 1 => {
                PenaltyPlan::HessianOneLayer { ratio: ratio as f32 }
            }
            Penalty::Hessian { ratio, .. } => {
                let direct = order::cost(Order::CodeSideDirect, sizes, Top::Units, batch);
                let gram = order::cost(Order::CodeSideGram, sizes, Top::Units, batch) < direct;
                PenaltyPlan::HessianDeep { ratio: ratio as f32, gram }
            }
            Penalty::LogisticLast { hold_weights } => PenaltyPlan::LogisticLast { hold_weights },
            Penalty::Reconstruction { probes } => {
                let (depth, sizes) = (architecture.encoder_depth(), &architecture.encoder_sizes);
                let chain: Vec<usize> = sizes[..depth].iter().chain(&architecture.decoder_sizes).copied().collect();
                PenaltyPlan::NetworkJacobian {
                    decoder_only: false,
                    carry: PenaltyPlan::carry(&chain, probes, batch, true),
                }
            }
            Penalty::Decoder { probes } => {
                let carry = PenaltyPlan::carry(&architecture.decoder_sizes, probes, batch, false);
                PenaltyPlan::NetworkJacobian { decoder_only: true, carry }
            }
            Penalty::WeightL1 => PenaltyPlan::WeightL1,
            Penalty::WeightL2 => PenaltyPlan::WeightL2,
        }
    }

    /// What to carry through a chain of these sizes; G is computed only for the encoder's first layer.
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

    /// Whether the penalty is a norm, the root of what its page sums.
    pub fn takes_root(self) -> bool {
        match self {
            PenaltyPlan::OneLayer { root }
            | PenaltyPlan::CodeSide { root, .. }
            | PenaltyPlan::InputSide { root }
            | PenaltyPlan::KhatriRao { root } => root,
            _ => false,
        }
    }

    /// Whether it runs the chain of encoder and decoder by itself.
    pub fn needs_chain(self) -> bool {
        matches!(self, PenaltyPlan::NetworkJacobian { .. })
    }

    /// The value of a penalty of the weights alone, else `None`.
    pub fn weights_forward(self, arch: Arch, net: &[DenseLayer<'_>]) -> Option<f64> {
        match self {
            PenaltyPlan::WeightL1 => Some(net.iter().map(|l| weight_norms::weight_l1_forward(l.W)).sum()),
            PenaltyPlan::WeightL2 => Some(net.iter().map(|l| weight_norms::weight_l2_forward(arch, l.W)).sum()),
            _ => None,
        }
    }

    /// dW += w ∂P/∂W for the weights in `W`, of a penalty of the weights alone; nothing for the others.
    pub fn weights_backward(self, arch: Arch, dW: &mut [f32], W: &[f32], w: f32) {
        match self {
            PenaltyPlan::WeightL1 => weight_norms::weight_l1_backward(arch, dW, W, w),
            PenaltyPlan::WeightL2 => weight_norms::weight_l2_backward(arch, dW, W, w),
            _ => {}
        }
    }

    /// Whether it sums rows at all, or only looks at the weights.
    pub fn looks_at_rows(self) -> bool {
        !matches!(self, PenaltyPlan::None | PenaltyPlan::WeightL1 | PenaltyPlan::WeightL2)
    }

    /// Whether it needs G = W_1 W_1ᵀ.
    pub fn needs_gram(self) -> bool {
        let is_chain = matches!(self, PenaltyPlan::NetworkJacobian { carry: Carry::Rows { gram: true, .. }, .. });
        is_chain
            || matches!(self, PenaltyPlan::CodeSide { gram: true, .. } | PenaltyPlan::HessianDeep { gram: true, .. })
    }

    /// Whether it needs W_1ᵀ ⊙ W_2.
    pub fn needs_khatri_rao(self) -> bool {
        matches!(self, PenaltyPlan::KhatriRao { .. })
    }

    /// Whether its kernels read Wᵀ of encoder layer `l`, beside the forward pass, which does without.
    pub fn reads_transposed(self, l: usize) -> bool {
        match self {
            PenaltyPlan::None | PenaltyPlan::WeightL1 | PenaltyPlan::WeightL2 | PenaltyPlan::LogisticLast { .. } => {
                false
            }
            PenaltyPlan::OneLayer { .. } | PenaltyPlan::HessianOneLayer { .. } | PenaltyPlan::Layerwise => false,
            // G stands for the first layer.
            PenaltyPlan::CodeSide { gram, .. } | PenaltyPlan::HessianDeep { gram, .. } => l > 0 || !gram,
            PenaltyPlan::InputSide { .. } | PenaltyPlan::KhatriRao { .. } => true,
            PenaltyPlan::FiniteDifference { .. } | PenaltyPlan::NetworkJacobian { .. } => true,
        }
    }

    /// Whether it needs the row norms q_l of the weights.
    pub fn needs_row_norms(self) -> bool {
        let one_layer = matches!(self, PenaltyPlan::OneLayer { .. } | PenaltyPlan::HessianOneLayer { .. });
        one_layer || matches!(self, PenaltyPlan::Layerwise | PenaltyPlan::LogisticLast { .. })
    }

    /// Whether it needs the weights in f64.
    pub fn needs_f64(self) -> bool {
        matches!(self, PenaltyPlan::FiniteDifference { .. })
    }

    /// Whether it has a gradient with respect to the encoder's pre-activations; `any_smooth`: some layer has a φ″.
    pub fn reaches_activations(self, any_smooth: bool) -> bool {
        match self {
            PenaltyPlan::FiniteDifference { .. } | PenaltyPlan::LogisticLast { .. } => true,
            // The whole network's chain goes back through its own layers; the decoder's ends in the encoder's code.
            PenaltyPlan::NetworkJacobian { decoder_only, .. } => decoder_only,
            plan => plan.looks_at_rows() && any_smooth,
        }
    }

    /// Whether dW_1 is gathered transposed, (d, m_1).
    pub fn first_is_transposed(self) -> bool {
        matches!(
            self,
            PenaltyPlan::InputSide { .. } | PenaltyPlan::KhatriRao { .. } | PenaltyPlan::FiniteDifference { .. }
        )
    }

    /// Which encoder layers' weight gradients it gathers in [`WeightSums::W`](frobenius_deep::WeightSums::W), and whether K.
    pub fn gathers(self, depth: usize) -> (Range<usize>, bool) {
        match self {
            PenaltyPlan::CodeSide { gram, .. } | PenaltyPlan::HessianDeep { gram, .. } => {
                (usize::from(gram)..depth, gram)
            }
            PenaltyPlan::InputSide { .. } | PenaltyPlan::KhatriRao { .. } | PenaltyPlan::FiniteDifference { .. } => {
                (0..depth, false)
            }
            _ => (0..0, false),
        }
    }

    /// Whether it gathers s, for dW_j += 2 s_j W_j, in layer `l` of `depth`.
    pub fn gathers_row_scales(self, l: usize, depth: usize) -> bool {
        match self {
            PenaltyPlan::OneLayer { .. } | PenaltyPlan::HessianOneLayer { .. } | PenaltyPlan::Layerwise => true,
            PenaltyPlan::LogisticLast { hold_weights } => !hold_weights && l + 1 == depth,
            _ => false,
        }
    }
}

impl LanePenalty {
    /// Sets the sums that `plan` gathers to zero, sized for `net`.
    pub fn reset(&mut self, plan: PenaltyPlan, net: &[DenseLayer<'_>]) {
        let depth = net.len();
        let (layers, gathers_gram) = plan.gathers(depth);
        let zero = |sum: &mut Buffer, n: usize| {
            sum.reset(n);
        };
        zero(&mut self.sums.K, if gathers_gram { net[0].m * net[0].m } else { 0 });
        self.sums.W.resize_with(depth, Buffer::new);
        self.s.resize_with(depth, Buffer::new);
        self.db.resize_with(depth, Buffer::new);
        for (l, layer) in net.iter().enumerate() {
            zero(&mut self.sums.W[l], if layers.contains(&l) { layer.m * layer.n } else { 0 });
            zero(&mut self.s[l], if plan.gathers_row_scales(l, depth) { layer.m } else { 0 });
            zero(&mut self.db[l], if plan.needs_f64() { layer.m } else { 0 });
        }
    }

    /// The same for the sums of a chain, where the plan runs one.
    pub fn reset_chain(&mut self, plan: PenaltyPlan, chain: &[DenseLayer<'_>], depth: usize) {
        if let PenaltyPlan::NetworkJacobian { decoder_only, carry } = plan {
            self.chain.reset(&chain[if decoder_only { depth } else { 0 }..], carry);
        }
    }

    /// P\[b\] for the rows of a lane; with `w` = contraction/N also every dZ of `passes` and the sums here.
    ///
    /// `passes[0]` is the encoder at the clean rows, `passes[1..]` at the corrupted ones of `hessian`.
    pub fn forward_backward(
        &mut self,
        arch: Arch,
        plan: PenaltyPlan,
        P: &mut [f64],
        passes: &mut [Vec<LayerPass>],
        weights: StepWeights<'_>,
        rows: LaneRows<'_>,
        w: Option<f32>,
    ) {
        P.fill(0.0);
        self.w.resize(P.len(), 0.0);
        let call = Call { arch, weights, rows, w };
        match plan {
            PenaltyPlan::None | PenaltyPlan::WeightL1 | PenaltyPlan::WeightL2 => {}
            PenaltyPlan::OneLayer { root } => self.one_layer(call, P, &mut passes[0][0], root),
            PenaltyPlan::Layerwise => self.layerwise(call, P, &mut passes[0]),
            PenaltyPlan::LogisticLast { hold_weights } => self.logistic_last(call, P, &mut passes[0], hold_weights),
            PenaltyPlan::CodeSide { top, gram, root } => self.by_code_side(call, P, &mut passes[0], top, gram, root),
            PenaltyPlan::InputSide { root } => self.by_input_side(call, P, &mut passes[0], root),
            PenaltyPlan::KhatriRao { root } => self.by_khatri_rao(call, P, &mut passes[0], root),
            PenaltyPlan::HessianOneLayer { ratio } => self.hessian_one_layer(call, P, passes, ratio),
            PenaltyPlan::HessianDeep { ratio, gram } => self.hessian_deep(call, P, passes, ratio, gram),
            PenaltyPlan::NetworkJacobian { decoder_only: false, carry } => {
                self.chain_jacobian(call, P, 0, call.rows.X, &mut [], carry);
            }
            PenaltyPlan::NetworkJacobian { decoder_only: true, carry } => {
                self.decoder_jacobian(call, P, &mut passes[0], carry);
            }
            PenaltyPlan::FiniteDifference { epsilon, directions } => {
                self.finite_difference(call, P, &mut passes[0][0].dZ, epsilon, directions);
            }
        }
        if plan.takes_root() {
            P.iter_mut().for_each(|p| *p = p.sqrt());
        }
    }
}
