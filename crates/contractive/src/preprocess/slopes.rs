//! How fast a feature moves with its scaled value: what turns a direction of scaled rows into one of the data's units.

use super::fitted::Preprocessing;
use super::scale::Scale;

impl Preprocessing {
    /// dx/dx′ of each feature at the scaled row `scaled`, d numbers. Where scaled values are cut off, that of the scaling
    /// without.
    ///
    /// # Panics
    /// When `scaled` has not one number a feature.
    pub fn slopes(&self, scaled: &[f32]) -> Vec<f64> {
        assert_eq!(scaled.len(), self.n_features(), "a row of {} numbers", scaled.len());
        let wide = scaled.iter().map(|y| f64::from(*y));
        match self.scale() {
            Scale::None => vec![1.0; scaled.len()],
            Scale::Quantile => wide.zip(&self.ranks).map(|(y, ranks)| ranks.slope(y)).collect(),
            Scale::Robust => wide.zip(&self.factor).map(|(y, factor)| libm::cosh(y) * factor).collect(),
            _ => self.factor.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;

    #[test]
    fn slopes_are_the_differences_of_the_inverse() {
        let values: Vec<f32> = (0..120).map(|i| (i as f32 * 0.37).sin().powi(3) * 20.0 + (i % 3) as f32).collect();
        let data = Dataset::from_f32("waves", 3, values).unwrap();
        let rows: Vec<u32> = (0..40).collect();
        for scale in [Scale::None, Scale::Standard, Scale::Minmax, Scale::Robust, Scale::Quantile] {
            let fitted = Preprocessing::fit(scale, &data, &rows);
            // Within the quantiles and beyond both ends; far enough from every knot.
            for at in [[0.3, 0.51, -0.77_f32], [2.5, -2.5, 4.0]] {
                let step = 1e-3_f32;
                let ends = [-step, step].map(|h| fitted.invert(&at.map(|y| y + h)));
                for (j, slope) in fitted.slopes(&at).into_iter().enumerate() {
                    let difference = (ends[1][j] - ends[0][j]) / f64::from((at[j] + step) - (at[j] - step));
                    assert!((slope - difference).abs() < 1e-3 * slope.abs(), "{scale:?} {j}: {slope} {difference}");
                }
            }
        }
        assert_eq!(Preprocessing::identity(2).slopes(&[5.0, 6.0]), [1.0, 1.0]);
    }
}
