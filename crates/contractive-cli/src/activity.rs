//! How far each unit of the encoder moves over some rows.

use contractive::Model;
use contractive::core::reference::Network;
use contractive::core::reference::network::forward;
use contractive::data::Dataset;

/// Standard deviation of each unit's activation over rows, a list a layer of the encoder.
pub(crate) struct Activity {
    layers: Vec<Vec<f64>>,
}

impl Activity {
    /// Measures `rows` of `data`, whose columns must be the model's.
    pub(crate) fn measure(model: &Model, data: &Dataset, rows: &[u32]) -> Self {
        let network = Network::from(&model.parameters);
        let sizes = &model.architecture().encoder_sizes[1..];
        let mut sums: Vec<Vec<(f64, f64)>> = sizes.iter().map(|&size| vec![(0.0, 0.0); size]).collect();
        let mut row = vec![0.0; data.n_features()];
        for (i, r) in rows.iter().enumerate() {
            data.fill(&[*r], &mut row);
            model.preprocessing.apply(&mut row);
            let x: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
            let trace = forward(network.encoder(), &x);
            for (layer, a) in sums.iter_mut().zip(&trace.a[1..]) {
                for ((mean, squares), a) in layer.iter_mut().zip(a) {
                    // Welford's update: a unit that never moves gets exactly 0.
                    let from_old = a - *mean;
                    *mean += from_old / (i + 1) as f64;
                    *squares += from_old * (a - *mean);
                }
            }
        }
        let n = rows.len().max(1) as f64;
        let deviation = |(_, squares): &(f64, f64)| (squares / n).sqrt();
        Activity { layers: sums.iter().map(|layer| layer.iter().map(deviation).collect()).collect() }
    }

    /// Units of each layer that never move.
    pub(crate) fn dead(&self) -> Vec<usize> {
        self.layers.iter().map(|layer| layer.iter().filter(|deviation| **deviation == 0.0).count()).collect()
    }

    /// The first layer's units, those that move most first.
    pub(crate) fn liveliest_first(&self) -> Vec<usize> {
        let layer = self.layers.first().map_or(&[][..], Vec::as_slice);
        let mut units: Vec<usize> = (0..layer.len()).collect();
        units.sort_by(|a, b| layer[*b].total_cmp(&layer[*a]));
        units
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive::core::Parameters;
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
    }
}
