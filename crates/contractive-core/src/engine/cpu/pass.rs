//! One pass over a batch: weights, lanes, sums over lanes, blocks of the gradient.

use pulp::Arch;

use super::blocks::{Block, blocks, each_block};
use super::flush_to_zero::FlushToZero;
use super::gradient::{GradientSources, PenaltySums};
use super::lane::{Lane, LaneStores};
use super::phases::Stopwatch;
use super::record::Record;
use super::step::{PassKind, Step};
use super::team::Team;
use super::weights::{DerivedWeights, NEAR, StepLayers};
use crate::architecture::Architecture;
use crate::buffer::Buffer;
use crate::instructions;
use crate::kernels::PenaltyPlan;
use crate::kernels::sparsity::sparsity_forward_backward;
use crate::objective::{Batch, Objective, Sparsity, Terms};
use crate::parameters::Parameters;
use crate::penalty::Penalty;

/// Shares that a batch is cut into, whatever the number of threads.
pub const LANES: usize = 8;

/// All threads, and the calling one alone, for work that it ends before another has begun. Which of them does the work changes
/// no bit.
pub struct Teams {
    pub all: Team,
    alone: Team,
    /// Weights of encoder and decoder.
    weights: usize,
}

impl Teams {
    /// The team for work on `n` rows, or for work on the weights, which is that of one.
    pub fn for_rows(&mut self, n: usize) -> &mut Team {
        /// Weights times rows: with as many, handing out the pieces costs what another thread saves.
        const WORK: usize = 1 << 15;
        if n.saturating_mul(self.weights) < WORK { &mut self.alone } else { &mut self.all }
    }
}

/// Weights that a row passes through: those of a tied network twice.
fn n_weights(architecture: &Architecture) -> usize {
    let stacks = [&architecture.encoder_sizes, &architecture.decoder_sizes];
    stacks.iter().flat_map(|sizes| sizes.windows(2)).map(|pair| pair[0] * pair[1]).sum()
}

/// The threads and the memory of passes, kept from step to step: after the first of a batch size none allocates a buffer.
pub struct Workspace {
    pub arch: Arch,
    pub teams: Teams,
    pub stopwatch: Stopwatch,
    pub derived: DerivedWeights,
    /// The plans that `derived` is up to date for.
    pub derived_for: Option<[PenaltyPlan; 2]>,
    pub lanes: Vec<Lane>,
    blocks: Vec<Block>,
    stores: [Buffer; 3],
    /// Corrupted rows of `hessian`, (corruptions, N, d).
    shifted: Buffer,
    sums: PenaltySums,
    slope: Vec<f32>,
}

impl Workspace {
    /// For networks of this shape.
    pub fn new(architecture: &Architecture, threads: usize) -> Self {
        Workspace {
            arch: instructions::arch(),
            teams: Teams { all: Team::of(threads), alone: Team::of(1), weights: n_weights(architecture) },
            stopwatch: Stopwatch::default(),
            derived: DerivedWeights::default(),
            derived_for: None,
            lanes: Vec::new(),
            blocks: blocks(architecture),
            stores: Default::default(),
            shifted: Buffer::new(),
            sums: PenaltySums::default(),
            slope: Vec::new(),
        }
    }

    /// The whole pass: every phase of a training step but the optimiser's. `values` receives P of each row unless it is
    /// empty, `gradient` the gradient where the kind has one.
    pub fn pass(
        &mut self,
        objective: &Objective,
        parameters: &Parameters,
        batch: &Batch<'_>,
        kind: PassKind,
        values: &mut [f64],
        gradient: &mut [f32],
    ) -> Terms {
        let _mode = FlushToZero::begin();
        let (n, architecture) = (batch.rows.rows(), parameters.architecture());
        let penalty = if kind == PassKind::Jacobian { Penalty::Jacobian } else { objective.penalty };
        let plan = PenaltyPlan::new(penalty, architecture, n);

        self.stopwatch.start();
        self.derive(parameters, plan);
        self.stopwatch.lap(|phases| &mut phases.weights);

        let n_shifted = shift(&mut self.shifted, batch, penalty);
        let (inputs, clean) = points(batch, plan, &self.shifted, n_shifted);
        let record = Record::new(architecture, inputs.len());
        let layers = StepLayers::new(parameters, &self.derived, plan);
        let weights = layers.weights(&self.derived);
        let (arch, derived, record, inputs, sparsity) = (self.arch, &self.derived, &record, &inputs, &[][..]);
        let mut step =
            Step { arch, kind, plan, objective, parameters, derived, weights, record, batch, inputs, clean, sparsity };

        let team = self.teams.for_rows(n);
        let mut cut = Cut::new(team, &mut self.lanes, &mut self.stores, record, n, architecture);
        let mut sparsity = 0.0;
        if let (Some(target), true) = (objective.sparsity, kind.decodes()) {
            let mean = batch.mean_code.map_or_else(|| cut.mean_code(&step), <[f64]>::to_vec);
            sparsity = sparsity_and_slope(&mut self.slope, &mean, target, n);
            step.sparsity = &self.slope;
        }
        if kind.wants_gradient() {
            for lane in &mut *cut.lanes {
                lane.penalty.reset(plan, weights.net);
                lane.penalty.reset_chain(plan, weights.chain, weights.net.len());
            }
        }
        cut.each(|lane, stores, rows| lane.run(&step, stores, rows));
        let n_lanes = cut.lanes.len();
        let lanes = &self.lanes[..n_lanes];
        self.stopwatch.lap(|phases| &mut phases.rows);

        let [reconstruction, penalty] = sums_of_rows(lanes);
        copy(lanes.iter().flat_map(|lane| &lane.P), values);
        if kind.wants_gradient() {
            self.sums.reduce(arch, plan, lanes, architecture.encoder_depth());
            self.stopwatch.lap(|phases| &mut phases.sums);
            let [even, odd, dz] = &self.stores;
            let sources = GradientSources { step: &step, a: [even, odd], dz, sums: &self.sums };
            let team = self.teams.for_rows(n);
            team.each(each_block(&self.blocks, gradient), |(block, part)| sources.block(block, part));
            self.stopwatch.lap(|phases| &mut phases.gradient);
        }
        let penalty = plan.weights_forward(arch, weights.net).unwrap_or(penalty / n as f64);
        Terms::combine(objective, reconstruction / n as f64, penalty, sparsity)
    }

    /// L of each row of the last pass, which had as many.
    pub fn losses(&self, losses: &mut [f64]) {
        copy(self.lanes.iter().flat_map(|lane| &lane.L), losses);
    }

    /// P of each row likewise.
    pub fn penalties(&self, penalties: &mut [f64]) {
        copy(self.lanes.iter().flat_map(|lane| &lane.P), penalties);
    }

    /// Codes of the last pass, which had as many rows and was evaluated at these alone.
    pub fn codes(&self, architecture: &Architecture, codes: &mut [f32]) {
        let record = Record::new(architecture, 1);
        let Some(&column) = record.encoder[0].last() else { return };
        let rows = self.stores[column.store].chunks(record.a_stride[column.store]);
        for (code, row) in codes.chunks_exact_mut(column.width).zip(rows) {
            code.copy_from_slice(&row[column.a..][..column.width]);
        }
    }

    /// Brings the derived weights up to date for `plan`.
    pub fn derive(&mut self, parameters: &Parameters, plan: PenaltyPlan) {
        if let Some(plans) = self.derived_for
            && plans.contains(&plan)
        {
            return;
        }
        let plans = [plan, self.derived_for.map_or(plan, |plans| plans[0])];
        self.derived.refresh(self.arch, self.teams.for_rows(1), parameters, plans);
        self.derived_for = Some(plans);
    }
}

fn copy<'a>(from: impl Iterator<Item = &'a f64>, to: &mut [f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

/// x + ε for each corruption of `hessian`; how many there are.
fn shift(shifted: &mut Buffer, batch: &Batch<'_>, penalty: Penalty) -> usize {
    let Penalty::Hessian { corruptions, .. } = penalty else { return 0 };
    let x = batch.rows.values();
    shifted.resize(corruptions * x.len());
    for (shifted, draws) in shifted.chunks_exact_mut(x.len()).zip(batch.draws.chunks_exact(x.len())) {
        for ((s, &x), &e) in shifted.iter_mut().zip(x).zip(draws) {
            *s = x + e;
        }
    }
    corruptions
}

/// The inputs of each point that the encoder is evaluated at, and which of them is the clean one.
fn points<'a>(batch: &Batch<'a>, plan: PenaltyPlan, shifted: &'a [f32], n_shifted: usize) -> (Vec<&'a [f32]>, usize) {
    let mut inputs = Vec::with_capacity(2 + n_shifted);
    inputs.push(batch.encoded().values());
    if batch.corrupted.is_some() && plan.looks_at_rows() {
        inputs.push(batch.rows.values());
    }
    let clean = inputs.len() - 1;
    inputs.extend(shifted.chunks_exact(batch.rows.values().len()).take(n_shifted));
    (inputs, clean)
}

/// The sparsity term, and ∂C/∂h of it into `slope`.
fn sparsity_and_slope(slope: &mut Vec<f32>, mean: &[f64], sparsity: Sparsity, n: usize) -> f64 {
    slope.resize(mean.len(), 0.0);
    let value = sparsity_forward_backward(slope, mean, sparsity.target, n);
    slope.iter_mut().for_each(|s| *s *= sparsity.weight as f32);
    value
}

/// Σ L and Σ P over all rows, lane after lane.
fn sums_of_rows(lanes: &[Lane]) -> [f64; 2] {
    let (mut reconstruction, mut penalty) = (0.0, 0.0);
    for lane in lanes {
        reconstruction += lane.L.iter().sum::<f64>();
        penalty += lane.P.iter().sum::<f64>();
    }
    [reconstruction, penalty]
}

/// Rows of a lane: an eighth of the batch, but more where a weight does not fit a core's L2 cache, so that each reading of
/// it serves many rows, and where the network is so small that a lane's calls would cost more than its products. The
/// batch and the network decide, not the threads.
fn lane_rows(n: usize, architecture: &Architecture) -> usize {
    /// Rows that one reading of a far weight must serve.
    const ROWS: usize = 64;
    /// Weights times the rows that a lane is worth.
    const WORK: usize = 1 << 15;
    let stacks = [&architecture.encoder_sizes, &architecture.decoder_sizes];
    let is_far = stacks.iter().any(|sizes| sizes.windows(2).any(|pair| pair[0] * pair[1] > NEAR));
    let weights = n_weights(architecture);
    let least = if is_far { ROWS.min(n.div_ceil(2)) } else { (WORK / weights.max(1)).min(n) };
    n.div_ceil(LANES).max(least).max(1)
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

impl<'a> Cut<'a> {
    /// `n` rows of `record` cut, with room for them in the stores.
    fn new(
        team: &'a mut Team,
        lanes: &'a mut Vec<Lane>,
        stores: &'a mut [Buffer; 3],
        record: &'a Record,
        n: usize,
        architecture: &Architecture,
    ) -> Self {
        for (store, stride) in stores.iter_mut().zip([record.a_stride[0], record.a_stride[1], record.dz_stride]) {
            if store.len() < n * stride {
                store.resize(n * stride);
            }
        }
        let lane_rows = lane_rows(n, architecture);
        lanes.resize_with(LANES, Lane::default);
        Cut { team, lanes: &mut lanes[..n.div_ceil(lane_rows)], stores, record, n, lane_rows }
    }

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

    /// The mean over all rows of each code unit at the decoded point.
    fn mean_code(&mut self, step: &Step<'_>) -> Vec<f64> {
        self.each(|lane, stores, rows| lane.sum_code(step, stores, rows));
        let mut mean = vec![0.0; step.parameters.architecture().code_size()];
        for lane in &*self.lanes {
            mean.iter_mut().zip(&lane.code_sum).for_each(|(m, s)| *m += s / self.n as f64);
        }
        mean
    }
}
