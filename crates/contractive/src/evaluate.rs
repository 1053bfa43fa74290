//! Numbers that judge a model on a data set.

use contractive_core::engine::Engine;
use contractive_core::jacobian::saturation;
use contractive_core::matrix::MatRef;
use contractive_core::{Activation, Loss, Objective, Penalty};
use serde::Serialize;

use crate::data::Dataset;
use crate::error::Error;
use crate::model::Model;
use crate::train::random::Purpose;
use crate::train::{EVALUATION_ROWS, Reader, first_outside, measure};

/// A model on a data set. All numbers are means over rows, of rows as the network takes them (after preprocessing).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// What the data are called.
    pub data: String,
    /// Number of rows N.
    pub rows: usize,
    /// Number of features d.
    pub features: usize,
    /// Number of code units k.
    pub code: usize,
    /// Mean over features of the squared error.
    pub mse: f64,
    /// Sum over features of the squared error.
    pub sse: f64,
    /// Mean over features of the binary cross-entropy; `None` unless the output is sigmoid and all rows lie in [0, 1].
    pub bce: Option<f64>,
    /// Sum over features of the binary cross-entropy; defined as `bce` is.
    pub cross_entropy: Option<f64>,
    /// ‖J‖²_F, exact, whatever the model was trained with.
    pub penalty: f64,
    /// ‖J‖_F.
    pub jacobian_norm: f64,
    /// ‖J‖²_F/(k·d): the mean square of J's entries.
    pub jacobian_mean_square: f64,
    /// Share of the encoder's sigmoid and tanh units within 5 % of a bound; `None` without such units.
    pub saturation: Option<f64>,
    /// Share of the code units that give the same number for every row.
    pub dead_code_units: f64,
    /// Name of the loss trained with.
    pub loss: Loss,
    /// Name of the penalty trained with.
    pub trained_penalty: String,
    /// Weight of the penalty trained with.
    pub contraction: f64,
    /// The objective trained with, without input noise.
    pub total: f64,
}

/// Judges `model` on `data`, in batches, with `threads` threads (the result does not depend on them).
///
/// # Errors
/// [`Error::Preprocess`] when the columns are not the model's; [`Error::Argument`] when the loss is a cross-entropy and a
/// value lies outside [0, 1].
pub fn evaluate(model: &Model, data: &Dataset, threads: usize) -> Result<Evaluation, Error> {
    model.preprocessing.check(data)?;
    let reader = Reader { data, preprocessing: &model.preprocessing };
    let architecture = model.architecture();
    let (d, k) = (architecture.input_size(), architecture.code_size());
    let outside = first_outside(reader);
    if let (true, Some((row, column, value))) = (model.objective.loss.is_cross_entropy(), outside) {
        let loss = model.objective.loss.name();
        return Err(contractive_core::ArgumentError::Range { loss, row, column, value }.into());
    }
    let rows: Vec<u32> = (0..data.len() as u32).collect();
    let seed = model.provenance.seed;
    let mut engine = model.engine_for(&model.objective, threads)?;
    let terms = measure(&mut engine, &model.objective, reader, &rows, seed, Purpose::EvaluationPenalty)?;
    let mean_loss = |loss| -> Result<f64, Error> {
        let objective = Objective::new(loss, Penalty::None, 0.0);
        let mut engine = model.engine_for(&objective, threads)?;
        Ok(measure(&mut engine, &objective, reader, &rows, seed, Purpose::EvaluationPenalty)?.reconstruction)
    };
    let sse = mean_loss(Loss::Sse)?;
    let has_logits = architecture.output_activation() == Activation::Sigmoid && outside.is_none();
    let cross_entropy = if has_logits { Some(mean_loss(Loss::CrossEntropy)?) } else { None };

    let mut code_range = vec![(f32::INFINITY, f32::NEG_INFINITY); k];
    let (mut buffer, mut code, mut squares) = (Vec::new(), Vec::new(), vec![0.0; EVALUATION_ROWS]);
    let (mut norm, mut square, mut saturated) = (0.0, 0.0, None);
    for some in rows.chunks(EVALUATION_ROWS) {
        reader.gather(some, &mut buffer);
        let batch = MatRef::new(&buffer, some.len(), d);
        code.resize(some.len() * k, 0.0);
        engine.encode(batch, &mut code)?;
        for h in code.chunks_exact(k) {
            for (range, &h) in code_range.iter_mut().zip(h) {
                *range = (range.0.min(h), range.1.max(h));
            }
        }
        let squares = &mut squares[..some.len()];
        engine.jacobian_squares(batch, squares)?;
        norm += squares.iter().map(|s| s.max(0.0).sqrt()).sum::<f64>();
        square += squares.iter().sum::<f64>();
        if let Some(share) = saturation(&model.parameters, batch) {
            *saturated.get_or_insert(0.0) += share * some.len() as f64;
        }
    }
    let n = rows.len().max(1) as f64;
    let penalty = square / n;
    Ok(Evaluation {
        data: data.name().to_owned(),
        rows: rows.len(),
        features: d,
        code: k,
        mse: sse / d as f64,
        sse,
        bce: cross_entropy.map(|sum| sum / d as f64),
        cross_entropy,
        penalty,
        jacobian_norm: norm / n,
        jacobian_mean_square: penalty / (k * d) as f64,
        saturation: saturated.map(|sum: f64| sum / n),
        dead_code_units: code_range.iter().filter(|(low, high)| low >= high).count() as f64 / k as f64,
        loss: model.objective.loss,
        trained_penalty: model.objective.penalty.name().to_owned(),
        contraction: model.objective.contraction,
        total: terms.total,
    })
}
