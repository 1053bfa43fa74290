//! The loop over steps, the same whatever is trained: gradient, a look at what is not finite, update.

use contractive_core::engine::Engine;
use contractive_core::optimiser::OptimiserState;
use contractive_core::{ArgumentError, Batch, Terms};

/// What a step is done with.
pub struct NextStep<'a> {
    /// The engine that takes it.
    pub engine: &'a mut dyn Engine,
    /// Its rows and draws.
    pub batch: Batch<'a>,
    /// Rows of the batch, those of other ranks included where the engine is data-parallel.
    pub n_rows: usize,
    /// The learning rate of its update.
    pub learning_rate: f64,
}

/// A training as a sequence of steps: where batches come from, and what happens between them.
pub trait StepLoop {
    /// What can go wrong.
    type Error: From<ArgumentError>;

    /// The next step; `None` where the loop is over.
    ///
    /// # Errors
    /// What getting its rows gives.
    fn next_step(&mut self) -> Result<Option<NextStep<'_>>, Self::Error>;

    /// Called after each update, with the terms of the step's batch before it.
    ///
    /// # Errors
    /// What measuring or saving gives.
    fn step_done(&mut self, terms: &Terms, n_rows: usize) -> Result<(), Self::Error>;

    /// The error of a step whose `term` is not finite.
    fn not_finite(&mut self, term: &str) -> Self::Error;

    /// Does all steps. Each ends with a look at what it has made: a number that is not finite is found in the step that made it,
    /// and before it the parameters and the optimiser's memory are finite.
    ///
    /// # Errors
    /// Those of the other functions, and what the engine refuses.
    fn run_steps(&mut self) -> Result<(), Self::Error> {
        while let Some(NextStep { engine, batch, n_rows, learning_rate }) = self.next_step()? {
            let terms = engine.objective_and_gradient(&batch)?;
            if let Some(term) = terms.not_finite() {
                return Err(self.not_finite(term));
            }
            if !engine.update(learning_rate) {
                let term = diverged_term(engine).unwrap_or_default();
                return Err(self.not_finite(&term));
            }
            self.step_done(&terms, n_rows)?;
        }
        Ok(())
    }
}

/// What of an engine is not finite, a parameter or the optimiser's memory, if anything is.
pub(super) fn diverged_term(engine: &dyn Engine) -> Option<String> {
    match engine.parameters().check_finite() {
        Err(ArgumentError::NotFinite { tensor, .. }) => return Some(format!("a parameter in `{tensor}`")),
        Err(e) => return Some(e.to_string()),
        Ok(()) => {}
    }
    let OptimiserState { first, second, .. } = engine.optimiser_state();
    let is_finite = first.iter().chain(second.iter()).all(|number| number.is_finite());
    // With an infinite mean of squares the parameters stand still: nothing else would tell.
    (!is_finite).then(|| "the optimiser's memory".to_owned())
}
