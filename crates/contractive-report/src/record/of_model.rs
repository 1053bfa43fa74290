//! The record of a model alone: one that was imported, or that lies outside of its run.

use contractive::config::TrainConfig;
use contractive::data::Dataset;
use contractive::model::Model;
use contractive::{Error, config};

use super::judged;
use super::{DataRecord, EVALUATED, Examples, JudgedPart, RunRecord};

impl RunRecord {
    /// Measures `model` on the first rows of `data`. Its training is not known: the record has no history, and of its
    /// configuration what the model says.
    ///
    /// # Errors
    /// As [`RunRecord::new`].
    pub fn of_model(name: &str, model: &Model, data: &Dataset, threads: usize) -> Result<Self, Error> {
        model.preprocessing().check(data)?;
        let judged = judged::spread(data, &(0..data.len() as u32).collect::<Vec<u32>>(), EVALUATED);
        let record = DataRecord {
            name: data.name().to_owned(),
            features: data.n_features(),
            picture_shape: model.picture_shape(),
            sha256: data.sha256().map(str::to_owned),
            feature_names: data.feature_names().map(<[String]>::to_vec),
            scale: model.preprocessing().scale().name().to_owned(),
            ..DataRecord::default()
        };
        let told = (config_of(model, data), record);
        let mut record = RunRecord::measured(name, model, (JudgedPart::Given, judged), told, threads)?;
        let all: Vec<u32> = (0..data.pictures().len() as u32).collect();
        if let Some(examples) = Examples::of_pictures(model, data, &all, threads)? {
            record.examples = examples;
        }
        Ok(record)
    }
}

/// What a model says of the configuration that could have made it.
fn config_of(model: &Model, data: &Dataset) -> TrainConfig {
    let (net, objective) = (model.architecture(), model.objective());
    let mut told = TrainConfig::default();
    data.name().clone_into(&mut told.data.spec);
    told.data.patch = model.patches().map(|patches| patches.patch);
    told.data.stride = model.patches().map(|patches| patches.stride);
    told.data.scale = Some(model.preprocessing().scale());
    told.model.hidden = net.encoder_sizes[1..].to_vec();
    told.model.code_activation = net.code_activation();
    told.model.output_activation = Some(net.output_activation());
    told.model.tied = net.tied;
    told.objective = config::ObjectiveConfig {
        loss: objective.loss,
        contraction: objective.contraction,
        penalty: Some(objective.penalty),
        penalty_reason: None,
        noise: model.noise(),
        sparsity: objective.sparsity,
    };
    told
}
