//! How far each unit of the encoder moves over some rows, and how much of the time it sits at a bound.

use contractive_core::Activation;
use contractive_core::jacobian::{activations, is_saturated};
use contractive_core::matrix::MatRef;
use contractive_core::reference::Network;
use contractive_core::statistics::Moments;
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

/// What is summed over the rows for one layer.
struct LayerSums {
    moments: Moments,
    zeros: Vec<usize>,
    saturated: usize,
}

impl LayerSums {
    fn new(units: usize) -> Self {
        LayerSums { moments: Moments::new(units), zeros: vec![0; units], saturated: 0 }
    }

    fn see(&mut self, activation: Activation, a: &[f64]) {
        self.moments.see(a);
        self.zeros.iter_mut().zip(a).for_each(|(zeros, a)| *zeros += usize::from(*a == 0.0));
        self.saturated += a.iter().filter(|a| is_saturated(activation, **a)).count();
    }

    fn finish(self, activation: Activation) -> LayerActivity {
        let n = self.moments.rows().max(1.0);
        let values = n * self.zeros.len().max(1) as f64;
        LayerActivity {
            zero: self.zeros.iter().map(|zeros| *zeros as f64 / n).collect(),
            saturation: activation.bounds().map(|_| self.saturated as f64 / values),
            // Exactly 0 for a unit that never moves.
            deviation: self.moments.finish().deviation,
        }
    }
}

impl Activity {
    /// Measures `rows` of `data`.
    ///
    /// # Panics
    /// When the columns are not the model's.
    pub fn measure(model: &Model, data: &Dataset, rows: &[u32]) -> Self {
        let network = Network::from(model.parameters());
        let sizes = &model.architecture().encoder_sizes[1..];
        let mut sums: Vec<LayerSums> = sizes.iter().map(|&size| LayerSums::new(size)).collect();
        let reader = ScaledRows { data, preprocessing: model.preprocessing() };
        let mut block = Vec::new();
        for some in rows.chunks(EVALUATION_ROWS) {
            reader.gather(some, &mut block);
            let activations = activations(&network, MatRef::new(&block, some.len(), data.n_features()));
            for (((layer, sums), size), a) in network.encoder().iter().zip(&mut sums).zip(sizes).zip(activations) {
                a.chunks_exact(*size).for_each(|a| sums.see(layer.activation, a));
            }
        }
        let layers = sums.into_iter().zip(&model.architecture().encoder_activations);
        Activity { rows: rows.len(), layers: layers.map(|(sums, phi)| sums.finish(*phi)).collect() }
    }

    /// Units of each layer that never move.
    pub fn dead(&self) -> Vec<usize> {
        let still = |layer: &LayerActivity| layer.deviation.iter().filter(|deviation| **deviation == 0.0).count();
        self.layers.iter().map(still).collect()
    }

    /// Share of the numbers of all bounded units at a bound; `None` without such units.
    pub fn saturation(&self) -> Option<f64> {
        let bounded = || self.layers.iter().filter_map(|layer| Some((layer.saturation?, layer.deviation.len() as f64)));
        let units: f64 = bounded().map(|(_, units)| units).sum();
        (units > 0.0).then(|| bounded().map(|(share, units)| share * units).sum::<f64>() / units)
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
        let mut parameters = Parameters::zeros(prepared.architecture()).unwrap();
        parameters.tensor_mut("encoder.0.weight").unwrap().copy_from_slice(&[1.0, -1.0, 2.0]);
        let model = prepared.model(parameters, 1);
        let activity = Activity::measure(&model, prepared.data(), &[0, 1, 2, 3]);
        assert_eq!(activity.dead(), [1, 1]);
        assert_eq!(activity.liveliest_first(), [2, 0, 1]);
        assert_eq!(activity.layers[0].zero, [0.25, 1.0, 0.25]);
        assert_eq!(activity.layers[0].saturation, None);
        // tanh(0) is far from both bounds.
        assert_eq!(activity.layers[1].saturation, Some(0.0));
    }
}
