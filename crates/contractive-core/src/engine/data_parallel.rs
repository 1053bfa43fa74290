//! One network trained by several ranks, each on its share of every batch.
//!
//! ```text
//! C = 1/N Σ_r N_r C_r          ∇C = 1/N Σ_r N_r ∇C_r          N = Σ_r N_r
//! ```
//!
//! C_r is the objective's mean over the N_r rows that rank r holds of the batch, none perhaps. The sums are of 64 bits: 8 bytes a
//! parameter and step. Every rank then takes the same step, so that their parameters stay the same. One term couples rows:
//! sparsity. Its mean code is summed over the whole batch first; each rank takes its slope there, so that the sum above holds.
//!
//! Source: synchronous data-parallel descent, as in Goyal et al. 2017, section 3, but for the order of sums.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Engine;
use crate::architecture::Architecture;
use crate::communicator::Group;
use crate::error::{ArgumentError, at_least_one};
use crate::matrix::MatRef;
use crate::objective::{Batch, Objective, Terms};
use crate::optimiser::OptimiserState;
use crate::parameters::Parameters;

/// A wish to stop that travels with the sums of a step: none stops where the others would wait for it.
#[derive(Debug, Default)]
pub struct SharedStop {
    own: AtomicBool,
    of_any: AtomicBool,
}

impl SharedStop {
    /// Wishes that all ranks stop after the next step.
    pub fn wish(&self) {
        self.own.store(true, Ordering::Relaxed);
    }

    /// Whether any rank had wished so before the last step: the same on all of them.
    pub fn is_agreed(&self) -> bool {
        self.of_any.load(Ordering::Relaxed)
    }
}

/// An engine whose [`Engine::objective`] and [`Engine::objective_and_gradient`] are means over the rows of all ranks.
///
/// Those two are collective: every rank must call them, with its rows of the same batch, of which it may have none. All else is
/// of this rank alone.
pub struct DataParallel {
    inner: Box<dyn Engine>,
    objective: Objective,
    group: Group,
    stop: Arc<SharedStop>,
    gradient: Vec<f32>,
    /// The gradient, where there is one, and [`NUMBERS`].
    message: Vec<f64>,
    code: Vec<f32>,
}

/// What is summed beside the gradient: N, Σ L, Σ P, the sparsity term N-fold, ranks that wish to stop, ranks that failed.
const NUMBERS: usize = 6;

impl DataParallel {
    /// Ranks of `group` whose engines `inner` were made alike, of `objective`.
    pub fn new(inner: Box<dyn Engine>, objective: &Objective, group: Group, stop: Arc<SharedStop>) -> Self {
        let (gradient, message, code) = (Vec::new(), Vec::new(), Vec::new());
        DataParallel { inner, objective: objective.clone(), group, stop, gradient, message, code }
    }

    /// The mean code of the whole batch, where the objective has a sparsity term.
    fn mean_code(&mut self, batch: &Batch<'_>) -> Result<Option<Vec<f64>>, ArgumentError> {
        if self.objective.sparsity.is_none() {
            return Ok(None);
        }
        let (rows, k) = (batch.encoded(), self.architecture().code_size());
        self.code.resize(rows.rows() * k, 0.0);
        let encoded = if rows.rows() > 0 { self.inner.encode(rows, &mut self.code) } else { Ok(()) };
        self.group.agree(encoded)?;
        let mut sums = vec![0.0; k + 1];
        for code in self.code.chunks_exact(k) {
            sums.iter_mut().zip(code).for_each(|(sum, h)| *sum += f64::from(*h));
        }
        sums[k] = rows.rows() as f64;
        self.group.sum(&mut sums)?;
        let n = sums.pop().unwrap_or(0.0).max(1.0);
        sums.iter_mut().for_each(|sum| *sum /= n);
        Ok(Some(sums))
    }

    /// The means over all ranks' rows, and in `message` the sum of the gradients N_r-fold.
    fn shared(&mut self, batch: &Batch<'_>, with_gradient: bool) -> Result<Terms, ArgumentError> {
        let mean_code = self.mean_code(batch)?;
        let batch = &Batch { mean_code: mean_code.as_deref(), ..*batch };
        let n_gradient = if with_gradient { self.gradient.len() } else { 0 };
        self.message.resize(n_gradient + NUMBERS, 0.0);
        let own = self.put_own(batch, with_gradient);
        self.message[n_gradient + 4] = if self.stop.own.load(Ordering::Relaxed) { 1.0 } else { 0.0 };
        self.message[n_gradient + 5] = if own.is_err() { 1.0 } else { 0.0 };
        self.group.sum(&mut self.message)?;
        let [n, reconstruction, penalty, sparsity, stops, failed] = self.message[n_gradient..] else {
            return own.map(|()| Terms::default());
        };
        if failed > 0.0 {
            self.group.agree(own)?;
        }
        if stops > 0.0 {
            self.stop.of_any.store(true, Ordering::Relaxed);
        }
        at_least_one("rows of a batch over all ranks", n as usize)?;
        Ok(Terms::combine(&self.objective, reconstruction / n, penalty / n, sparsity / n))
    }

    /// Puts this rank's share into the message, over what the last step left there.
    fn put_own(&mut self, batch: &Batch<'_>, with_gradient: bool) -> Result<(), ArgumentError> {
        if batch.rows.rows() == 0 {
            self.message.fill(0.0);
            return Ok(());
        }
        let terms = if with_gradient {
            let terms = self.inner.objective_and_gradient(batch)?;
            self.inner.read_gradient(&mut self.gradient)?;
            terms
        } else {
            self.inner.objective(batch)?
        };
        let n = batch.rows.rows() as f64;
        let (gradient, numbers) = self.message.split_at_mut(if with_gradient { self.gradient.len() } else { 0 });
        gradient.iter_mut().zip(&self.gradient).for_each(|(sum, g)| *sum = n * f64::from(*g));
        numbers[..4].copy_from_slice(&[n, n * terms.reconstruction, n * terms.penalty, n * terms.sparsity]);
        Ok(())
    }
}

impl Engine for DataParallel {
    fn architecture(&self) -> &Architecture {
        self.inner.architecture()
    }

    fn load(&mut self, parameters: &Parameters) -> Result<(), ArgumentError> {
        self.inner.load(parameters)
    }

    fn parameters(&self) -> Parameters {
        self.inner.parameters()
    }

    fn n_parameters(&self) -> usize {
        self.inner.n_parameters()
    }

    fn encode(&mut self, rows: MatRef<'_>, code: &mut [f32]) -> Result<(), ArgumentError> {
        self.inner.encode(rows, code)
    }

    fn decode(&mut self, code: MatRef<'_>, output: &mut [f32]) -> Result<(), ArgumentError> {
        self.inner.decode(code, output)
    }

    fn objective(&mut self, batch: &Batch<'_>) -> Result<Terms, ArgumentError> {
        self.shared(batch, false)
    }

    fn row_terms(&mut self, batch: &Batch<'_>, losses: &mut [f64], penalties: &mut [f64]) -> Result<(), ArgumentError> {
        self.inner.row_terms(batch, losses, penalties)
    }

    fn objective_and_gradient(&mut self, batch: &Batch<'_>) -> Result<Terms, ArgumentError> {
        let n = self.inner.n_parameters();
        self.gradient.resize(n, 0.0);
        let terms = self.shared(batch, true)?;
        let rows = self.message[n];
        for (g, sum) in self.gradient.iter_mut().zip(&self.message) {
            *g = (sum / rows) as f32;
        }
        self.inner.write_gradient(&self.gradient)?;
        Ok(terms)
    }

    fn jacobian_squares(&mut self, rows: MatRef<'_>, squares: &mut [f64]) -> Result<(), ArgumentError> {
        self.inner.jacobian_squares(rows, squares)
    }

    fn read_gradient(&self, gradient: &mut [f32]) -> Result<(), ArgumentError> {
        self.inner.read_gradient(gradient)
    }

    fn write_gradient(&mut self, gradient: &[f32]) -> Result<(), ArgumentError> {
        self.inner.write_gradient(gradient)
    }

    fn update(&mut self, learning_rate: f64) -> bool {
        self.inner.update(learning_rate)
    }

    fn optimiser_state(&self) -> OptimiserState {
        self.inner.optimiser_state()
    }

    fn load_optimiser(&mut self, state: &OptimiserState) -> Result<(), ArgumentError> {
        self.inner.load_optimiser(state)
    }
}
