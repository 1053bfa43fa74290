//! Which page computes a penalty for a given network and batch size, and what that page needs of the step around it.

use std::ops::Range;

use pulp::Arch;

use super::network_jacobian::Carry;
use super::operands::DenseLayer;
use super::weight_norms;
use crate::architecture::Architecture;
use crate::order::{self, Order, Top};
use crate::penalty::Penalty;

/// Which page a penalty opens for a given network and batch size. Chosen once; a step only follows it.
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

    /// Whether it sends something back into the pre-activations of a network of which `is_smooth` layers exist.
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

    /// Which encoder layers' weight gradients it gathers in [`WeightSums::W`](super::frobenius_deep::WeightSums::W), and whether K.
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
