//! All that a report says about a run, as plain numbers: nothing in it needs the model or the data again.
//!
//! [`RunRecord::new`] measures; how many rows each part looks at is bounded by the constants below, so that a record
//! takes seconds and a few megabytes whatever the data.

mod examples;
pub mod images;
mod judged;
mod of_model;
pub mod table;

#[cfg(test)]
mod tests;

use contractive_core::engine::Engine;
use contractive_core::matrix::MatRef;
use contractive_core::patches::PictureShape;
use contractive_core::row_spectra::RowSpectra;
use contractive_core::{Architecture, Loss, Objective, Penalty};
use serde::{Deserialize, Serialize};

use crate::analysis::contraction::logarithmic_radii;
use crate::analysis::spectrum::MOST_WORK;
use crate::analysis::{
    Activity, CodeRecord, Concern, ContractionPoint, Histogram, PrincipalPlane, Spectrum, contraction_curve,
    principal_plane, spectrum, typical_distance,
};
use contractive::Error;
use contractive::config::TrainConfig;
use contractive::data::Dataset;
use contractive::model::{Model, Provenance};
use contractive::preprocess::{EVALUATION_ROWS, ScaledRows};
use contractive::{Divergence, EpochRecord, Prepared};
use contractive::{Evaluation, evaluate};

pub use examples::{Example, Examples, Filters};
pub use judged::JudgedPart;

/// Most rows that the figures of the evaluation are means over.
const EVALUATED: usize = 20_000;
/// Most rows in the histograms.
const SPREAD: usize = 4_000;
/// Most rows in the scatter of codes.
const SCATTERED: usize = 1_500;
/// Most rows whose Jacobian is decomposed; fewer for wide encoders.
const DECOMPOSED: usize = 200;
/// Rows, directions a row, and radii of the contraction ratio.
const CONTRACTED: usize = 256;
const DIRECTIONS: usize = 4;
const RADII: usize = 16;
/// The radii span this much of the typical distance between two rows.
const RADII_SPAN: (f64, f64) = (0.01, 2.0);
/// Most rows on which the units' activity is measured.
const ACTIVITY: usize = 500;
const BINS: usize = 40;
/// Sizes of the noise under which the code is looked at, and most rows.
const NOISES: [f64; 2] = [0.1, 0.3];
const UNDER_NOISE: usize = 500;

/// What the rows of a run are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DataRecord {
    /// What the training data are called.
    pub name: String,
    /// Rows trained on.
    pub training_rows: usize,
    /// Rows held out for validation.
    pub validation_rows: usize,
    /// Rows of the test part, 0 without one.
    pub test_rows: usize,
    /// Features a row, d.
    pub features: usize,
    /// (height, width) where rows are images.
    pub picture_shape: Option<PictureShape>,
    /// SHA-256 of the source, in hexadecimal.
    pub sha256: Option<String>,
    /// Names of the features, where a table has them.
    pub feature_names: Option<Vec<String>>,
    /// How features were scaled.
    pub scale: String,
}

/// How distances shrink from rows to codes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ContractionRecord {
    /// Rows and directions a row.
    pub rows: usize,
    /// Random directions a row.
    pub directions: usize,
    /// The ratio at growing radii.
    pub points: Vec<ContractionPoint>,
    /// What the root mean square tends to for small radii: that of ‖J‖_F over the same rows, divided by √d.
    pub limit: f64,
    /// Root mean square distance between two rows.
    pub typical_distance: f64,
}

/// Codes in their principal plane.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ScatterRecord {
    /// The plane.
    pub plane: PrincipalPlane,
    /// One label a point, where rows have labels.
    pub labels: Option<Vec<i64>>,
}

/// A feature of a table: how well it is restored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureRecord {
    /// Its place, from 0.
    pub index: usize,
    /// Mean squared error, in the network's units.
    pub error: f64,
    /// Mean square about the mean over the same rows: the error of the mean.
    pub variance: f64,
}

/// A run with everything a report shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// What the run is called: its directory's name.
    pub name: String,
    /// Its configuration, fully resolved.
    pub config: TrainConfig,
    /// The network's shape.
    pub architecture: Architecture,
    /// Number of parameters.
    pub parameters: usize,
    /// Where the model came from.
    pub provenance: Provenance,
    /// One record an epoch.
    pub history: Vec<EpochRecord>,
    /// Where training diverged after that, if it did. [`RunRecord::new`] cannot know and leaves it out.
    #[serde(default)]
    pub divergence: Option<Divergence>,
    /// What it was trained on.
    pub data: DataRecord,
    /// Which rows everything below was measured on.
    pub part: JudgedPart,
    /// Figures of the model on those rows.
    pub evaluation: Evaluation,
    /// Name of each class, where labels have names.
    pub class_names: Option<Vec<String>>,
    /// Rows beside their reconstructions.
    pub examples: Examples,
    /// The first layer's weights.
    pub filters: Filters,
    /// How well each feature is restored; empty for images.
    pub features: Vec<FeatureRecord>,
    /// Singular values of J.
    pub spectrum: Spectrum,
    /// The contraction ratio over the radius.
    pub contraction: ContractionRecord,
    /// How much of the code is zero, and how far noise moves it.
    #[serde(default)]
    pub code: CodeRecord,
    /// ‖J‖_F a row.
    pub jacobian_norms: Histogram,
    /// Mean over features of the squared error a row, in the network's units.
    pub errors: Histogram,
    /// The code's principal plane.
    pub scatter: ScatterRecord,
    /// How the encoder's units move.
    pub activity: Activity,
    /// What is wrong with the model, if anything is.
    #[serde(default)]
    pub concern: Option<Concern>,
}

impl RunRecord {
    /// Measures `model` on the rows of its run that judge best: the test part, else the validation rows, else those it
    /// was trained on. `name` is the run's name on the page.
    ///
    /// The same arguments give the same record, whatever the number of threads.
    ///
    /// # Errors
    /// When the data do not fit the model: [`Error::Preprocess`], [`Error::Argument`].
    pub fn new(name: &str, prepared: &Prepared, model: &Model, history: &[EpochRecord]) -> Result<Self, Error> {
        let threads = prepared.config().threads();
        let rows = judged::rows(prepared, EVALUATED);
        let mut record =
            RunRecord::measured(name, model, rows, (prepared.config().clone(), data_record(prepared)), threads)?;
        record.history = history.to_vec();
        let (pictures, of) = judged::pictures(prepared);
        if let Some(examples) = Examples::of_pictures(model, &pictures, &of, threads)? {
            record.examples = examples;
        }
        Ok(record)
    }

    /// All but the history, of `model` on the rows `judged`.
    fn measured(
        name: &str,
        model: &Model,
        (part, judged): (JudgedPart, Dataset),
        (config, data): (TrainConfig, DataRecord),
        threads: usize,
    ) -> Result<Self, Error> {
        let evaluation = evaluate(model, &judged, threads)?;
        let (d, k) = (model.architecture().input_size(), model.architecture().code_size());
        let n = judged.len();
        let reader = ScaledRows { data: &judged, preprocessing: model.preprocessing() };
        let mut engine = model.engine_for(&Objective::new(Loss::Mse, Penalty::None, 0.0), threads)?;

        let spread = Spread::measure(&mut engine, reader, n.min(SPREAD), d)?;
        let mut rows = Vec::new();
        let shown = |most: usize| (0..n.min(most) as u32).collect::<Vec<u32>>();
        let decomposed = DECOMPOSED.min(RowSpectra::rows_within(model.architecture(), MOST_WORK));
        reader.gather(&shown(decomposed), &mut rows);
        let spectrum = spectrum(model.parameters(), MatRef::new(&rows, rows.len() / d, d), threads);
        reader.gather(&shown(CONTRACTED), &mut rows);
        let seed = model.provenance().seed;
        let contraction = contraction(&mut engine, MatRef::new(&rows, rows.len() / d, d), seed)?;
        reader.gather(&shown(UNDER_NOISE), &mut rows);
        let code = CodeRecord::measure(&mut engine, MatRef::new(&rows, rows.len() / d, d), &NOISES, seed)?;
        reader.gather(&shown(SCATTERED), &mut rows);
        let mut codes = vec![0.0; rows.len() / d * k];
        engine.encode(MatRef::new(&rows, rows.len() / d, d), &mut codes)?;
        let scatter = ScatterRecord {
            plane: principal_plane(MatRef::new(&codes, codes.len() / k, k)),
            labels: judged.labels().map(|labels| labels[..n.min(SCATTERED)].to_vec()),
        };
        let activity = Activity::measure(model, &judged, &shown(ACTIVITY));
        Ok(RunRecord {
            name: name.to_owned(),
            config,
            architecture: model.architecture().clone(),
            parameters: model.parameters().len(),
            provenance: model.provenance().clone(),
            history: Vec::new(),
            divergence: None,
            data,
            part,
            evaluation,
            class_names: judged.class_names().map(<[String]>::to_vec),
            examples: Examples::choose(model, &judged)?,
            filters: Filters::choose(model, &activity),
            features: if model.picture_shape().is_some() { Vec::new() } else { spread.features },
            spectrum,
            contraction,
            code,
            jacobian_norms: Histogram::new(&spread.norms, BINS),
            errors: Histogram::new(&spread.errors, BINS),
            scatter,
            activity,
            concern: Concern::of(model, &judged, threads)?,
        })
    }

    /// Whether it is of a model alone, of whose training nothing is known.
    pub fn is_of_model_alone(&self) -> bool {
        self.part == JudgedPart::Given
    }

    /// The kept epoch's record, if the history holds it.
    pub fn kept(&self) -> Option<&EpochRecord> {
        self.history.iter().find(|record| record.epoch == self.provenance.epoch)
    }

    /// The class's name, or its number.
    pub fn class_name(&self, label: i64) -> String {
        let names = self.class_names.as_deref().unwrap_or_default();
        usize::try_from(label).ok().and_then(|i| names.get(i)).cloned().unwrap_or_else(|| label.to_string())
    }
}

/// What is wrong with `model`, judged as its record is but on fewer rows; cheap beside training. Where several ranks hold the
/// rows, all must call it, and all get the same.
///
/// # Errors
/// As [`RunRecord::new`].
pub fn concern(prepared: &Prepared, model: &Model) -> Result<Option<Concern>, Error> {
    let judged = judged::rows_of_all(prepared, Concern::MOST_ROWS)?;
    Concern::of(model, &judged, prepared.config().threads())
}

fn data_record(prepared: &Prepared) -> DataRecord {
    let data = prepared.data();
    DataRecord {
        name: data.name().to_owned(),
        training_rows: prepared.n_training_rows(),
        validation_rows: prepared.n_validation_rows(),
        test_rows: prepared.test().map_or(0, |test| test.len()),
        features: data.n_features(),
        picture_shape: data.picture_shape(),
        sha256: data.sha256().map(str::to_owned),
        feature_names: data.feature_names().map(<[String]>::to_vec),
        scale: prepared.preprocessing().scale().name().to_owned(),
    }
}

fn contraction(engine: &mut dyn Engine, rows: MatRef<'_>, seed: u64) -> Result<ContractionRecord, Error> {
    let typical = typical_distance(rows);
    // Rows that are all the same have no scale of their own.
    let scale = if typical > 0.0 { typical } else { 1.0 };
    let radii = logarithmic_radii(RADII_SPAN.0 * scale, RADII_SPAN.1 * scale, RADII);
    let mut squares = vec![0.0; rows.rows()];
    engine.jacobian_squares(rows, &mut squares)?;
    let mean_square = squares.iter().sum::<f64>() / rows.rows().max(1) as f64;
    Ok(ContractionRecord {
        rows: rows.rows(),
        directions: DIRECTIONS,
        points: contraction_curve(engine, rows, &radii, DIRECTIONS, seed)?,
        limit: (mean_square.max(0.0) / rows.columns() as f64).sqrt(),
        typical_distance: typical,
    })
}

/// What is measured row by row.
struct Spread {
    norms: Vec<f64>,
    errors: Vec<f64>,
    features: Vec<FeatureRecord>,
}

impl Spread {
    fn measure(engine: &mut dyn Engine, reader: ScaledRows<'_>, n: usize, d: usize) -> Result<Self, Error> {
        let k = engine.architecture().code_size();
        let (mut norms, mut errors) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let mut of_feature = vec![(0.0_f64, 0.0_f64, 0.0_f64); d];
        let (mut rows, mut code, mut output) = (Vec::new(), Vec::new(), Vec::new());
        let all: Vec<u32> = (0..n as u32).collect();
        for some in all.chunks(EVALUATION_ROWS) {
            reader.gather(some, &mut rows);
            let batch = MatRef::new(&rows, some.len(), d);
            let mut squares = vec![0.0; some.len()];
            engine.jacobian_squares(batch, &mut squares)?;
            norms.extend(squares.iter().map(|s| s.max(0.0).sqrt()));
            code.resize(some.len() * k, 0.0);
            output.resize(some.len() * d, 0.0);
            engine.encode(batch, &mut code)?;
            engine.decode(MatRef::new(&code, some.len(), k), &mut output)?;
            for (x, x_hat) in rows.chunks_exact(d).zip(output.chunks_exact(d)) {
                let mut error = 0.0;
                for ((sums, x), x_hat) in of_feature.iter_mut().zip(x).zip(x_hat) {
                    let (x, x_hat) = (f64::from(*x), f64::from(*x_hat));
                    let square = (x - x_hat).powi(2);
                    error += square;
                    *sums = (sums.0 + square, sums.1 + x, sums.2 + x * x);
                }
                errors.push(error / d as f64);
            }
        }
        let count = n.max(1) as f64;
        let feature = |(index, (error, sum, squares)): (usize, &(f64, f64, f64))| FeatureRecord {
            index,
            error: error / count,
            variance: (squares / count - (sum / count).powi(2)).max(0.0),
        };
        let features = of_feature.iter().enumerate().map(feature).collect();
        Ok(Spread { norms, errors, features })
    }
}
