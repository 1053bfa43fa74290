//! A detector of a model that is trained already, here or by another program.

use contractive::data::Dataset;
use contractive::encoding::EncodingError;
use contractive::model::{Model, Provenance};
use contractive::preprocess::Counts;

use super::Detector;
use super::error::DetectorError;
use super::fitting::{Known, check, finish};
use super::options::TrainOptions;
use super::settings::DetectorSettings;
use super::share::Held;
use contractive_core::communicator::Group;

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
        check(data.name(), data.len(), &settings, options)?;
        preprocessing.check(data)?;
        let member = model.clone().with_provenance(Provenance {
            seed: settings.seed,
            data: data.name().to_owned(),
            data_sha256: data.sha256().map(str::to_owned),
            // Of a detector these are the rows that were not held out: all of them are counted from that.
            rows: ((1.0 - settings.validation) * data.len() as f64).round() as usize,
            ..model.provenance().clone()
        });
        let group = Group::alone();
        let held = Held::of(&group, data.len())?;
        let known = Known { data, missing: &[], preprocessing, validation_rows: &[], overlap: 0, columns: 1, held };
        finish(vec![member], &known, None, &settings, options)
    }
}

#[cfg(test)]
mod tests {
    use contractive::preprocess::{Preprocessing, Scale};
    use contractive_core::random::{Purpose, Stream};
    use contractive_core::{Activation, Architecture, Loss, Objective, Parameters, Penalty};

    use super::*;
    use crate::detector::{ScoreOptions, ThresholdRule};

    fn data(n: usize) -> Dataset {
        let mut values = vec![0.0; 3 * n];
        Stream::new(1, Purpose::Analysis, 0, 0).fill_normal(&mut values);
        Dataset::from_f32("rows", 3, values).unwrap()
    }

    fn model(scale: Scale, rows: &Dataset) -> Model {
        let phi = Activation::Tanh;
        let net = Architecture::mirrored(3, &[4, 2], phi, phi, Activation::Identity, false);
        let mut parameters = Parameters::zeros(&net).unwrap();
        Stream::new(2, Purpose::Analysis, 0, 0).fill_normal(parameters.values_mut());
        let preprocessing = Preprocessing::fit(scale, rows, &(0..rows.len() as u32).collect::<Vec<u32>>());
        Model::new(parameters, Objective::new(Loss::Mse, Penalty::None, 0.0), preprocessing).unwrap()
    }

    #[test]
    fn scores_are_calibrated_on_the_rows_and_survive_the_disk() {
        let rows = data(3000);
        for scale in [Scale::None, Scale::Robust, Scale::Standard] {
            let settings =
                DetectorSettings { threshold: ThresholdRule::Contamination { share: 0.02 }, ..Default::default() };
            let model = model(scale, &rows);
            let detector = Detector::of_model(&model, &rows, &settings, &TrainOptions::default()).unwrap();
            assert_eq!((detector.n_training_rows(), detector.models().count()), (3000, 1));
            assert_eq!(detector.first_model().parameters(), model.parameters(), "nothing is trained");
            let options = |threads| ScoreOptions { threads, contributions: false };
            let scores = detector.score(&rows, &options(1)).unwrap();
            let above = scores.label.iter().filter(|label| **label).count();
            assert!((55..=65).contains(&above), "{above} of 3000 above a threshold for 2 %");
            let folder = tempfile::tempdir().unwrap();
            detector.save(folder.path().join("d")).unwrap();
            let again = Detector::load(folder.path().join("d")).unwrap();
            assert_eq!(again.score(&rows, &options(2)).unwrap().score, scores.score);
            let far = Dataset::from_f32("far", 3, vec![30.0, -30.0, 30.0]).unwrap();
            assert!(again.score(&far, &options(1)).unwrap().label[0], "a row far from all");
        }
    }

    #[test]
    fn rows_that_are_no_bare_numbers_and_too_few_rows_are_refused() {
        let rows = data(40);
        let of = |model: &Model, rows: &Dataset| {
            let found = Detector::of_model(model, rows, &DetectorSettings::default(), &TrainOptions::default());
            found.map(|_| ()).map_err(|e| e.to_string())
        };
        assert!(of(&model(Scale::None, &rows), &data(9)).unwrap_err().contains("10"));
        let narrow = Dataset::from_f32("narrow", 2, vec![0.5; 40]).unwrap();
        assert!(of(&model(Scale::None, &rows), &narrow).unwrap_err().contains("narrow"));
        let logarithms = Counts { log1p: true, ..Counts::default() };
        let counts = Dataset::from_f32("counts", 3, vec![2.0; 60]).unwrap();
        let preprocessing = Preprocessing::fit_counts(logarithms, Scale::None, &counts, &[0, 1, 2]);
        let plain = model(Scale::None, &rows);
        let of_counts = Model::new(plain.parameters().clone(), plain.objective().clone(), preprocessing).unwrap();
        assert!(of(&of_counts, &counts).unwrap_err().contains("categories or counts"));
    }
}
