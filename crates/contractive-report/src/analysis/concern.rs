//! What is wrong with a model that was trained to its end.

use contractive::Error;
use contractive::data::Dataset;
use contractive::model::Model;
use contractive::preprocess::{EVALUATION_ROWS, ScaledRows};
use contractive_core::engine::Engine;
use contractive_core::matrix::MatRef;
use contractive_core::statistics::Moments;
use contractive_core::{Loss, Objective, Penalty};
use serde::{Deserialize, Serialize};

use super::activity::Activity;

/// Fewest rows judged: the variance of fewer is too uncertain.
const LEAST: usize = 10;
/// A code is still where it deviates by less than this share of the rows' deviation.
const STILL: f64 = 1e-2;
/// Least share of the rows' variance that a reconstruction from a still code must explain. A decoder can make up for a
/// code that was merely shrunk; then nothing is wrong.
const LEAST_GAIN: f64 = 0.01;
/// Share of the code's units from which dead ones are many.
const MANY_DEAD: f64 = 0.2;
/// Share of numbers at a bound from which units are saturated.
const MOSTLY: f64 = 0.5;
/// Rows at which saturation is looked at.
const SATURATION_ROWS: usize = 500;

/// A fault of a trained model that its loss does not show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Concern {
    /// Every unit of the code gives exactly the same number for every row: no gradient will move it again.
    DeadCode {
        /// Units of the code.
        units: usize,
    },
    /// The code hardly moves, and no more than the mean row is restored from it.
    ConstantCode {
        /// √(Σ variance) of the code's units over the rows.
        code_deviation: f64,
        /// √(Σ variance) of the features.
        rows_deviation: f64,
    },
    /// The reconstruction has at least the error of the mean row.
    WorseThanMean {
        /// Mean over features of the squared error.
        mse: f64,
        /// Mean over features of the variance: the error of the mean row.
        variance: f64,
    },
    /// Many of the code's units give the same number for every row.
    DeadUnits {
        /// How many.
        dead: usize,
        /// Units of the code.
        units: usize,
    },
    /// Most numbers of bounded units lie at a bound.
    Saturated {
        /// The share that does.
        share: f64,
    },
}

impl Concern {
    /// Most rows looked at, so that judging costs little beside training.
    pub const MOST_ROWS: usize = 2_000;

    /// Of a code with so many units, so many of them dead; `None` where they are few, or all.
    pub fn of_dead(dead: usize, units: usize) -> Option<Self> {
        (dead < units && dead as f64 > MANY_DEAD * units as f64).then_some(Concern::DeadUnits { dead, units })
    }

    /// Of units of which such a share is saturated, where they have bounds.
    pub fn of_saturation(share: Option<f64>) -> Option<Self> {
        share.filter(|share| *share > MOSTLY).map(|share| Concern::Saturated { share })
    }

    /// Judges `model` on the first rows of `data`, as the network takes them; `None` for a sound model, and where the rows
    /// are few or all the same. The result does not depend on `threads`.
    ///
    /// # Errors
    /// When the data do not fit the model: [`Error::Argument`].
    pub fn of(model: &Model, data: &Dataset, threads: usize) -> Result<Option<Self>, Error> {
        let (d, k) = (model.architecture().input_size(), model.architecture().code_size());
        let mut engine = model.engine_for(&Objective::new(Loss::Mse, Penalty::None, 0.0), threads)?;
        let reader = ScaledRows { data, preprocessing: model.preprocessing() };
        let rows: Vec<u32> = (0..data.len().min(Self::MOST_ROWS) as u32).collect();
        let (mut of_rows, mut of_code, mut errors) = (Moments::new(d), Moments::new(k), 0.0);
        let (mut x, mut code, mut output) = (Vec::new(), Vec::new(), Vec::new());
        for some in rows.chunks(EVALUATION_ROWS) {
            reader.gather(some, &mut x);
            code.resize(some.len() * k, 0.0);
            output.resize(some.len() * d, 0.0);
            engine.encode(MatRef::new(&x, some.len(), d), &mut code)?;
            engine.decode(MatRef::new(&code, some.len(), k), &mut output)?;
            x.chunks_exact(d).for_each(|x| of_rows.see(x));
            code.chunks_exact(k).for_each(|h| of_code.see(h));
            errors += x.iter().zip(&output).map(|(x, x_hat)| (f64::from(*x) - f64::from(*x_hat)).powi(2)).sum::<f64>();
        }
        let n = rows.len() as f64;
        let [rows_square, code_square] = [&of_rows, &of_code].map(|moments| moments.squares().iter().sum::<f64>());
        if rows.len() < LEAST || rows_square == 0.0 {
            return Ok(None);
        }
        if code_square == 0.0 {
            return Ok(Some(Concern::DeadCode { units: k }));
        }
        let (mse, variance) = (errors / (n * d as f64), rows_square / (n * d as f64));
        let (code_deviation, rows_deviation) = ((code_square / n).sqrt(), (rows_square / n).sqrt());
        let is_still = code_deviation < STILL * rows_deviation;
        // Written so that NaN counts as no gain.
        let gains = |least: f64| mse < (1.0 - least) * variance;
        Ok(match (is_still, gains(LEAST_GAIN), gains(0.0)) {
            (true, false, _) => Some(Concern::ConstantCode { code_deviation, rows_deviation }),
            (_, _, false) => Some(Concern::WorseThanMean { mse, variance }),
            _ => {
                let dead = of_code.squares().iter().filter(|square| **square == 0.0).count();
                let looked_at = &rows[..rows.len().min(SATURATION_ROWS)];
                let saturation = || Self::of_saturation(Activity::measure(model, data, looked_at).saturation());
                Self::of_dead(dead, k).or_else(saturation)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use contractive::{Prepared, TrainConfig};
    use contractive_core::Parameters;

    use super::*;

    /// A model 2 → 1 → 2 of identities that encodes by `encoder` and decodes by `decoder`, on 40 rows along (1, 1).
    fn concern(encoder: [f32; 2], bias: f32, decoder: [f32; 2]) -> Option<Concern> {
        let text = "[model]\nhidden = [1]\ncode_activation = 'relu'\n[data]\nscale = 'none'\nvalidation = 0.0";
        let config = TrainConfig::from_toml("test", text).unwrap();
        let values = (0..40).flat_map(|i| [(i % 9) as f32 - 4.0; 2]).collect();
        let data = Dataset::from_f32("line", 2, values).unwrap();
        let prepared = Prepared::new(&config, data, None).unwrap();
        let mut parameters = Parameters::zeros(prepared.architecture()).unwrap();
        parameters.tensor_mut("encoder.0.weight").unwrap().copy_from_slice(&encoder);
        parameters.tensor_mut("encoder.0.bias").unwrap()[0] = bias;
        parameters.tensor_mut("decoder.0.weight").unwrap().copy_from_slice(&decoder);
        parameters.tensor_mut("decoder.0.bias").unwrap().fill(-bias * decoder[0]);
        Concern::of(&prepared.model(parameters, 1), prepared.data(), 1).unwrap()
    }

    #[test]
    fn each_fault_is_named_and_a_sound_model_has_none() {
        assert_eq!(concern([0.5, 0.5], 10.0, [1.0, 1.0]), None);
        assert_eq!(concern([0.5, 0.5], -10.0, [1.0, 1.0]), Some(Concern::DeadCode { units: 1 }));
        let still = concern([1e-4, 1e-4], 1.0, [1.0, 1.0]);
        assert!(
            matches!(still, Some(Concern::ConstantCode { code_deviation, .. }) if code_deviation > 0.0),
            "{still:?}"
        );
        // A decoder that makes up for the small code.
        assert_eq!(concern([1e-4, 1e-4], 0.01, [5e3, 5e3]), None);
        let wrong = concern([0.5, 0.5], 10.0, [-1.0, -1.0]);
        assert_eq!((Concern::of_dead(2, 10), Concern::of_dead(10, 10)), (None, None));
        assert_eq!(Concern::of_dead(3, 10), Some(Concern::DeadUnits { dead: 3, units: 10 }));
        assert_eq!((Concern::of_saturation(Some(0.5)), Concern::of_saturation(None)), (None, None));
        assert_eq!(Concern::of_saturation(Some(0.7)), Some(Concern::Saturated { share: 0.7 }));
        assert!(matches!(wrong, Some(Concern::WorseThanMean { mse, variance }) if mse > 3.0 * variance), "{wrong:?}");
    }
}
