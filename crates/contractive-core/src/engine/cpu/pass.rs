//! One pass over a batch: weights, lanes, sums over lanes, blocks of the gradient.

use super::blocks::each_block;
use super::flush_to_zero::FlushToZero;
use super::gradient::GradientSources;
use super::lane::{Lane, LaneStores, Step};
use super::phases::Clock;
use super::record::Record;
use super::team::Team;
use super::weights::{NEAR, decoder_bias, encoder_bias};
use super::{CpuEngine, LANES};
use crate::activation::Activation;
use crate::architecture::Architecture;
use crate::buffer::Buffer;
use crate::kernels::sparsity::sparsity_forward_backward;
use crate::kernels::{DenseLayer, PenaltyPlan, StepWeights};
use crate::objective::{Batch, Terms};
use crate::penalty::Penalty;

/// What a pass over a batch is for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Purpose {
    /// The objective's value.
    Value,
    /// Its value and gradient.
    Gradient,
    /// ‖J‖² of each row; no decoder.
    Jacobian,
}

impl CpuEngine {
    /// The plan for `purpose` with batches of `n` rows.
    fn plan(&self, purpose: Purpose, n: usize) -> PenaltyPlan {
        let penalty = match purpose {
            Purpose::Jacobian => Penalty::Jacobian,
            _ => self.objective.penalty,
        };
        PenaltyPlan::new(penalty, self.parameters.architecture(), n)
    }

    /// The whole pass; `values` receives P of each row where it is wanted.
    pub(super) fn pass(&mut self, batch: &Batch<'_>, purpose: Purpose, values: &mut [f64]) -> Terms {
        let _mode = FlushToZero::begin();
        let (n, d) = (batch.rows.rows(), batch.rows.columns());
        let plan = self.plan(purpose, n);
        let mut clock = Clock::start();
        self.derive(plan);
        self.phases.weights += clock.lap();
        let n_shifted = match self.objective.penalty {
            Penalty::Hessian { corruptions, .. } if plan.looks_at_rows() && purpose != Purpose::Jacobian => corruptions,
            _ => 0,
        };
        self.shift(batch, n_shifted);
        let mut inputs = Vec::with_capacity(2 + n_shifted);
        inputs.push(batch.encoded().values());
        if batch.corrupted.is_some() && plan.looks_at_rows() {
            inputs.push(batch.rows.values());
        }
        let clean = inputs.len() - 1;
        inputs.extend(self.shifted.chunks_exact(n * d).take(n_shifted));

        let architecture = self.parameters.architecture();
        let depth = architecture.encoder_depth();
        let record = Record::new(architecture, inputs.len());
        let net: Vec<DenseLayer<'_>> = (0..depth).map(|l| self.derived.encoder_layer(&self.parameters, l)).collect();
        let mut chain = Chained::default();
        if plan.needs_chain() {
            chain.net.extend_from_slice(&net);
            for l in 0..architecture.decoder_depth() {
                chain.net.push(self.derived.decoder_layer(&self.parameters, l));
            }
            chain.biases.extend((0..depth).map(|l| encoder_bias(&self.parameters, l)));
            chain.biases.extend((0..architecture.decoder_depth()).map(|l| decoder_bias(&self.parameters, l)));
            chain.activations.extend_from_slice(&architecture.encoder_activations);
            chain.activations.extend_from_slice(&architecture.decoder_activations);
        }
        let [even, odd, dz] = &mut self.stores;
        for (store, stride) in [(&mut *even, record.a_stride[0]), (odd, record.a_stride[1]), (dz, record.dz_stride)] {
            if store.len() < n * stride {
                store.resize(n * stride);
            }
        }
        let backward = purpose == Purpose::Gradient;
        let mut step = Step {
            arch: self.arch,
            parameters: &self.parameters,
            derived: &self.derived,
            weights: StepWeights {
                net: &net,
                q: &self.derived.row_norms,
                G: &self.derived.gram,
                F: &self.derived.khatri_rao,
                chain: &chain.net,
                biases: &chain.biases,
                activations: &chain.activations,
                net64: &self.derived.net64,
            },
            record: &record,
            plan,
            loss: self.objective.loss,
            decodes: purpose != Purpose::Jacobian,
            backward,
            contraction: self.objective.contraction,
            n,
            targets: batch.rows.values(),
            inputs: &inputs,
            clean,
            draws: batch.draws,
            sparsity: &[],
        };
        let lane_rows = lane_rows(n, architecture);
        let n_lanes = n.div_ceil(lane_rows);
        self.lanes.resize_with(LANES, Lane::default);
        let lanes = &mut self.lanes[..n_lanes];
        let mut cut = Cut { team: &mut self.team, lanes, stores: &mut self.stores, record: &record, n, lane_rows };

        let mut sparsity = 0.0;
        if let (Some(target), true) = (self.objective.sparsity, step.decodes) {
            let k = architecture.code_size();
            cut.each(|lane, stores, rows| lane.sum_code(&step, stores, rows));
            let mut mean = vec![0.0; k];
            for lane in &*cut.lanes {
                mean.iter_mut().zip(&lane.code_sum).for_each(|(m, s)| *m += s / n as f64);
            }
            self.slope.resize(k, 0.0);
            sparsity = sparsity_forward_backward(&mut self.slope, &mean, target.target, n);
            self.slope.iter_mut().for_each(|s| *s *= target.weight as f32);
            step.sparsity = &self.slope;
        }
        if backward {
            for lane in &mut *cut.lanes {
                lane.penalty.reset(plan, &net);
                lane.penalty.reset_chain(plan, &chain.net, depth);
            }
        }
        cut.each(|lane, stores, rows| lane.run(&step, stores, rows));
        self.phases.rows += clock.lap();

        let (mut reconstruction, mut penalty) = (0.0, 0.0);
        for lane in &*cut.lanes {
            reconstruction += lane.L.iter().sum::<f64>();
            penalty += lane.P.iter().sum::<f64>();
        }
        if !values.is_empty() {
            let rows = cut.lanes.iter().flat_map(|lane| &lane.P);
            values.iter_mut().zip(rows).for_each(|(value, p)| *value = *p);
        }
        let penalty = plan.weights_forward(self.arch, &net).unwrap_or(penalty / n as f64);
        if backward {
            self.sums.reduce(self.arch, plan, &self.lanes[..n_lanes], depth);
            self.phases.sums += clock.lap();
            let [even, odd, dz] = &self.stores;
            let sources = GradientSources {
                arch: self.arch,
                parameters: &self.parameters,
                record: &record,
                plan,
                contraction: self.objective.contraction,
                inputs: &inputs,
                n,
                a: [even, odd],
                dz,
                sums: &self.sums,
            };
            let blocks = each_block(&self.blocks, &mut self.gradient);
            self.team.each(blocks, |(block, part)| sources.block(block, part));
            self.phases.gradient += clock.lap();
        }
        Terms::combine(&self.objective, reconstruction / n as f64, penalty, sparsity)
    }

    /// Brings the derived weights up to date for `plan`.
    pub(super) fn derive(&mut self, plan: PenaltyPlan) {
        if let Some(plans) = self.derived_for
            && plans.contains(&plan)
        {
            return;
        }
        let plans = [plan, self.derived_for.map_or(plan, |plans| plans[0])];
        self.derived.refresh(self.arch, &mut self.team, &self.parameters, plans);
        self.derived_for = Some(plans);
    }

    /// x + ε for each corruption of `hessian`.
    fn shift(&mut self, batch: &Batch<'_>, corruptions: usize) {
        let x = batch.rows.values();
        self.shifted.resize(corruptions * x.len());
        for (shifted, draws) in self.shifted.chunks_exact_mut(x.len()).zip(batch.draws.chunks_exact(x.len())) {
            for ((s, &x), &e) in shifted.iter_mut().zip(x).zip(draws) {
                *s = x + e;
            }
        }
    }
}

/// Encoder and decoder in one chain; empty unless the plan runs one.
#[derive(Default)]
struct Chained<'a> {
    net: Vec<DenseLayer<'a>>,
    biases: Vec<&'a [f32]>,
    activations: Vec<Activation>,
}

/// Rows of a lane: an eighth of the batch, but more where each lane reads weights from beyond a core's own cache, and
/// should do much with what it reads. The batch and the network decide, not the threads.
fn lane_rows(n: usize, architecture: &Architecture) -> usize {
    /// Rows worth a reading from farther away.
    const ROWS: usize = 64;
    let stacks = [&architecture.encoder_sizes, &architecture.decoder_sizes];
    let is_far = stacks.iter().any(|sizes| sizes.windows(2).any(|pair| pair[0] * pair[1] > NEAR));
    n.div_ceil(LANES).max(if is_far { ROWS.min(n.div_ceil(2)) } else { 1 }).max(1)
}

/// A batch cut into lanes.
struct Cut<'a> {
    team: &'a mut Team,
    lanes: &'a mut [Lane],
    stores: &'a mut [Buffer; 3],
    record: &'a Record,
    n: usize,
    lane_rows: usize,
}

impl Cut<'_> {
    /// Runs `work` on every lane with its piece of the stores and its range of rows.
    fn each(&mut self, work: impl Fn(&mut Lane, &mut LaneStores<'_>, std::ops::Range<usize>) + Sync) {
        let [even, odd, dz] = &mut *self.stores;
        let (rows, n, record) = (self.lane_rows, self.n, self.record);
        let strides = [record.a_stride[0] * rows, record.a_stride[1] * rows, record.dz_stride * rows];
        let pieces = self.lanes.iter_mut().zip(even.chunks_mut(strides[0]));
        let pieces = pieces.zip(odd.chunks_mut(strides[1])).zip(dz.chunks_mut(strides[2]));
        self.team.each(pieces.enumerate(), |(i, (((lane, even), odd), dz))| {
            work(lane, &mut LaneStores { a: [even, odd], dz }, i * rows..((i + 1) * rows).min(n));
        });
    }
}
