//! Numbers that judge a model on a data set.

use contractive_core::engine::Engine;
use contractive_core::jacobian::saturation;
use contractive_core::matrix::MatRef;
use contractive_core::random::{Purpose, Stream};
use contractive_core::statistics::Moments;
use contractive_core::{Activation, Loss, Objective, Penalty};
use serde::{Deserialize, Serialize};

use crate::batch::Buffers;
use crate::data::Dataset;
use crate::history::Sums;
use crate::measure::Norms;
use crate::model::finite::{check_rows, check_squares, check_terms, code_unit};
use crate::model::{Model, ModelError, PictureEvaluation, evaluate_pictures};
use crate::preprocess::{EVALUATION_ROWS, ScaledRows};

/// A model on a data set. All numbers are means over rows, of rows as the network takes them (after preprocessing).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// ‖J‖²_F relative to the variance of the code, Σ_j var(h_j) over the rows; `None` for a code that does not vary.
    ///
    /// Small weights in the encoder and large ones in an untied decoder make ‖J‖ small at no cost, without any
    /// contraction. This ratio does not depend on the code's scale, so it does not fall for that: compare it, and not
    /// `penalty` alone, between models.
    pub jacobian_to_code_variance: Option<f64>,
    /// Share of the encoder's sigmoid and tanh units within 5 % of a bound; `None` without such units.
    pub saturation: Option<f64>,
    /// Share of the code units that give the same number for every row.
    pub dead_code_units: f64,
    /// Share of the code's numbers, over all rows and units, that are exactly 0.
    pub zero_code_activations: f64,
    /// Name of the loss trained with.
    pub loss: Loss,
    /// Name of the penalty trained with.
    pub trained_penalty: String,
    /// The penalty trained with, as it was trained: with its own draws, before weighting.
    ///
    /// `total` = the loss trained with + `contraction` · this (+ the weighted sparsity term, where there is one).
    pub trained_penalty_value: f64,
    /// Weight of the penalty trained with.
    pub contraction: f64,
    /// The objective trained with, without input noise: made of `trained_penalty_value`, not of `penalty`.
    pub total: f64,
    /// The same of whole pictures, where rows are patches of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<PictureEvaluation>,
}

/// Judges `model` on `data`, in batches, with `threads` threads (the result does not depend on them).
///
/// # Errors
/// [`ModelError::Columns`] when the columns are not the model's; [`ModelError::Argument`] when the loss is a cross-entropy and a
/// value lies outside [0, 1]; [`ModelError::NotFinite`].
pub fn evaluate(model: &Model, data: &Dataset, threads: usize) -> Result<Evaluation, ModelError> {
    evaluate_telling(model, data, threads, &mut |_| {})
}

/// As [`evaluate`]; tells how many rows are done, now and then.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_telling(
    model: &Model,
    data: &Dataset,
    threads: usize,
    told: &mut dyn FnMut(usize),
) -> Result<Evaluation, ModelError> {
    model.preprocessing().check(data)?;
    let reader = ScaledRows { data, preprocessing: model.preprocessing() };
    let architecture = model.architecture();
    let (d, k) = (architecture.input_size(), architecture.code_size());
    let outside = reader.first_outside();
    if let (true, Some((row, column, value))) = (model.objective().loss.is_cross_entropy(), outside) {
        let loss = model.objective().loss.name();
        return Err(contractive_core::ArgumentError::Range { loss, row, column, value }.into());
    }
    let rows: Vec<u32> = (0..data.len() as u32).collect();
    let (objective, seed) = (model.objective(), model.provenance().seed);
    let has_logits = architecture.output_activation() == Activation::Sigmoid && outside.is_none();
    let mut engine = model.engine_for(objective, threads)?;
    let of_loss = |loss| -> Result<_, ModelError> {
        let objective = Objective::new(loss, Penalty::None, 0.0);
        let engine = model.engine_for(&objective, threads)?;
        Ok((objective, engine, Sums::default()))
    };
    let mut losses = vec![of_loss(Loss::Sse)?];
    if has_logits {
        losses.push(of_loss(Loss::CrossEntropy)?);
    }
    let mut buffers = Buffers::default();
    let (mut terms, mut spread, mut norms) = (Sums::default(), Moments::new(k), Norms::default());
    let mut code = Vec::new();
    let (mut saturated, mut zeros) = (None, 0_usize);
    // All that is asked of some rows, then of the next: so the time left is that of the rows left.
    for (i, some) in rows.chunks(EVALUATION_ROWS).enumerate() {
        let n = some.len();
        let stream = Stream::new(seed, Purpose::EvaluationPenalty, 0, i as u64);
        reader.gather_batch(some, &mut buffers.rows);
        buffers.draw(architecture, None, (objective.penalty, stream.clone()));
        let first = i * EVALUATION_ROWS;
        let of_batch = engine.objective(&buffers.batch(d))?;
        check_terms(data.name(), first, &of_batch, objective, &mut engine, &buffers.batch(d))?;
        terms.add(&of_batch, n);
        buffers.draw(architecture, None, (Penalty::None, stream));
        for (objective, engine, sums) in &mut losses {
            let of_batch = engine.objective(&buffers.batch(d))?;
            check_terms(data.name(), first, &of_batch, objective, engine, &buffers.batch(d))?;
            sums.add(&of_batch, n);
        }
        let batch = MatRef::new(&buffers.rows, n, d);
        code.resize(n * k, 0.0);
        engine.encode(batch, &mut code)?;
        check_rows(data.name(), first, &code, k, code_unit)?;
        zeros += code.iter().filter(|h| **h == 0.0).count();
        code.chunks_exact(k).for_each(|h| spread.see(h));
        if let Some(share) = saturation(model.parameters(), batch) {
            *saturated.get_or_insert(0.0) += share * n as f64;
        }
        check_squares(data.name(), first, norms.add(&mut engine, batch)?)?;
        told(first + n);
    }
    let terms = terms.mean();
    let mut means = losses.iter().map(|(_, _, sums)| sums.mean().reconstruction);
    let (sse, cross_entropy) = (means.next().unwrap_or(0.0), means.next());
    let n = rows.len().max(1) as f64;
    let (jacobian_norm, penalty) = norms.means();
    // Exactly 0 for a unit that always gives the same number.
    let squares = spread.squares();
    let variance = squares.iter().sum::<f64>() / spread.rows().max(1.0);
    let dead = squares.iter().filter(|squares| **squares == 0.0).count();
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
        jacobian_norm,
        jacobian_mean_square: penalty / (k * d) as f64,
        jacobian_to_code_variance: (variance > 0.0).then(|| penalty / variance),
        saturation: saturated.map(|sum: f64| sum / n),
        dead_code_units: dead as f64 / k as f64,
        zero_code_activations: zeros as f64 / (n * k as f64),
        loss: model.objective().loss,
        trained_penalty: model.objective().penalty.name().to_owned(),
        trained_penalty_value: terms.penalty,
        contraction: model.objective().contraction,
        total: terms.total,
        pictures: evaluate_pictures(model, data, threads, |_, _| Ok::<(), ModelError>(()))?,
    })
}

#[cfg(test)]
mod tests {
    use contractive_core::{Architecture, Parameters};

    use super::*;
    use crate::model::Provenance;
    use crate::preprocess::Preprocessing;

    const ROWS: [[f32; 3]; 4] = [[0.1, 0.9, 0.3], [0.0, 1.0, 0.5], [0.7, 0.2, 0.4], [0.6, 0.6, 0.1]];
    /// W and b of the encoder, then of the decoder; the second code unit is dead.
    const VALUES: [f32; 17] = [0.5, -1.0, 2.0, 0.0, 0.0, 0.0, 0.1, 3.9, 1.0, -0.5, 0.3, 0.2, -0.7, 0.4, 0.1, -0.2, 0.3];

    fn model(loss: Loss, output: Activation) -> Model {
        let net = Architecture::mirrored(3, &[2], Activation::Sigmoid, Activation::Sigmoid, output, false);
        let mut parameters = Parameters::zeros(&net).unwrap();
        parameters.values_mut().copy_from_slice(&VALUES);
        Model {
            parameters,
            objective: Objective::new(loss, Penalty::Jacobian, 0.25),
            noise: None,
            preprocessing: Preprocessing::identity(3),
            picture_shape: None,
            patches: None,
            reading: crate::model::PictureReading::default(),
            provenance: Provenance::default(),
        }
    }

    fn data() -> Dataset {
        Dataset::from_f32("four rows", 3, ROWS.concat()).unwrap()
    }

    fn sigmoid(z: f64) -> f64 {
        1.0 / (1.0 + (-z).exp())
    }

    /// (sse, cross-entropy, ‖J‖², ‖J‖) of one row, straight from the definitions.
    fn by_hand(x: &[f32; 3]) -> [f64; 4] {
        let p = VALUES.map(f64::from);
        let x = x.map(f64::from);
        let (mut h, mut square) = ([0.0; 2], 0.0);
        for j in 0..2 {
            let w = &p[3 * j..3 * j + 3];
            h[j] = sigmoid((0..3).map(|i| w[i] * x[i]).sum::<f64>() + p[6 + j]);
            square += (h[j] * (1.0 - h[j])).powi(2) * w.iter().map(|w| w * w).sum::<f64>();
        }
        let (mut sse, mut ce) = (0.0, 0.0);
        for i in 0..3 {
            let x_hat = sigmoid(p[8 + 2 * i] * h[0] + p[9 + 2 * i] * h[1] + p[14 + i]);
            sse += (x_hat - x[i]).powi(2);
            ce -= x[i] * x_hat.ln() + (1.0 - x[i]) * (1.0 - x_hat).ln();
        }
        [sse, ce, square, square.sqrt()]
    }

    /// Of the unit that moves; the other is dead.
    fn code_variance_by_hand() -> f64 {
        let p = VALUES.map(f64::from);
        let h = ROWS.map(|x| sigmoid((0..3).map(|i| p[i] * f64::from(x[i])).sum::<f64>() + p[6]));
        let mean = h.iter().sum::<f64>() / 4.0;
        h.iter().map(|h| (h - mean).powi(2)).sum::<f64>() / 4.0
    }

    fn is_near(got: f64, expected: f64) -> bool {
        (got - expected).abs() <= 1e-5 * expected.abs()
    }

    #[test]
    fn numbers_follow_their_definitions() {
        let e = evaluate(&model(Loss::CrossEntropy, Activation::Sigmoid), &data(), 1).unwrap();
        let mean = |part: usize| ROWS.iter().map(|row| by_hand(row)[part]).sum::<f64>() / 4.0;
        assert_eq!((e.rows, e.features, e.code), (4, 3, 2));
        for (name, got, expected) in [
            ("sse", e.sse, mean(0)),
            ("mse", e.mse, mean(0) / 3.0),
            ("cross_entropy", e.cross_entropy.unwrap(), mean(1)),
            ("bce", e.bce.unwrap(), mean(1) / 3.0),
            ("penalty", e.penalty, mean(2)),
            ("jacobian_norm", e.jacobian_norm, mean(3)),
            ("jacobian_mean_square", e.jacobian_mean_square, mean(2) / 6.0),
            ("jacobian_to_code_variance", e.jacobian_to_code_variance.unwrap(), mean(2) / code_variance_by_hand()),
            ("total", e.total, mean(1) + 0.25 * mean(2)),
            ("trained_penalty_value", e.trained_penalty_value, mean(2)),
            ("dead_code_units", e.dead_code_units, 0.5),
        ] {
            assert!(is_near(got, expected), "{name}: {got} {expected}");
        }
        // The dead unit sits at σ(3.9) = 0.98, within 5 % of its bound; the other never is.
        assert_eq!(e.saturation, Some(0.5));
    }

    #[test]
    fn the_total_is_made_of_the_penalty_that_was_trained() {
        let mut model = model(Loss::Mse, Activation::Identity);
        for penalty in [Penalty::JacobianNorm, Penalty::WeightL1, Penalty::None] {
            model.objective.penalty = penalty;
            let e = evaluate(&model, &data(), 1).unwrap();
            assert!(is_near(e.total, e.mse + 0.25 * e.trained_penalty_value), "{e:?}");
            assert!(!is_near(e.trained_penalty_value, e.penalty), "{e:?}");
        }
    }

    #[test]
    fn cross_entropies_are_left_out_where_they_are_not_defined() {
        let linear = evaluate(&model(Loss::Mse, Activation::Identity), &data(), 1).unwrap();
        assert_eq!((linear.bce, linear.cross_entropy), (None, None));
        let outside = Dataset::from_f32("outside", 3, vec![0.5, 0.5, 1.5]).unwrap();
        let e = evaluate(&model(Loss::Mse, Activation::Sigmoid), &outside, 1).unwrap();
        assert_eq!(e.bce, None);
        let error = evaluate(&model(Loss::Bce, Activation::Sigmoid), &outside, 1).unwrap_err();
        assert!(matches!(error, ModelError::Argument(_)), "{error:?}");
        let narrow = Dataset::from_f32("narrow", 2, vec![0.5, 0.5]).unwrap();
        let error = evaluate(&model(Loss::Mse, Activation::Sigmoid), &narrow, 1).unwrap_err();
        assert_eq!(error.to_string(), "narrow has 2 columns, the model was trained on 3");
    }

    #[test]
    fn a_shrunken_code_lowers_the_penalty_but_not_its_ratio_to_the_codes_variance() {
        let scaled = |factor: f32| {
            let net = Architecture::mirrored(
                3,
                &[2],
                Activation::Identity,
                Activation::Identity,
                Activation::Identity,
                false,
            );
            let mut model = model(Loss::Mse, Activation::Identity);
            model.parameters = Parameters::zeros(&net).unwrap();
            let (encoder, decoder) = ([0.5, -1.0, 2.0, 0.3, 0.2, 0.1], [1.0, -0.5, 0.3, 0.2, -0.7, 0.4]);
            for (value, new) in model.parameters.values_mut().iter_mut().zip(encoder) {
                *value = factor * new;
            }
            for (value, new) in model.parameters.values_mut()[8..].iter_mut().zip(decoder) {
                *value = new / factor;
            }
            evaluate(&model, &data(), 1).unwrap()
        };
        let (plain, small) = (scaled(1.0), scaled(0.01));
        assert!(is_near(small.mse, plain.mse) && is_near(small.penalty, 1e-4 * plain.penalty));
        assert!(is_near(small.jacobian_to_code_variance.unwrap(), plain.jacobian_to_code_variance.unwrap()));
        // One row, or a code that never moves, has no variance to compare with.
        let model = model(Loss::Mse, Activation::Sigmoid);
        assert_eq!(evaluate(&model, &data().take(1), 1).unwrap().jacobian_to_code_variance, None);
    }

    #[test]
    fn codes_and_reconstructions_come_in_row_order_across_batches_and_in_the_users_units() {
        let mut model = model(Loss::Mse, Activation::Identity);
        let n = 2 * EVALUATION_ROWS + 3;
        let values: Vec<f32> = (0..3 * n).map(|i| 10.0 + (i as f32 * 0.7).sin()).collect();
        let data = Dataset::from_f32("waves", 3, values).unwrap();
        let rows: Vec<u32> = (0..n as u32).collect();
        model.preprocessing = Preprocessing::fit(crate::preprocess::Scale::Standard, &data, &rows);
        let (codes, outputs) = (model.encode(&data, 1).unwrap(), model.reconstruct(&data, 1).unwrap());
        assert_eq!((codes.len(), outputs.len()), (2 * n, 3 * n));
        let r = EVALUATION_ROWS + 7;
        let mut x = [0.0; 3];
        data.fill(&[r as u32], &mut x);
        model.preprocessing().apply(&mut x);
        let p = VALUES.map(f64::from);
        let h = [0, 1].map(|j| sigmoid((0..3).map(|i| p[3 * j + i] * f64::from(x[i])).sum::<f64>() + p[6 + j]));
        let output = |i: usize| p[8 + 2 * i] * h[0] + p[9 + 2 * i] * h[1] + p[14 + i];
        for j in 0..2 {
            assert!(is_near(f64::from(codes[2 * r + j]), h[j]));
        }
        for i in 0..3 {
            let expected = output(i) * model.preprocessing().factor[i] + model.preprocessing().offset[i];
            assert!(is_near(outputs[3 * r + i], expected));
        }
    }
}
