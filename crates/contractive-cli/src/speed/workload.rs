//! A network, its objective and how it is trained, to be timed on drawn numbers.

use std::collections::BTreeMap;

use contractive::TrainConfig;
use contractive_core::optimiser::Optimiser;
use contractive_core::{Activation, Architecture, ArgumentError, Loss, Objective, Parameters, Penalty};
use serde::{Deserialize, Serialize};

use super::drawn::{self, Lehmer};
use super::stopwatch::TrainingSteps;

/// Where the generator starts: the peers of `scripts/bench.sh` start there too.
pub const SEED: u64 = 2011;

/// What is timed: `workloads.json` holds the named ones, for us and for the peers of `scripts/bench.sh`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// d, m_1, …, k; the decoder mirrors it.
    pub encoder: Vec<usize>,
    /// Activation of every layer but the output.
    pub activation: Activation,
    /// Activation of the output.
    pub output: Activation,
    /// Whether the decoder's weights are the encoder's, transposed.
    pub tied: bool,
    /// Reconstruction loss.
    pub loss: Loss,
    /// Weight of the penalty.
    pub contraction: f64,
    /// `sgd` or `adam`, with PyTorch's defaults.
    pub optimiser: OptimiserName,
    /// Learning rate, above 0.
    pub learning_rate: f64,
    /// Rows a step.
    pub batch: usize,
    /// Batches that are trained on in turn.
    pub batches: usize,
}

/// An optimiser with its default settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserName {
    /// Gradient descent.
    Sgd,
    /// Adam.
    Adam,
}

impl OptimiserName {
    /// The optimiser.
    pub fn with_defaults(self) -> Optimiser {
        match self {
            OptimiserName::Sgd => Optimiser::Sgd { weight_decay: 0.0 },
            OptimiserName::Adam => Optimiser::default(),
        }
    }
}

/// The named workloads.
pub fn all() -> BTreeMap<String, Workload> {
    serde_json::from_str(include_str!("workloads.json")).unwrap_or_default()
}

impl Workload {
    /// As a run's configuration.
    pub fn config(&self) -> TrainConfig {
        let mut config = TrainConfig::default();
        config.model.hidden = self.encoder[1..].to_vec();
        config.model.hidden_activation = self.activation;
        config.model.code_activation = self.activation;
        config.model.output_activation = Some(self.output);
        config.model.tied = self.tied;
        config.objective.loss = self.loss;
        config.objective.contraction = self.contraction;
        config.training.optimiser = self.optimiser.with_defaults();
        config.training.learning_rate = self.learning_rate;
        config.training.batch_size = self.batch;
        config
    }

    /// Its network.
    pub fn architecture(&self) -> Architecture {
        let (d, hidden) = self.encoder.split_first().unwrap_or((&0, &[]));
        Architecture::mirrored(*d, hidden, self.activation, self.activation, self.output, self.tied)
    }

    /// Its drawn parameters, and `rows` rows (rows, d) drawn after them.
    ///
    /// # Errors
    /// When the architecture is refused.
    pub fn drawn(&self, rows: usize) -> Result<(Parameters, Vec<f32>), ArgumentError> {
        let mut random = Lehmer::new(SEED);
        let parameters = drawn::parameters(&self.architecture(), &mut random)?;
        let data = drawn::rows(rows * parameters.architecture().input_size(), &mut random);
        Ok((parameters, data))
    }

    /// Its training steps with this penalty; `Penalty::None` leaves the contraction out.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn steps(&self, penalty: Penalty, threads: usize) -> Result<TrainingSteps, ArgumentError> {
        let (parameters, data) = self.drawn(self.batches * self.batch)?;
        let contraction = if penalty == Penalty::None { 0.0 } else { self.contraction };
        let objective = Objective::new(self.loss, penalty, contraction);
        let optimiser = self.optimiser.with_defaults();
        TrainingSteps::new(&parameters, &objective, optimiser, self.learning_rate, data, self.batch, threads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_ones_are_there_and_their_configurations_have_their_networks() {
        let all = all();
        assert_eq!(all.keys().map(String::as_str).collect::<String>(), "abcdei");
        for work in all.values() {
            assert_eq!(work.config().architecture(work.encoder[0]), work.architecture());
        }
    }
}
