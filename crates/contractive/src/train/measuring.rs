//! What an epoch is judged by: the objective on rows that are not trained on, and the encoder's Jacobian.

use contractive_core::random::Purpose;
use contractive_core::{Penalty, Terms};

use super::epochs::Training;
use super::error::TrainError;
use crate::history::EpochRecord;
use crate::measure::{Measured, jacobian_means, measure};

/// Rows on which the Jacobian is measured after each epoch, at most, and the exact penalty where training estimates it.
const JACOBIAN_ROWS: usize = 2_000;

impl Training<'_> {
    /// The epoch's record, its times left open. With several ranks, that of rank 0.
    pub(super) fn measured(&mut self, learning_rate: f64) -> Result<EpochRecord, TrainError> {
        self.check_finite()?;
        let prepared = self.prepared;
        let held_out = prepared.measured_validation();
        let mut validation = match held_out.rows {
            [] => None,
            _ => Some(self.measure("validation", held_out, Purpose::ValidationPenalty)?),
        };
        let all: Vec<u32> = (0..prepared.n_test_rows() as u32).collect();
        let test_rows = prepared.measured_test(&all);
        let mut test = match test_rows {
            None => None,
            Some(of) => Some(self.measure("test", of, Purpose::TestPenalty)?),
        };
        let watched = if held_out.rows.is_empty() { prepared.measured_training() } else { held_out };
        let (jacobian_norm, jacobian_square) = self.jacobian_of_first(watched)?;
        if let Penalty::Projection { .. } = self.objective.penalty {
            validation = validation.map(|terms| self.with_penalty(terms, jacobian_square));
            if let (Some(terms), Some(of)) = (test, test_rows) {
                let (_, square) = self.jacobian_of_first(of)?;
                test = Some(self.with_penalty(terms, square));
            }
        }
        Ok(EpochRecord {
            epoch: self.state.epoch + 1,
            step: self.state.step,
            seconds: 0.0,
            rows_per_second: 0.0,
            learning_rate,
            train: self.state.sums.mean(),
            last_batch_sum: self.last_batch_sum,
            validation,
            test,
            jacobian_norm,
            jacobian_square,
            is_best: false,
        })
    }

    /// Means of ‖J‖ and ‖J‖² over the first rows.
    fn jacobian_of_first(&mut self, of: Measured<'_>) -> Result<(f64, f64), TrainError> {
        let some = Measured { rows: &of.rows[..of.rows.len().min(JACOBIAN_ROWS)], ..of };
        let (norm, square) = jacobian_means(self.engine.as_mut(), some, &self.group)?;
        if !(square.is_finite() && norm.is_finite()) {
            return Err(self.diverged("jacobian_norm".into(), self.state.step));
        }
        Ok((norm, square))
    }

    /// The terms with another penalty: the exact one, where training only estimates it.
    fn with_penalty(&self, terms: Terms, penalty: f64) -> Terms {
        Terms::combine(&self.objective, terms.reconstruction, penalty, terms.sparsity)
    }

    fn measure(&mut self, part: &str, of: Measured<'_>, purpose: Purpose) -> Result<Terms, TrainError> {
        let seed = self.prepared.config.training.seed;
        let terms = measure(self.engine.as_mut(), &self.objective, of, seed, purpose)?;
        match terms.not_finite() {
            None => Ok(terms),
            Some(term) => Err(self.diverged(format!("{part} {term}"), self.state.step)),
        }
    }
}
