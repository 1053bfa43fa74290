//! One lane: a fixed share of the batch's rows, from input to adjoints, on one thread.
//!
//! Forward through the encoder at every point, through the decoder at the first; loss; back through the decoder; penalty;
//! back through the encoder. What is left in the stores are the activations and the adjoints ∂C/∂z that the weight
//! gradients need; what is left in the lane are the row values and the penalty's sums.

use std::ops::Range;

use pulp::Arch;

use super::step::Step;
use super::weights::{decoder_bias, encoder_bias};
use crate::activation::Activation;
use crate::buffer::Buffer;
use crate::instructions::vectorised;
use crate::kernels::activation::activation_forward;
use crate::kernels::affine::{TransposeScratch, affine_backward_input, affine_forward};
use crate::kernels::reconstruction::reconstruction_forward_backward;
use crate::kernels::strided_rows::StridedRows;
use crate::kernels::{LanePenalty, LaneRows, LayerPass, PenaltyPlan};

/// A lane's piece of the stores.
pub struct LaneStores<'a> {
    pub a: [&'a mut [f32]; 2],
    pub dz: &'a mut [f32],
}

/// A lane's own memory.
#[derive(Debug, Default)]
pub struct Lane {
    /// Encoder layers at each point.
    passes: Vec<Vec<LayerPass>>,
    /// φ′ of the decoder's hidden layers.
    decoder_slopes: Vec<Buffer>,
    dA: Buffer,
    work: Buffer,
    pub transposes: TransposeScratch,
    /// Two layers' activations, for encoding and decoding alone.
    pub buffers: [Buffer; 2],
    /// L of each row.
    pub L: Vec<f64>,
    /// P of each row.
    pub P: Vec<f64>,
    /// Sum over rows of the decoded code, for the sparsity term.
    pub code_sum: Vec<f64>,
    pub penalty: LanePenalty,
}

/// `&mut` of one store and `&` of the other.
fn write_and_read<'s>(a: &'s mut [&mut [f32]; 2], write: usize) -> (&'s mut [f32], &'s [f32]) {
    let [first, second] = a;
    if write == 0 { (first, second) } else { (second, first) }
}

impl Lane {
    /// Rows `rows` of the batch, all phases.
    pub fn run(&mut self, step: &Step<'_>, stores: &mut LaneStores<'_>, rows: Range<usize>) {
        let n = rows.len();
        // From 0: a pass without a decoder leaves no loss, and one without a penalty no penalty.
        for values in [&mut self.L, &mut self.P] {
            values.clear();
            values.resize(n, 0.0);
        }
        self.passes.resize_with(step.inputs.len(), Vec::new);
        for point in 0..step.inputs.len() {
            self.encode(step, stores, rows.clone(), point);
        }
        if step.kind.decodes() {
            self.decode(step, stores, rows.clone());
        }
        self.penalise(step, stores, rows.clone());
        if step.kind.wants_gradient() {
            for point in 0..step.inputs.len() {
                self.encode_backward(step, stores, n, point);
            }
        }
    }

    /// Sums of the decoded point's code over `rows`.
    pub fn sum_code(&mut self, step: &Step<'_>, stores: &mut LaneStores<'_>, rows: Range<usize>) {
        let n = rows.len();
        self.passes.resize_with(step.inputs.len(), Vec::new);
        self.encode(step, stores, rows, 0);
        let Some(&code) = step.record.encoder[0].last() else { return };
        self.code_sum.clear();
        self.code_sum.resize(code.width, 0.0);
        let stride = step.record.a_stride[code.store];
        for h in stores.a[code.store][code.a..].chunks(stride).take(n) {
            self.code_sum.iter_mut().zip(h).for_each(|(sum, &h)| *sum += f64::from(h));
        }
    }

    fn encode(&mut self, step: &Step<'_>, stores: &mut LaneStores<'_>, rows: Range<usize>, point: usize) {
        let (n, d) = (rows.len(), step.weights.net[0].n);
        let pass = &mut self.passes[point];
        pass.resize_with(step.weights.net.len(), LayerPass::default);
        let penalised = point >= step.clean && step.plan.looks_at_rows();
        for (l, layer) in step.weights.net.iter().enumerate() {
            let column = step.record.encoder[point][l];
            let stride = step.record.a_stride[column.store];
            let (write, read) = write_and_read(&mut stores.a, column.store);
            let input = match l {
                0 => StridedRows {
                    data: &step.inputs[point][rows.start * d..rows.end * d],
                    rows: n,
                    columns: d,
                    stride: d,
                },
                _ => {
                    let below = step.record.encoder[point][l - 1];
                    let stride = step.record.a_stride[below.store];
                    StridedRows { data: &read[below.a..], rows: n, columns: below.width, stride }
                }
            };
            let Z = &mut write[column.a..];
            let bias = encoder_bias(step.parameters, l);
            affine_forward(Z, stride, input, layer.forward(), bias, &mut self.transposes);
            let at = &mut pass[l];
            at.d.resize(n * layer.m);
            at.dd.resize(if penalised && layer.is_smooth && step.kind.wants_gradient() { n * layer.m } else { 0 });
            let phi = step.parameters.architecture().encoder_activations[l];
            activate_rows(step.arch, phi, Z, stride, layer.m, [&mut at.d, &mut at.dd], &mut self.work);
        }
    }

    /// Decoder forward, loss, decoder backward down to ∂C/∂h in `dA`.
    fn decode(&mut self, step: &Step<'_>, stores: &mut LaneStores<'_>, rows: Range<usize>) {
        let (n, architecture) = (rows.len(), step.parameters.architecture());
        let (depth, d) = (architecture.decoder_depth(), architecture.input_size());
        let dz_stride = step.record.dz_stride;
        self.decoder_slopes.resize_with(depth - 1, Buffer::new);
        for l in 0..depth {
            let column = step.record.decoder[l];
            let below = match l {
                0 => step.record.encoder[0][architecture.encoder_depth() - 1],
                _ => step.record.decoder[l - 1],
            };
            let (write, read) = write_and_read(&mut stores.a, column.store);
            let stride = step.record.a_stride[below.store];
            let input = StridedRows { data: &read[below.a..], rows: n, columns: below.width, stride };
            let M = step.derived.decoder_layer(step.parameters, l).forward();
            let bias = decoder_bias(step.parameters, l);
            if l + 1 < depth {
                let stride = step.record.a_stride[column.store];
                let Z = &mut write[column.a..];
                affine_forward(Z, stride, input, M, bias, &mut self.transposes);
                let slopes = &mut self.decoder_slopes[l];
                slopes.resize(n * column.width);
                let phi = architecture.decoder_activations[l];
                activate_rows(step.arch, phi, Z, stride, column.width, [slopes, &mut []], &mut self.work);
            } else {
                affine_forward(&mut stores.dz[column.dz..], dz_stride, input, M, bias, &mut self.transposes);
            }
        }
        self.work.resize(2 * d);
        let targets = &step.batch.rows.values()[rows.start * d..rows.end * d];
        let output = &mut stores.dz[step.record.decoder[depth - 1].dz..];
        let (phi, w) = (architecture.output_activation(), 1.0 / step.n() as f32);
        let (L, work) = (&mut self.L, &mut self.work);
        reconstruction_forward_backward(step.arch, step.objective.loss, phi, L, output, targets, dz_stride, w, work);
        if !step.kind.wants_gradient() {
            return;
        }
        for l in (0..depth).rev() {
            let column = step.record.decoder[l];
            let inputs = architecture.decoder_sizes[l];
            let dZ = StridedRows { data: &stores.dz[column.dz..], rows: n, columns: column.width, stride: dz_stride };
            self.dA.resize(n * inputs);
            let M = step.derived.decoder_layer(step.parameters, l).backward();
            affine_backward_input(&mut self.dA, dZ, M, inputs, &mut self.transposes);
            if l > 0 {
                let below = step.record.decoder[l - 1];
                let dZ = &mut stores.dz[below.dz..];
                adjoints(step.arch, dZ, dz_stride, below.width, &self.dA, &self.decoder_slopes[l - 1], &[]);
            }
        }
    }

    fn penalise(&mut self, step: &Step<'_>, stores: &LaneStores<'_>, rows: Range<usize>) {
        if !step.plan.looks_at_rows() {
            return;
        }
        let d = step.weights.net[0].n;
        let w = (step.kind.wants_gradient() && step.objective.contraction > 0.0)
            .then(|| (step.objective.contraction / step.n() as f64) as f32);
        let reached = w.is_some() && step.plan.reaches_activations(step.weights.net.iter().any(|l| l.is_smooth));
        for pass in &mut self.passes[step.clean..] {
            for layer in pass {
                layer.dZ.reset(if reached { layer.d.len() } else { 0 });
            }
        }
        let code = step.record.encoder[step.clean][step.weights.net.len() - 1];
        let of_one_row = match step.plan {
            PenaltyPlan::HessianOneLayer { .. } | PenaltyPlan::HessianDeep { .. } => 0,
            _ => step.batch.draws.len() / step.n(),
        };
        let lane_rows = LaneRows {
            X: &step.batch.rows.values()[rows.start * d..rows.end * d],
            draws: &step.batch.draws[rows.start * of_one_row..rows.end * of_one_row],
            h: &stores.a[code.store][code.a..],
            h_stride: step.record.a_stride[code.store],
        };
        let passes = &mut self.passes[step.clean..];
        self.penalty.forward_backward(step.arch, step.plan, &mut self.P, passes, step.weights, lane_rows, w);
    }

    /// From ∂C/∂h in `dA` (the decoded point) and the penalty's dZ to ∂C/∂z of every encoder layer.
    fn encode_backward(&mut self, step: &Step<'_>, stores: &mut LaneStores<'_>, n: usize, point: usize) {
        let (net, dz_stride) = (step.weights.net, step.record.dz_stride);
        let pass = &self.passes[point];
        let from_penalty = point >= step.clean && step.plan.looks_at_rows();
        if point == 0 && !step.sparsity.is_empty() {
            for dA in self.dA.chunks_exact_mut(step.sparsity.len()) {
                dA.iter_mut().zip(step.sparsity).for_each(|(a, s)| *a += s);
            }
        }
        for l in (0..net.len()).rev() {
            let column = step.record.encoder[point][l];
            let dZ = &mut stores.dz[column.dz..];
            let arrives = point == 0 || l + 1 < net.len();
            let dA = if arrives { &self.dA[..] } else { &[] };
            let extra = if from_penalty { &pass[l].dZ[..] } else { &[] };
            adjoints(step.arch, dZ, dz_stride, column.width, dA, &pass[l].d, extra);
            if l > 0 {
                let dZ =
                    StridedRows { data: &stores.dz[column.dz..], rows: n, columns: column.width, stride: dz_stride };
                self.dA.resize(n * net[l].n);
                affine_backward_input(&mut self.dA, dZ, net[l].backward(), net[l].n, &mut self.transposes);
            }
        }
    }
}

/// φ over the m columns of `Z`, whose rows lie `stride` apart; φ′ and φ″ dense. Short rows pass through `dense`: one loop
/// over all of them.
fn activate_rows(
    arch: Arch,
    phi: Activation,
    Z: &mut [f32],
    stride: usize,
    m: usize,
    [d, dd]: [&mut [f32]; 2],
    dense: &mut Buffer,
) {
    /// Columns from which a loop a row costs no more.
    const WIDE: usize = 128;
    if m < WIDE {
        dense.resize(d.len());
        dense.chunks_exact_mut(m).zip(Z.chunks(stride)).for_each(|(to, z)| to.copy_from_slice(&z[..m]));
        activation_forward(arch, phi, dense, d, dd);
        dense.chunks_exact(m).zip(Z.chunks_mut(stride)).for_each(|(a, z)| z[..m].copy_from_slice(a));
        return;
    }
    let mut dd = dd.chunks_exact_mut(m);
    for (z, d) in Z.chunks_mut(stride).zip(d.chunks_exact_mut(m)) {
        activation_forward(arch, phi, &mut z[..m], d, dd.next().unwrap_or_default());
    }
}

/// dZ = dA ∘ φ′ + extra, rows of dZ `stride` apart; an empty dA or extra is zero.
fn adjoints(arch: Arch, dZ: &mut [f32], stride: usize, m: usize, dA: &[f32], d: &[f32], extra: &[f32]) {
    vectorised(
        arch,
        #[inline(always)]
        || {
            for (r, d) in d.chunks_exact(m).enumerate() {
                let dZ = &mut dZ[r * stride..][..m];
                match dA.get(r * m..(r + 1) * m) {
                    None => dZ.fill(0.0),
                    Some(dA) => {
                        for ((dZ, &dA), &d) in dZ.iter_mut().zip(dA).zip(d) {
                            *dZ = dA * d;
                        }
                    }
                }
                if let Some(extra) = extra.get(r * m..(r + 1) * m) {
                    dZ.iter_mut().zip(extra).for_each(|(dZ, &e)| *dZ += e);
                }
            }
        },
    );
}
