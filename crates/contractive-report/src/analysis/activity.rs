//! How far each unit of the encoder moves over some rows, and how much of the time it sits at a bound.

use contractive_core::jacobian::{activations, is_saturated};
use contractive_core::matrix::MatRef;
use contractive_core::reference::Network;
use serde::{Deserialize, Serialize};

use contractive::data::Dataset;
use contractive::model::Model;
use contractive::preprocess::{EVALUATION_ROWS, ScaledRows};

/// A layer of the encoder over some rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerActivity {
    /// Standard deviation of each unit's activation over the rows.
    pub deviation: Vec<f64>,
    /// Share of the rows at which each unit is 0 exactly: what a ReLU switches off.
    pub zero: Vec<f64>,
    /// Share of rows and units within 5 % of a bound; `None` where the activation has no bounds.
    pub saturation: Option<f64>,
}

/// How far the encoder's units move, layer by layer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Activity {
    /// Rows looked at.
    pub rows: usize,
    /// One entry a layer of the encoder.
    pub layers: Vec<LayerActivity>,
}

/// Running sums of one unit.
#[derive(Clone, Copy, Default)]
struct Unit {
    mean: f64,
    squares: f64,
    zeros: usize,
    saturated: usize,
}

impl Activity {
    /// Measures `rows` of `data`.
    ///
    /// # Panics
    /// When the columns are not the model's.
    pub fn measure(model: &Model, data: &Dataset, rows: &[u32]) -> Self {
        let network = Network::from(&model.parameters);
        let sizes = &model.architecture().encoder_sizes[1..];
        let mut layers: Vec<Vec<Unit>> = sizes.iter().map(|&size| vec![Unit::default(); size]).collect();
        let reader = ScaledRows { data, preprocessing: &model.preprocessing };
        let mut block = Vec::new();
        for (i, some) in rows.chunks(EVALUATION_ROWS).enumerate() {
            reader.gather(some, &mut block);
            let activations = activations(&network, MatRef::new(&block, some.len(), data.n_features()));
            for ((layer, units), a) in network.encoder().iter().zip(&mut layers).zip(activations) {
                for (r, a) in a.chunks_exact(units.len()).enumerate() {
                    let seen = (i * EVALUATION_ROWS + r + 1) as f64;
                    for (unit, &a) in units.iter_mut().zip(a) {
                        // Welford's update: a unit that never moves gets exactly 0.
                        let from_old = a - unit.mean;
                        unit.mean += from_old / seen;
                        unit.squares += from_old * (a - unit.mean);
                        unit.zeros += usize::from(a == 0.0);
                        unit.saturated += usize::from(is_saturated(layer.activation, a));
                    }
                }
            }
        }
        let n = rows.len().max(1) as f64;
        let activations = &model.architecture().encoder_activations;
        let layer = |(units, phi): (&Vec<Unit>, &contractive_core::Activation)| LayerActivity {
            deviation: units.iter().map(|unit| (unit.squares / n).sqrt()).collect(),
            zero: units.iter().map(|unit| unit.zeros as f64 / n).collect(),
            saturation: phi
                .bounds()
                .map(|_| units.iter().map(|unit| unit.saturated as f64).sum::<f64>() / (n * units.len().max(1) as f64)),
        };
        Activity { rows: rows.len(), layers: layers.iter().zip(activations).map(layer).collect() }
    }

    /// Units of each layer that never move.
    pub fn dead(&self) -> Vec<usize> {
        let still = |layer: &LayerActivity| layer.deviation.iter().filter(|deviation| **deviation == 0.0).count();
        self.layers.iter().map(still).collect()
    }

    /// The first layer's units, those that move most first.
    pub fn liveliest_first(&self) -> Vec<usize> {
        let layer = self.layers.first().map_or(&[][..], |layer| layer.deviation.as_slice());
        let mut units: Vec<usize> = (0..layer.len()).collect();
        units.sort_by(|a, b| layer[*b].total_cmp(&layer[*a]));
        units
    }
}

#[cfg(test)]
mod tests {
    use contractive_core::Parameters;

    use super::*;
    use contractive::{Prepared, TrainConfig};

    #[test]
    fn dead_units_are_counted_and_come_last() {
        let text = "[model]\nhidden = [3, 1]\nhidden_activation = 'relu'\n[data]\nscale = 'none'";
        let config = TrainConfig::from_toml("test", text).unwrap();
        let data = Dataset::from_f32("x", 1, vec![0.0, 1.0, 2.0, 3.0]).unwrap();
        let prepared = Prepared::new(&config, data, None).unwrap();
        let mut parameters = Parameters::zeros(&prepared.architecture).unwrap();
        parameters.tensor_mut("encoder.0.weight").unwrap().copy_from_slice(&[1.0, -1.0, 2.0]);
        let model = prepared.model(parameters, 1);
        let activity = Activity::measure(&model, &prepared.data, &[0, 1, 2, 3]);
        assert_eq!(activity.dead(), [1, 1]);
        assert_eq!(activity.liveliest_first(), [2, 0, 1]);
        assert_eq!(activity.layers[0].zero, [0.25, 1.0, 0.25]);
        assert_eq!(activity.layers[0].saturation, None);
        // tanh(0) is far from both bounds.
        assert_eq!(activity.layers[1].saturation, Some(0.0));
    }
}
