//! A detector of a model that is trained already, here or by another program.

use contractive::data::Dataset;
use contractive::encoding::EncodingError;
use contractive::model::{Model, Provenance};
use contractive::preprocess::Counts;

use super::Detector;
use super::error::DetectorError;
use super::fitting::{Known, TrainOptions, check, finish};
use super::settings::DetectorSettings;

impl Detector {
    /// A detector of `model` alone: nothing is trained. What it says of the rows of `data`, ordinary ones, calibrates its
    /// scores and sets the threshold. Of `settings` those of training are passed over; seed, purity, score and threshold
    /// count.
    ///
    /// # Errors
    /// [`DetectorError::Setting`], [`DetectorError::TooFewRows`] and [`DetectorError::Threshold`];
    /// [`DetectorError::Columns`] for rows of other columns; [`DetectorError::Encoding`] for a model of a table with
    /// categories or of counts, whose rows are no bare numbers.
    pub fn of_model(
        model: &Model,
        data: &Dataset,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
    ) -> Result<Detector, DetectorError> {
        let (preprocessing, architecture) = (model.preprocessing(), model.architecture());
        if preprocessing.table().is_some() || preprocessing.counts() != Counts::default() {
            let text = "a detector of a model takes rows of numbers, and this model takes categories or counts";
            return Err(EncodingError::Unfit(text).into());
        }
        let settings = DetectorSettings {
            ensemble: 1,
            hidden: Some(architecture.encoder_sizes[1..].to_vec()),
            contraction: model.objective().contraction,
            tied: architecture.tied,
            ..settings.clone()
        };
        check(data, &settings, options)?;
        preprocessing.check(data)?;
        let member = model.clone().with_provenance(Provenance {
            seed: settings.seed,
            data: data.name().to_owned(),
            data_sha256: data.sha256().map(str::to_owned),
            // Of a detector these are the rows that were not held out: all of them are counted from that.
            rows: ((1.0 - settings.validation) * data.len() as f64).round() as usize,
            ..model.provenance().clone()
        });
        let known = Known { data, missing: &[], preprocessing, validation_rows: &[], overlap: 0, columns: 1 };
        finish(vec![member], &known, None, &settings, options)
    }
}
