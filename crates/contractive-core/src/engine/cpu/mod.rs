//! The CPU engine: hand-derived steps over a fixed cut of the batch.
//!
//! A step has four phases: weights (transposes, G, row norms; once a weight change), lanes (rows, in parallel), sums over
//! lanes (in lane order), tiles (weight gradients, in parallel). Lanes and tiles depend on the batch and the network
//! alone, so any number of threads gives the same bits. After the first step of a batch size nothing here allocates; the
//! `gemm` crate keeps a small list a call.

#![allow(non_snake_case)] // matrices are upper case, as in the kernels

mod gradient;
mod lane;
mod record;
mod threads;
mod weights;

use pulp::Arch;
use rayon::prelude::*;

use self::gradient::{GradientSources, PenaltySums, Tile, each_tile, tiles};
use self::lane::{Lane, LaneStores, Step};
use self::record::Record;
use self::weights::{DerivedWeights, decoder_bias};
use super::Engine;
use crate::architecture::Architecture;
use crate::error::{ArgumentError, at_least_one, finite_positive};
use crate::kernels::activation::activation_forward;
use crate::kernels::affine::{Rows, affine_forward};
use crate::kernels::gemm::View;
use crate::kernels::sparsity::sparsity_forward_backward;
use crate::kernels::sums::square_norm;
use crate::kernels::weight_norms::{weight_l1_forward, weight_l2_forward};
use crate::kernels::{EncoderLayer, Plan, StepWeights};
use crate::matrix::MatRef;
use crate::objective::{Batch, Objective, Terms};
use crate::optimiser::{Optimiser, OptimiserState, clip_factor};
use crate::parameters::Parameters;
use crate::penalty::Penalty;

/// Shares that a batch is cut into, whatever the number of threads.
const LANES: usize = 8;
/// Rows measured at once where the caller gives many.
const BLOCK: usize = 512;

/// The CPU engine; see the [module's head](self).
pub struct CpuEngine {
    arch: Arch,
    pool: Option<rayon::ThreadPool>,
    objective: Objective,
    optimiser: Optimiser,
    clip: Option<f64>,
    parameters: Parameters,
    state: OptimiserState,
    gradient: Vec<f32>,
    tiles: Vec<Tile>,
    derived: DerivedWeights,
    derived_for: Option<[Plan; 2]>,
    lanes: Vec<Lane>,
    stores: [Vec<f32>; 3],
    /// Corrupted rows of `hessian`, (corruptions, N, d).
    shifted: Vec<f32>,
    sums: PenaltySums,
    slope: Vec<f32>,
}

/// What a pass over a batch is for.
#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    /// The objective's value.
    Value,
    /// Its value and gradient.
    Gradient,
    /// ‖J‖² of each row; no decoder.
    Jacobian,
}

impl CpuEngine {
    /// An engine with a copy of `parameters`.
    ///
    /// `clip` is the largest Euclidean norm of the gradient over all parameters, above 0, or `None`; `threads` is at
    /// least 1. The result's bits do not depend on `threads`.
    ///
    /// # Errors
    /// When a setting is out of range, settings exclude each other, or a parameter is not finite.
    pub fn new(
        parameters: &Parameters,
        objective: &Objective,
        optimiser: Optimiser,
        clip: Option<f64>,
        threads: usize,
    ) -> Result<Self, ArgumentError> {
        objective.check(parameters.architecture())?;
        optimiser.check()?;
        parameters.check_finite()?;
        at_least_one("threads", threads)?;
        if let Some(clip) = clip {
            finite_positive("clip", clip)?;
        }
        Ok(CpuEngine {
            arch: Arch::new(),
            pool: threads::pool(threads),
            objective: objective.clone(),
            optimiser,
            clip,
            state: optimiser.state(parameters.len()),
            gradient: vec![0.0; parameters.len()],
            tiles: tiles(parameters.architecture()),
            parameters: parameters.clone(),
            derived: DerivedWeights::default(),
            derived_for: None,
            lanes: Vec::new(),
            stores: Default::default(),
            shifted: Vec::new(),
            sums: PenaltySums::default(),
            slope: Vec::new(),
        })
    }

    fn columns(&self, what: &str, expected: usize, rows: MatRef<'_>) -> Result<(), ArgumentError> {
        size(what, "columns", expected, rows.columns())
    }

    /// The plan for `purpose` with batches of `n` rows.
    fn plan(&self, purpose: Purpose, n: usize) -> Plan {
        let penalty = match purpose {
            Purpose::Jacobian => Penalty::Jacobian,
            _ => self.objective.penalty,
        };
        Plan::new(penalty, self.parameters.architecture(), n)
    }

    /// The whole pass; `values` receives P of each row where it is wanted.
    fn pass(&mut self, batch: &Batch<'_>, purpose: Purpose, values: &mut [f64]) -> Terms {
        let pool = self.pool.take();
        let terms = threads::run(pool.as_ref(), || self.pass_here(batch, purpose, pool.is_some(), values));
        self.pool = pool;
        terms
    }

    fn pass_here(&mut self, batch: &Batch<'_>, purpose: Purpose, parallel: bool, values: &mut [f64]) -> Terms {
        let (n, d) = (batch.rows.rows(), batch.rows.columns());
        let plan = self.plan(purpose, n);
        self.derive(plan);
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
        let net: Vec<EncoderLayer<'_>> = (0..depth).map(|l| self.derived.encoder_layer(&self.parameters, l)).collect();
        let [even, odd, dz] = &mut self.stores;
        for (store, stride) in [(&mut *even, record.a_stride[0]), (odd, record.a_stride[1]), (dz, record.dz_stride)] {
            if store.len() < n * stride {
                store.resize(n * stride, 0.0);
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
        let lane_rows = n.div_ceil(LANES).max(1);
        let n_lanes = n.div_ceil(lane_rows);
        self.lanes.resize_with(LANES, Lane::default);
        let lanes = &mut self.lanes[..n_lanes];
        let mut cut = Cut { lanes, stores: &mut self.stores, record: &record, n, lane_rows, parallel };

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
            cut.lanes.iter_mut().for_each(|lane| lane.penalty.reset(plan, &net));
        }
        cut.each(|lane, stores, rows| lane.run(&step, stores, rows));

        let (mut reconstruction, mut penalty) = (0.0, 0.0);
        for lane in &*cut.lanes {
            reconstruction += lane.L.iter().sum::<f64>();
            penalty += lane.P.iter().sum::<f64>();
        }
        if !values.is_empty() {
            let rows = cut.lanes.iter().flat_map(|lane| &lane.P);
            values.iter_mut().zip(rows).for_each(|(value, p)| *value = *p);
        }
        penalty = match plan {
            Plan::WeightL1 => net.iter().map(|l| weight_l1_forward(l.W)).sum(),
            Plan::WeightL2 => net.iter().map(|l| weight_l2_forward(self.arch, l.W)).sum(),
            _ => penalty / n as f64,
        };
        if backward {
            self.sums.reduce(self.arch, plan, &self.lanes[..n_lanes], depth);
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
            each_tile(parallel, &self.tiles, &mut self.gradient, &|tile, part| sources.tile(tile, part));
        }
        Terms::combine(&self.objective, reconstruction / n as f64, penalty, sparsity)
    }

    /// Brings the derived weights up to date for `plan`.
    fn derive(&mut self, plan: Plan) {
        if let Some(plans) = self.derived_for
            && plans.contains(&plan)
        {
            return;
        }
        let plans = [plan, self.derived_for.map_or(plan, |plans| plans[0])];
        self.derived.refresh(self.arch, &self.parameters, plans);
        self.derived_for = Some(plans);
    }

    /// x + ε for each corruption of `hessian`.
    fn shift(&mut self, batch: &Batch<'_>, corruptions: usize) {
        let x = batch.rows.values();
        self.shifted.resize(corruptions * x.len(), 0.0);
        for (shifted, draws) in self.shifted.chunks_exact_mut(x.len()).zip(batch.draws.chunks_exact(x.len())) {
            for ((s, &x), &e) in shifted.iter_mut().zip(x).zip(draws) {
                *s = x + e;
            }
        }
    }

    fn check_batch(&self, batch: &Batch<'_>) -> Result<(), ArgumentError> {
        let architecture = self.parameters.architecture();
        self.columns("a batch", architecture.input_size(), batch.rows)?;
        at_least_one("rows of a batch", batch.rows.rows())?;
        if let Some(corrupted) = batch.corrupted {
            self.columns("the corrupted rows", architecture.input_size(), corrupted)?;
            size("the corrupted rows", "rows", batch.rows.rows(), corrupted.rows())?;
        }
        let n_draws = self.objective.penalty.n_draws(architecture, batch.rows.rows());
        size("the penalty's draws", "numbers", n_draws, batch.draws.len())
    }

    /// `layers` of one stack over `rows`, block by block; each layer is (M, bias, activation).
    fn forward(&mut self, rows: MatRef<'_>, output: &mut [f32], is_encoder: bool) {
        let plan = self.derived_for.map_or(Plan::None, |plans| plans[0]);
        self.derive(plan);
        let architecture = self.parameters.architecture();
        let depth = if is_encoder { architecture.encoder_depth() } else { architecture.decoder_depth() };
        let width = output.len() / rows.rows().max(1);
        let (arch, parameters, derived) = (self.arch, &self.parameters, &self.derived);
        let block = |(lane, (input, output)): (&mut Lane, (&[f32], &mut [f32]))| {
            let n = output.len() / width;
            let mut here = std::mem::take(&mut lane.buffers[0]);
            let mut next = std::mem::take(&mut lane.buffers[1]);
            here.clear();
            here.extend_from_slice(input);
            let mut columns = rows.columns();
            for l in 0..depth {
                let (M, bias, phi) = if is_encoder {
                    let layer = derived.encoder_layer(parameters, l);
                    let M = View::new(layer.WT, layer.n, layer.m);
                    (M, weights::encoder_bias(parameters, l), architecture.encoder_activations[l])
                } else {
                    let M = derived.decoder_forward(parameters, l);
                    (M, decoder_bias(parameters, l), architecture.decoder_activations[l])
                };
                let m = bias.len();
                next.resize(n * m, 0.0);
                affine_forward(&mut next, m, Rows { data: &here, rows: n, columns, stride: columns }, M, bias);
                activation_forward(arch, phi, &mut next, &mut [], &mut []);
                std::mem::swap(&mut here, &mut next);
                columns = m;
            }
            output.copy_from_slice(&here);
            lane.buffers = [here, next];
        };
        self.lanes.resize_with(LANES, Lane::default);
        let lanes = &mut self.lanes;
        let pool = self.pool.as_ref();
        threads::run(pool, || {
            let of_all = BLOCK * LANES;
            let inputs = rows.values().chunks(of_all * rows.columns());
            for (input, output) in inputs.zip(output.chunks_mut(of_all * width)) {
                if pool.is_some() {
                    let blocks = input.par_chunks(BLOCK * rows.columns()).zip(output.par_chunks_mut(BLOCK * width));
                    lanes.par_iter_mut().zip(blocks).for_each(block);
                } else {
                    let blocks = input.chunks(BLOCK * rows.columns()).zip(output.chunks_mut(BLOCK * width));
                    lanes.iter_mut().zip(blocks).for_each(block);
                }
            }
        });
    }
}

/// A batch cut into lanes.
struct Cut<'a> {
    lanes: &'a mut [Lane],
    stores: &'a mut [Vec<f32>; 3],
    record: &'a Record,
    n: usize,
    lane_rows: usize,
    parallel: bool,
}

impl Cut<'_> {
    /// Runs `work` on every lane with its piece of the stores and its range of rows.
    fn each(&mut self, work: impl Fn(&mut Lane, &mut LaneStores<'_>, std::ops::Range<usize>) + Sync) {
        let [even, odd, dz] = &mut *self.stores;
        let (rows, n, record) = (self.lane_rows, self.n, self.record);
        let strides = [record.a_stride[0] * rows, record.a_stride[1] * rows, record.dz_stride * rows];
        let one = |(i, (((lane, even), odd), dz)): (usize, (((&mut Lane, _), _), _))| {
            work(lane, &mut LaneStores { a: [even, odd], dz }, i * rows..((i + 1) * rows).min(n));
        };
        if self.parallel {
            let pieces = self.lanes.par_iter_mut().zip(even.par_chunks_mut(strides[0]));
            let pieces = pieces.zip(odd.par_chunks_mut(strides[1])).zip(dz.par_chunks_mut(strides[2]));
            pieces.enumerate().for_each(one);
        } else {
            let pieces = self.lanes.iter_mut().zip(even.chunks_mut(strides[0]));
            let pieces = pieces.zip(odd.chunks_mut(strides[1])).zip(dz.chunks_mut(strides[2]));
            pieces.enumerate().for_each(one);
        }
    }
}

fn size(what: &str, unit: &'static str, expected: usize, got: usize) -> Result<(), ArgumentError> {
    if expected == got { Ok(()) } else { Err(ArgumentError::Size { what: what.to_owned(), unit, expected, got }) }
}

impl Engine for CpuEngine {
    fn architecture(&self) -> &Architecture {
        self.parameters.architecture()
    }

    fn load(&mut self, parameters: &Parameters) -> Result<(), ArgumentError> {
        if parameters.architecture() != self.architecture() {
            return Err(ArgumentError::Conflict {
                what: format!("parameters must fit the engine's network {:?}", self.architecture().encoder_sizes),
                but: format!("they are of {:?}", parameters.architecture().encoder_sizes),
                remedy: "build a new engine for them",
            });
        }
        parameters.check_finite()?;
        self.parameters.values_mut().copy_from_slice(parameters.values());
        self.derived_for = None;
        Ok(())
    }

    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn encode(&mut self, rows: MatRef<'_>, code: &mut [f32]) -> Result<(), ArgumentError> {
        self.columns("the rows to encode", self.architecture().input_size(), rows)?;
        size("the codes", "numbers", rows.rows() * self.architecture().code_size(), code.len())?;
        self.forward(rows, code, true);
        Ok(())
    }

    fn decode(&mut self, code: MatRef<'_>, output: &mut [f32]) -> Result<(), ArgumentError> {
        self.columns("the codes to decode", self.architecture().code_size(), code)?;
        size("the outputs", "numbers", code.rows() * self.architecture().input_size(), output.len())?;
        self.forward(code, output, false);
        Ok(())
    }

    fn objective(&mut self, batch: &Batch<'_>) -> Result<Terms, ArgumentError> {
        self.check_batch(batch)?;
        Ok(self.pass(batch, Purpose::Value, &mut []))
    }

    fn objective_and_gradient(&mut self, batch: &Batch<'_>) -> Result<Terms, ArgumentError> {
        self.check_batch(batch)?;
        Ok(self.pass(batch, Purpose::Gradient, &mut []))
    }

    fn jacobian_squares(&mut self, rows: MatRef<'_>, squares: &mut [f64]) -> Result<(), ArgumentError> {
        self.columns("the rows", self.architecture().input_size(), rows)?;
        size("the squares", "numbers", rows.rows(), squares.len())?;
        for from in (0..rows.rows()).step_by(BLOCK) {
            let block = from..(from + BLOCK).min(rows.rows());
            let part = &mut squares[block.clone()];
            self.pass(&Batch::plain(rows.slice(block)), Purpose::Jacobian, part);
        }
        Ok(())
    }

    fn read_gradient(&self, gradient: &mut [f32]) -> Result<(), ArgumentError> {
        size("the gradient", "numbers", self.gradient.len(), gradient.len())?;
        gradient.copy_from_slice(&self.gradient);
        Ok(())
    }

    fn write_gradient(&mut self, gradient: &[f32]) -> Result<(), ArgumentError> {
        size("the gradient", "numbers", self.gradient.len(), gradient.len())?;
        self.gradient.copy_from_slice(gradient);
        Ok(())
    }

    fn update(&mut self, learning_rate: f64) {
        let arch = self.arch;
        let _guard = threads::FlushToZero::begin();
        if let Some(clip) = self.clip {
            let factor = clip_factor(square_norm(arch, &self.gradient).sqrt(), clip) as f32;
            if factor < 1.0 {
                self.gradient.iter_mut().for_each(|g| *g *= factor);
            }
        }
        let values = self.parameters.values_mut();
        self.optimiser.update(arch, &mut self.state, values, &self.gradient, learning_rate);
        self.derived_for = None;
    }

    fn optimiser_state(&self) -> OptimiserState {
        self.state.clone()
    }

    fn load_optimiser(&mut self, state: &OptimiserState) -> Result<(), ArgumentError> {
        size("the optimiser's first moments", "numbers", self.state.first.len(), state.first.len())?;
        size("the optimiser's second moments", "numbers", self.state.second.len(), state.second.len())?;
        self.state = state.clone();
        Ok(())
    }
}
