//! The numbers of [`evaluate`](crate::evaluate()) row by row: what its means are taken of.

use std::ops::Range;

use contractive_core::engine::Engine;
use contractive_core::matrix::MatRef;
use contractive_core::random::{Purpose, Stream};

use crate::batch::Buffers;
use crate::data::Dataset;
use crate::model::finite::{check_row_terms, check_squares};
use crate::model::{Model, ModelError};
use crate::preprocess::{EVALUATION_ROWS, ScaledRows};

/// Some rows that lie one after the other, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedRows {
    /// Their numbers, from 0.
    pub rows: Range<usize>,
    /// The loss trained with, at each.
    pub losses: Vec<f64>,
    /// The penalty trained with, with the draws of [`evaluate`](crate::evaluate()), before weighting.
    pub trained_penalties: Vec<f64>,
    /// ‖J‖²_F, exact, whatever was trained with.
    pub penalties: Vec<f64>,
}

/// Judges `data` row by row and hands the rows on, in order and a batch at a time; the memory does not grow with the rows.
/// The means over all rows are those of [`evaluate`](crate::evaluate()).
///
/// # Errors
/// As [`evaluate`](crate::evaluate()), and what `visit` gives.
pub fn evaluate_rows<E: From<ModelError>>(
    model: &Model,
    data: &Dataset,
    threads: usize,
    mut visit: impl FnMut(JudgedRows) -> Result<(), E>,
) -> Result<(), E> {
    let wrong = |e| E::from(ModelError::from(e));
    model.preprocessing().check(data).map_err(|e| E::from(e.into()))?;
    let reader = ScaledRows { data, preprocessing: model.preprocessing() };
    let (objective, architecture) = (model.objective(), model.architecture());
    if objective.loss.is_cross_entropy() {
        reader.check_unit_interval(objective.loss.name()).map_err(wrong)?;
    }
    let mut engine = model.engine_for(objective, threads).map_err(wrong)?;
    let (seed, d) = (model.provenance().seed, architecture.input_size());
    let mut buffers = Buffers::default();
    for start in (0..data.len()).step_by(EVALUATION_ROWS) {
        let rows = start..data.len().min(start + EVALUATION_ROWS);
        let numbers: Vec<u32> = rows.clone().map(|row| row as u32).collect();
        let stream = Stream::new(seed, Purpose::EvaluationPenalty, 0, (start / EVALUATION_ROWS) as u64);
        reader.gather_batch(&numbers, &mut buffers.rows);
        buffers.draw(architecture, None, (objective.penalty, stream));
        let zeros = || vec![0.0; rows.len()];
        let (mut losses, mut trained_penalties, mut penalties) = (zeros(), zeros(), zeros());
        engine.row_terms(&buffers.batch(d), &mut losses, &mut trained_penalties).map_err(wrong)?;
        engine.jacobian_squares(MatRef::new(&buffers.rows, rows.len(), d), &mut penalties).map_err(wrong)?;
        check_row_terms(data.name(), start, objective, &losses, &trained_penalties)?;
        check_squares(data.name(), start, &penalties)?;
        visit(JudgedRows { rows, losses, trained_penalties, penalties })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use contractive_core::penalty::ProbeDistribution;
    use contractive_core::{Parameters, Penalty};

    use super::*;
    use crate::evaluate;
    use crate::{Prepared, TrainConfig};

    #[test]
    fn the_means_are_those_of_the_evaluation_whatever_was_trained() {
        let n = 2 * EVALUATION_ROWS + 11;
        let values: Vec<f32> = (0..5 * n).map(|i| 0.5 + 0.5 * (i as f32 * 0.73).sin()).collect();
        let data = Dataset::from_f32("waves", 5, values).unwrap();
        let text = "[model]\nhidden = [4, 2]\n[objective]\nloss = 'bce'\n[data]\nscale = 'none'";
        let prepared = Prepared::new(&TrainConfig::from_toml("test", text).unwrap(), data, None).unwrap();
        let mut parameters = Parameters::zeros(prepared.architecture()).unwrap();
        let values = parameters.values_mut().iter_mut().enumerate();
        values.for_each(|(i, value)| *value = (i as f32 * 0.754_877).fract() - 0.5);
        let mut model = prepared.model(parameters, 1);
        let projection = Penalty::Projection { probes: 1, distribution: ProbeDistribution::Rademacher };
        for penalty in [Penalty::Jacobian, Penalty::JacobianNorm, projection, Penalty::WeightL2, Penalty::None] {
            model.objective.penalty = penalty;
            let whole = evaluate(&model, prepared.data(), 2).unwrap();
            let mut sums = [0.0; 4];
            let mut next = 0;
            evaluate_rows::<ModelError>(&model, prepared.data(), 2, |judged| {
                assert_eq!(judged.rows.start, next);
                next = judged.rows.end;
                sums[0] += judged.losses.iter().sum::<f64>();
                sums[1] += judged.trained_penalties.iter().sum::<f64>();
                sums[2] += judged.penalties.iter().sum::<f64>();
                sums[3] += judged.penalties.iter().map(|p| p.sqrt()).sum::<f64>();
                Ok(())
            })
            .unwrap();
            assert_eq!(next, n);
            let wanted = [whole.bce.unwrap(), whole.trained_penalty_value, whole.penalty, whole.jacobian_norm];
            for (sum, wanted) in sums.into_iter().zip(wanted) {
                assert!((sum / n as f64 - wanted).abs() <= 1e-12 * wanted, "{penalty:?}: {sum} {wanted}");
            }
        }
        let outside = Dataset::from_f32("outside", 5, vec![0.5, 0.5, 1.5, 0.0, 1.0]).unwrap();
        let refused = evaluate_rows::<ModelError>(&model, &outside, 1, |_| panic!("no row may be judged"));
        assert_eq!(refused.unwrap_err().to_string(), evaluate(&model, &outside, 1).unwrap_err().to_string());
    }
}
