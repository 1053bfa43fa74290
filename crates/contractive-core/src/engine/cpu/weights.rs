//! What a step derives from the weights before any row is seen, and the views of them that layers use.

use pulp::Arch;

use super::team::Team;
use crate::activation::Activation;
use crate::architecture::Architecture;
use crate::buffer::Buffer;
use crate::kernels::finite_difference::Layer64;
use crate::kernels::frobenius_deep::khatri_rao::KhatriRaoProduct;
use crate::kernels::gemm::{Destination, View, ViewMut, gemm, mirror};
use crate::kernels::strided_rows::StridedRows;
use crate::kernels::sums::row_square_norms;
use crate::kernels::transpose::transpose;
use crate::kernels::{DenseLayer, PenaltyPlan, StepWeights};
use crate::parameters::Parameters;

/// Transposes, Gram matrix and row norms, kept until the weights change.
#[derive(Debug, Default)]
pub struct DerivedWeights {
    /// Wᵀ of each encoder layer, (n, m); empty for a large one that no kernel reads so.
    encoder_transposed: Vec<Buffer>,
    /// The same of each decoder layer; none when tied.
    decoder_transposed: Vec<Buffer>,
    /// ‖W_l,j‖².
    pub row_norms: Vec<Vec<f32>>,
    /// W_1 W_1ᵀ.
    pub gram: Buffer,
    /// Part of W_1ᵀ for each band of G, where all of it is not kept.
    gram_blocks: Vec<Buffer>,
    /// W_1ᵀ ⊙ W_2.
    pub khatri_rao: KhatriRaoProduct,
    /// The encoder in f64.
    pub net64: Vec<Layer64>,
}

/// Size of a weight, in numbers, up to which it stays in a core's L2 cache beside the rows.
pub const NEAR: usize = 1 << 17;
/// Columns of a weight whose transpose a band of G holds at once.
const GRAM_BLOCK: usize = 2048;

/// Size of the part of a weight that one task takes, in numbers, about.
const BAND: usize = 1 << 14;

/// A part of the work, by one thread.
enum Task<'a> {
    /// Some rows of T = Wᵀ, of as many columns of W.
    Transpose { T: &'a mut [f32], W: StridedRows<'a> },
    /// ‖W_j‖² of some rows.
    Norms { q: &'a mut [f32], W: &'a [f32], n: usize },
}

impl Task<'_> {
    fn run(self, arch: Arch) {
        match self {
            Task::Transpose { T, W } => transpose(T, W.rows, W),
            Task::Norms { q, W, n } => row_square_norms(arch, q, W, n),
        }
    }
}

impl DerivedWeights {
    /// Computes what the plans need from `parameters`.
    pub fn refresh(&mut self, arch: Arch, team: &mut Team, parameters: &Parameters, plans: [PenaltyPlan; 2]) {
        let architecture = parameters.architecture();
        let depth = architecture.encoder_depth();
        let decoder_depth = if architecture.tied { 0 } else { architecture.decoder_depth() };
        self.encoder_transposed.resize_with(depth, Buffer::new);
        self.decoder_transposed.resize_with(decoder_depth, Buffer::new);
        self.row_norms.resize_with(depth, Vec::new);
        let encoder = self.encoder_transposed.iter_mut().enumerate().map(|(l, T)| {
            let W = parameters.encoder_weight(l);
            let is_read = plans.iter().any(|plan| plan.reads_transposed(l));
            (T, StridedRows::dense(W.values(), W.rows(), W.columns()), is_read)
        });
        let decoder = self.decoder_transposed.iter_mut().enumerate().map(|(l, T)| {
            let (n, m) = decoder_shape(architecture, l);
            let is_read = plans.iter().any(|plan| plan.needs_chain());
            (T, StridedRows::dense(decoder_weight(parameters, l), m, n), is_read)
        });
        let transposes = encoder.chain(decoder).flat_map(|(T, W, is_read)| {
            let (m, n) = (W.rows, W.columns);
            // Rows pass through a large layer without its transpose (kernels/affine.rs).
            T.resize(if is_read || m * n <= NEAR { m * n } else { 0 });
            let rows = (BAND / m).max(16);
            T.chunks_mut(rows * m).enumerate().map(move |(i, T)| {
                let W = StridedRows { data: &W.data[i * rows..], columns: T.len() / m, ..W };
                Task::Transpose { T, W }
            })
        });
        let wants_norms = plans.iter().any(|p| p.needs_row_norms());
        let norms = self.row_norms.iter_mut().enumerate().filter(|_| wants_norms).flat_map(|(l, q)| {
            let W = parameters.encoder_weight(l);
            let (m, n) = (W.rows(), W.columns());
            q.resize(m, 0.0);
            let rows = (BAND / n).max(1);
            q.chunks_mut(rows).zip(W.values().chunks(rows * n)).map(move |(q, W)| Task::Norms { q, W, n })
        });
        team.each(transposes.chain(norms), |task| task.run(arch));
        if plans.iter().any(|p| p.needs_gram()) {
            self.multiply_gram(team, parameters);
        }
        if plans.iter().any(|p| p.needs_khatri_rao()) {
            let second = parameters.encoder_weight(1);
            self.khatri_rao.refresh(arch, &self.encoder_transposed[0], second.values(), second.columns());
        }
        if plans.iter().any(|p| p.needs_f64()) {
            self.widen(parameters);
        }
    }

    /// G = W_1 W_1ᵀ: the columns on and above the diagonal, band by band, then the rest. A band of a large weight
    /// transposes its own rows, block by block.
    fn multiply_gram(&mut self, team: &mut Team, parameters: &Parameters) {
        /// Columns of a band.
        const COLUMNS: usize = 32;
        let W = parameters.encoder_weight(0);
        let (m, n) = (W.rows(), W.columns());
        let WT = &self.encoder_transposed[0];
        self.gram.resize(m * m);
        self.gram_blocks.resize_with(if WT.is_empty() { m.div_ceil(COLUMNS) } else { 0 }, Buffer::new);
        let mut blocks = self.gram_blocks.iter_mut();
        let mut rest = Some(ViewMut::new(&mut self.gram, m, m));
        let bands = (0..m).step_by(COLUMNS).filter_map(|from| {
            let to = (from + COLUMNS).min(m);
            let (band, right) = rest.take()?.split_columns(to - from);
            rest = Some(right);
            Some((from..to, band.split_rows(to).0, blocks.next()))
        });
        team.each(bands, |(columns, mut band, block)| {
            let above = View::new(W.values(), columns.end, n);
            let Some(block) = block else {
                return gemm(band, Destination::Set, 1.0, above, View::new(WT, n, m).columns_in(columns));
            };
            for from in (0..n).step_by(GRAM_BLOCK) {
                let inputs = from..(from + GRAM_BLOCK).min(n);
                block.resize(inputs.len() * columns.len());
                let own = &W.values()[columns.start * n + from..];
                let own = StridedRows { data: own, rows: columns.len(), columns: inputs.len(), stride: n };
                transpose(block, columns.len(), own);
                let into = if from == 0 { Destination::Set } else { Destination::Add };
                let own = View::new(block, inputs.len(), columns.len());
                gemm(band.reborrow(), into, 1.0, above.columns_in(inputs), own);
            }
        });
        mirror(&mut self.gram, m);
    }

    /// The encoder in f64.
    fn widen(&mut self, parameters: &Parameters) {
        let architecture = parameters.architecture();
        let wide = |to: &mut Vec<f64>, from: &[f32]| {
            to.clear();
            to.extend(from.iter().map(|&x| f64::from(x)));
        };
        let layer = |l: usize| Layer64 {
            W: Vec::new(),
            WT: Vec::new(),
            b: Vec::new(),
            activation: architecture.encoder_activations[l],
        };
        if self.net64.is_empty() {
            self.net64.extend((0..architecture.encoder_depth()).map(layer));
        }
        for (l, layer) in self.net64.iter_mut().enumerate() {
            wide(&mut layer.W, parameters.encoder_weight(l).values());
            wide(&mut layer.WT, &self.encoder_transposed[l]);
            wide(&mut layer.b, encoder_bias(parameters, l));
        }
    }

    /// Encoder layer `l` as the kernels see it.
    pub fn encoder_layer<'a>(&'a self, parameters: &'a Parameters, l: usize) -> DenseLayer<'a> {
        let W = parameters.encoder_weight(l);
        DenseLayer {
            W: W.values(),
            WT: &self.encoder_transposed[l],
            m: W.rows(),
            n: W.columns(),
            is_smooth: !parameters.architecture().encoder_activations[l].is_piecewise_linear(),
        }
    }

    /// Decoder layer `l` as the kernels see it: its own weights, or the mirrored encoder layer's the other way round.
    pub fn decoder_layer<'a>(&'a self, parameters: &'a Parameters, l: usize) -> DenseLayer<'a> {
        let (n, m) = decoder_shape(parameters.architecture(), l);
        let (W, WT) = match mirrored(parameters.architecture(), l) {
            Some(e) => (&self.encoder_transposed[e][..], parameters.encoder_weight(e).values()),
            None => (decoder_weight(parameters, l), &self.decoder_transposed[l][..]),
        };
        let is_smooth = !parameters.architecture().decoder_activations[l].is_piecewise_linear();
        DenseLayer { W, WT, m, n, is_smooth }
    }
}

/// The layers as the kernels of a step see them.
pub struct StepLayers<'a> {
    net: Vec<DenseLayer<'a>>,
    /// Encoder and decoder in one chain, with their biases and activations; empty unless the plan runs one.
    chain: Vec<DenseLayer<'a>>,
    biases: Vec<&'a [f32]>,
    activations: Vec<Activation>,
}

impl<'a> StepLayers<'a> {
    /// The layers that `plan` reads.
    pub fn new(parameters: &'a Parameters, derived: &'a DerivedWeights, plan: PenaltyPlan) -> Self {
        let architecture = parameters.architecture();
        let (depth, decoder_depth) = (architecture.encoder_depth(), architecture.decoder_depth());
        let net = (0..depth).map(|l| derived.encoder_layer(parameters, l)).collect();
        let mut layers = StepLayers { net, chain: Vec::new(), biases: Vec::new(), activations: Vec::new() };
        if plan.needs_chain() {
            layers.chain.extend_from_slice(&layers.net);
            layers.chain.extend((0..decoder_depth).map(|l| derived.decoder_layer(parameters, l)));
            layers.biases.extend((0..depth).map(|l| encoder_bias(parameters, l)));
            layers.biases.extend((0..decoder_depth).map(|l| decoder_bias(parameters, l)));
            layers.activations.extend_from_slice(&architecture.encoder_activations);
            layers.activations.extend_from_slice(&architecture.decoder_activations);
        }
        layers
    }

    /// With what is derived from all of them.
    pub fn weights(&'a self, derived: &'a DerivedWeights) -> StepWeights<'a> {
        StepWeights {
            net: &self.net,
            q: &derived.row_norms,
            G: &derived.gram,
            F: &derived.khatri_rao,
            chain: &self.chain,
            biases: &self.biases,
            activations: &self.activations,
            net64: &derived.net64,
        }
    }
}

/// (inputs, outputs) of decoder layer `l`.
pub fn decoder_shape(architecture: &Architecture, l: usize) -> (usize, usize) {
    (architecture.decoder_sizes[l], architecture.decoder_sizes[l + 1])
}

/// The encoder layer whose transpose decoder layer `l` is, when tied.
pub fn mirrored(architecture: &Architecture, l: usize) -> Option<usize> {
    architecture.tied.then(|| architecture.encoder_depth() - 1 - l)
}

/// Bias of encoder layer `l`.
pub fn encoder_bias(parameters: &Parameters, l: usize) -> &[f32] {
    &parameters.values()[parameters.places()[2 * l + 1].range()]
}

/// Index among [`Parameters::places`] of decoder layer `l`'s bias.
fn decoder_bias_place(architecture: &Architecture, l: usize) -> usize {
    2 * architecture.encoder_depth() + if architecture.tied { l } else { 2 * l + 1 }
}

/// Bias of decoder layer `l`.
pub fn decoder_bias(parameters: &Parameters, l: usize) -> &[f32] {
    &parameters.values()[parameters.places()[decoder_bias_place(parameters.architecture(), l)].range()]
}

/// Weight of decoder layer `l` of an untied network, (m, n).
pub fn decoder_weight(parameters: &Parameters, l: usize) -> &[f32] {
    &parameters.values()[parameters.places()[decoder_bias_place(parameters.architecture(), l) - 1].range()]
}
