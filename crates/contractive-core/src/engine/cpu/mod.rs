//! The CPU engine: hand-derived steps over a fixed cut of the batch.
//!
//! A step has phases: weights (transposes, G, row norms; once a weight change), lanes of rows, sums over lanes (in lane
//! order), blocks of weight gradients, and parts of the update. All but the sums run on the whole team (team.rs). Lanes, blocks
//! and parts depend on the batch and the network alone, so any number of threads gives the same bits. After the first
//! step of a batch size nothing here allocates a buffer.

#![allow(non_snake_case)] // matrices are upper case, as in the kernels

mod blocks;
mod flush_to_zero;
mod forward;
mod gradient;
mod lane;
mod pass;
mod phases;
mod record;
mod step;
mod team;
mod weights;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use self::flush_to_zero::FlushToZero;
use self::forward::BLOCK;
use self::pass::Workspace;
pub use self::phases::{Clock, PhaseSeconds};
use self::step::PassKind;
use super::Engine;
use crate::architecture::Architecture;
use crate::buffer::Buffer;
use crate::error::{ArgumentError, at_least_one, finite_positive};
use crate::kernels::sums::square_norm;
use crate::matrix::MatRef;
use crate::objective::{Batch, Objective, Terms};
use crate::optimiser::{Optimiser, OptimiserState, clip_factor};
use crate::parameters::Parameters;
use crate::penalty::Penalty;

/// The CPU engine; see the [module's head](self).
pub struct CpuEngine {
    workspace: Workspace,
    objective: Objective,
    optimiser: Optimiser,
    clip: Option<f64>,
    parameters: Parameters,
    state: OptimiserState,
    gradient: Buffer,
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
            workspace: Workspace::new(parameters.architecture(), threads),
            objective: objective.clone(),
            optimiser,
            clip,
            state: optimiser.state(parameters.len()),
            gradient: Buffer::zeros(parameters.len()),
            parameters: parameters.clone(),
        })
    }

    /// Gives the engine a clock, which it reads between the phases of a step from now on; it has none of its own.
    pub fn set_clock(&mut self, clock: Clock) {
        self.workspace.stopwatch.clock = Some(clock);
    }

    /// Where the time of the steps since [`CpuEngine::set_clock`] went; 0 without a clock.
    pub fn phase_seconds(&self) -> PhaseSeconds {
        self.workspace.stopwatch.seconds
    }

    fn pass(&mut self, batch: &Batch<'_>, kind: PassKind) -> Terms {
        self.workspace.pass(&self.objective, &self.parameters, batch, kind, &mut [], &mut self.gradient)
    }

    fn columns(&self, what: &str, expected: usize, rows: MatRef<'_>) -> Result<(), ArgumentError> {
        size(what, "columns", expected, rows.columns())
    }

    /// Codes and exact ‖J‖²_F of `rows` (N, d), to the bits of [`Engine::encode`] and [`Engine::jacobian_squares`], in one pass through
    /// the encoder: N·k numbers to `code`, N to `squares`.
    ///
    /// # Errors
    /// [`ArgumentError::Size`].
    pub fn encode_with_squares(
        &mut self,
        rows: MatRef<'_>,
        code: &mut [f32],
        squares: &mut [f64],
    ) -> Result<(), ArgumentError> {
        let k = self.architecture().code_size();
        size("the codes", "numbers", rows.rows() * k, code.len())?;
        self.jacobian_pass(rows, squares, |workspace, architecture, block| {
            workspace.codes(architecture, &mut code[block.start * k..block.end * k]);
        })
    }

    /// ‖J‖²_F of `rows`, block by block; `done` sees the workspace after each, with the block's rows.
    fn jacobian_pass(
        &mut self,
        rows: MatRef<'_>,
        squares: &mut [f64],
        mut done: impl FnMut(&Workspace, &Architecture, Range<usize>),
    ) -> Result<(), ArgumentError> {
        self.columns("the rows", self.architecture().input_size(), rows)?;
        size("the squares", "numbers", rows.rows(), squares.len())?;
        for from in (0..rows.rows()).step_by(BLOCK) {
            let block = from..(from + BLOCK).min(rows.rows());
            let part = &mut squares[block.clone()];
            let batch = Batch::plain(rows.slice(block.clone()));
            self.workspace.pass(&self.objective, &self.parameters, &batch, PassKind::Jacobian, part, &mut []);
            done(&self.workspace, self.parameters.architecture(), block);
        }
        Ok(())
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
        size("the penalty's draws", "numbers", n_draws, batch.draws.len())?;
        let n_code = architecture.code_size();
        size("the mean code", "numbers", n_code, batch.mean_code.map_or(n_code, <[f64]>::len))
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
        self.workspace.derived_for = None;
        Ok(())
    }

    fn parameters(&self) -> Parameters {
        self.parameters.clone()
    }

    fn n_parameters(&self) -> usize {
        self.parameters.len()
    }

    fn encode(&mut self, rows: MatRef<'_>, code: &mut [f32]) -> Result<(), ArgumentError> {
        self.columns("the rows to encode", self.architecture().input_size(), rows)?;
        size("the codes", "numbers", rows.rows() * self.architecture().code_size(), code.len())?;
        self.workspace.forward(&self.parameters, rows, code, true);
        Ok(())
    }

    fn decode(&mut self, code: MatRef<'_>, output: &mut [f32]) -> Result<(), ArgumentError> {
        self.columns("the codes to decode", self.architecture().code_size(), code)?;
        size("the outputs", "numbers", code.rows() * self.architecture().input_size(), output.len())?;
        self.workspace.forward(&self.parameters, code, output, false);
        Ok(())
    }

    fn objective(&mut self, batch: &Batch<'_>) -> Result<Terms, ArgumentError> {
        self.check_batch(batch)?;
        Ok(self.pass(batch, PassKind::Value))
    }

    fn row_terms(&mut self, batch: &Batch<'_>, losses: &mut [f64], penalties: &mut [f64]) -> Result<(), ArgumentError> {
        self.check_batch(batch)?;
        size("the losses", "numbers", batch.rows.rows(), losses.len())?;
        size("the penalties", "numbers", batch.rows.rows(), penalties.len())?;
        let terms = self.pass(batch, PassKind::Value);
        self.workspace.losses(losses);
        if matches!(self.objective.penalty, Penalty::WeightL1 | Penalty::WeightL2) {
            penalties.fill(terms.penalty);
        } else {
            self.workspace.penalties(penalties);
        }
        Ok(())
    }

    fn objective_and_gradient(&mut self, batch: &Batch<'_>) -> Result<Terms, ArgumentError> {
        self.check_batch(batch)?;
        Ok(self.pass(batch, PassKind::Gradient))
    }

    fn jacobian_squares(&mut self, rows: MatRef<'_>, squares: &mut [f64]) -> Result<(), ArgumentError> {
        self.jacobian_pass(rows, squares, |_, _, _| ())
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

    fn update(&mut self, learning_rate: f64) -> bool {
        let arch = self.workspace.arch;
        let _mode = FlushToZero::begin();
        self.workspace.stopwatch.start();
        if let Some(clip) = self.clip {
            let factor = clip_factor(square_norm(arch, &self.gradient).sqrt(), clip) as f32;
            if factor < 1.0 {
                self.gradient.iter_mut().for_each(|g| *g *= factor);
            }
        }
        let values = self.parameters.values_mut();
        let parts = self.optimiser.parts(&mut self.state, values, &self.gradient, learning_rate);
        let is_finite = AtomicBool::new(true);
        self.workspace.teams.for_rows(1).each(parts, |part| {
            if !part.update(arch) {
                is_finite.store(false, Ordering::Relaxed);
            }
        });
        self.workspace.derived_for = None;
        self.workspace.stopwatch.lap(|phases| &mut phases.update);
        is_finite.into_inner()
    }

    fn optimiser_state(&self) -> OptimiserState {
        self.state.clone()
    }

    fn load_optimiser(&mut self, state: &OptimiserState) -> Result<(), ArgumentError> {
        size("the optimiser's first moments", "numbers", self.state.first.len(), state.first.len())?;
        size("the optimiser's second moments", "numbers", self.state.second.len(), state.second.len())?;
        self.state.clone_from(state);
        Ok(())
    }
}
