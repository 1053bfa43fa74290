//! From a table to a detector: split, scaling, members, calibration, reference scores, threshold.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::agreement::{Agreement, agreements};
use super::calibrating::calibrate_members;
use super::error::DetectorError;
use super::jobs::for_each;
use super::location::Unit;
use super::member::{self, Trained};
use super::planes::Planes;
use super::reference::{FEWEST_HELD_OUT, Reference};
use super::rows::NetworkRows;
use super::scores::{KINDS, MEMBER_KINDS, Raw, add_weighted, member_weight, with_table};
use super::settings::{DetectorPlan, DetectorSettings, Purity};
use super::surroundings::{Fitted, kept_rows};
use super::views::FeatureKind;
use super::weights::{MEMBER_TERMS, TABLE_TERMS, TERMS, Weights};
use super::{Detector, Member};
use contractive::data::{Dataset, split_validation};
use contractive::encoding::{EncodingError, TableEncoding, TableScale, TrainingTable};
use contractive::model::{Model, ModelError, Provenance};
use contractive::preprocess::ScaledRows;
use contractive::preprocess::{Preprocessing, Scale};
use contractive_core::random::{Purpose, Stream};

/// Fewest rows that a detector is trained on.
const FEWEST_ROWS: usize = 10;

/// A member as it was trained, for progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemberReport {
    /// The member, from 0.
    pub member: usize,
    /// Members in all.
    pub members: usize,
    /// Steps it took.
    pub steps: usize,
    /// Most steps it might have taken.
    pub most_steps: usize,
    /// Objective on the rows held out.
    pub validation: f64,
    /// Wall time of the training.
    pub seconds: f64,
}

/// How training is run; nothing here changes the result, but for a flag that stops it.
pub struct TrainOptions<'a> {
    /// Threads, at least 1: members are trained beside each other. Default one a processor core.
    pub threads: usize,
    /// Called with the plan before the work begins.
    pub on_plan: &'a (dyn Fn(&DetectorPlan) + Sync),
    /// Called when a member is done.
    pub on_member: &'a (dyn Fn(&MemberReport) + Sync),
    /// Called when the rows are scored, with how far the kinds of score agree on them.
    pub on_scores: &'a (dyn Fn(&[Agreement]) + Sync),
    /// Raised to stop. Training then ends with [`DetectorError::Stopped`].
    pub stop: &'a AtomicBool,
}

static NEVER: AtomicBool = AtomicBool::new(false);

impl Default for TrainOptions<'_> {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        TrainOptions { threads, on_plan: &|_| {}, on_member: &|_| {}, on_scores: &|_| {}, stop: &NEVER }
    }
}

impl Detector {
    /// Trains a detector on all rows of `data`, without labels; some of the rows may be anomalies themselves.
    ///
    /// The same seed gives the same bits for any number of threads, unless `time_budget` cuts training short.
    ///
    /// # Errors
    /// [`DetectorError::Setting`], [`DetectorError::TooFewRows`], [`DetectorError::Diverged`] and
    /// [`DetectorError::Threshold`].
    pub fn train(data: &Dataset, settings: &DetectorSettings) -> Result<Detector, DetectorError> {
        Detector::train_with(data, settings, &TrainOptions::default())
    }

    /// [`Detector::train`], with calls that report its progress.
    ///
    /// # Errors
    /// As [`Detector::train`], and [`DetectorError::Stopped`].
    pub fn train_with(
        data: &Dataset,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
    ) -> Result<Detector, DetectorError> {
        Detector::fit(data, &[], Scale::Robust, Source::Rows, settings, options)
    }

    /// [`Detector::train_with`] on windows of time series, in their order, each of which overlaps `overlap` to either side;
    /// rows of `columns` numbers follow each other in a window.
    ///
    /// # Errors
    /// As [`Detector::train_with`].
    pub(crate) fn train_windows(
        data: &Dataset,
        overlap: usize,
        columns: usize,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
    ) -> Result<Detector, DetectorError> {
        let windows = Source::Windows { overlap: overlap.max(1), columns };
        Detector::fit(data, &[], Scale::Standard, windows, settings, options)
    }

    /// [`Detector::train_with`] on an encoded table, whose encoding stays with the detector.
    ///
    /// # Errors
    /// As [`Detector::train_with`]; [`DetectorError::Encoding`] for rows that are not of the encoding, or without any
    /// present cell.
    pub fn train_table(
        table: TrainingTable,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
    ) -> Result<Detector, DetectorError> {
        let TrainingTable { name, encoding, rows, .. } = table;
        let d = encoding.n_features();
        if !rows.fits(d) {
            return Err(
                EncodingError::Unfit("the rows to train on were not encoded by the encoding beside them").into()
            );
        }
        if rows.missing.chunks_exact(d.max(1)).any(|row| row.iter().all(|missing| *missing)) {
            return Err(EncodingError::Unfit("a row to train on has no present cell").into());
        }
        let data = Dataset::from_f32(name, d, rows.values)
            .and_then(|data| data.with_feature_names(encoding.feature_names()))
            .map_err(EncodingError::from)?;
        Detector::fit(&data, &rows.missing, Scale::None, Source::Table(encoding), settings, options)
    }

    /// Trains on `data`, of which the features `missing` (row-major, or empty) are left out.
    fn fit(
        data: &Dataset,
        missing: &[bool],
        scale: Scale,
        of: Source,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
    ) -> Result<Detector, DetectorError> {
        let began = Instant::now();
        check(data, settings, options)?;
        let (encoding, overlap, columns) = of.parts();
        let (train_rows, validation_rows) = split(data.len(), settings);
        let preprocessing = Preprocessing::fit(scale, data, &train_rows);
        let reader = ScaledRows { data, preprocessing: &preprocessing };
        let gathered = |rows: &[u32]| NetworkRows::gathered(&reader, missing, rows);
        let (train, validation) = (gathered(&train_rows), gathered(&validation_rows));
        let plan =
            planned(settings, (&train_rows, &validation_rows), data.n_features(), encoding.as_ref(), overlap > 0);
        member::objective(settings).check(&plan.architecture)?;
        (options.on_plan)(&plan);
        let trained = train_members(settings, options, &plan, &train, &validation, began)?;

        let model = |trained: Trained| -> Result<Model, ModelError> {
            let provenance = Provenance {
                recipe: None,
                seed: settings.seed,
                data: data.name().to_owned(),
                data_sha256: data.sha256().map(str::to_owned),
                rows: train_rows.len(),
                epoch: trained.steps * plan.batch_size / train_rows.len().max(1),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                imported: None,
            };
            let model = Model::new(trained.parameters, member::objective(settings), preprocessing.clone())?;
            Ok(model.with_image_shape(data.image_shape()).with_provenance(provenance))
        };
        let models = trained.into_iter().map(model).collect::<Result<Vec<Model>, ModelError>>()?;
        let known =
            Known { data, missing, preprocessing: &preprocessing, validation_rows: &validation_rows, overlap, columns };
        finish(models, &known, encoding, settings, options)
    }
}

/// Rows that members are calibrated on, and what is known of them.
pub(super) struct Known<'a> {
    pub(super) data: &'a Dataset,
    /// Features left out, row-major, or empty.
    pub(super) missing: &'a [bool],
    pub(super) preprocessing: &'a Preprocessing,
    /// The rows that the members did not learn from, ascending; none where they learnt from none of them.
    pub(super) validation_rows: &'a [u32],
    /// How many windows overlap one; 0 but for windows.
    pub(super) overlap: usize,
    /// The numbers of a window's row.
    pub(super) columns: usize,
}

/// A detector of trained networks: calibration, reference scores, threshold.
pub(super) fn finish(
    models: Vec<Model>,
    known: &Known<'_>,
    encoding: Option<TableEncoding>,
    settings: &DetectorSettings,
    options: &TrainOptions<'_>,
) -> Result<Detector, DetectorError> {
    let Known { data, missing, preprocessing, validation_rows, overlap, columns } = *known;
    let stream = Stream::new(settings.seed, Purpose::Analysis, 3, 0);
    let (kept, overlap_of_kept) = kept_rows(data.len(), overlap, stream);
    let reader = ScaledRows { data, preprocessing };
    let gathered = |rows: &[u32]| NetworkRows::gathered(&reader, missing, rows);
    let kept_rows = gathered(&kept);
    let validation = if validation_rows.len() < FEWEST_HELD_OUT { None } else { Some(gathered(validation_rows)) };
    let judged = validation.as_ref().unwrap_or(&kept_rows);
    let (members, raws) = calibrate_members(models, options.threads, settings.seed, judged, &kept_rows);
    let kinds = match &encoding {
        Some(encoding) => encoding.feature_kinds().into_iter().map(FeatureKind::from).collect(),
        None if overlap > 0 => vec![FeatureKind::Window; data.n_features()],
        None if preprocessing.scale() == Scale::Robust => vec![FeatureKind::Arsinh; data.n_features()],
        None => vec![FeatureKind::Plain; data.n_features()],
    };
    let crowd = if overlap > 0 { None } else { settings.purity.crowd() };
    let fitted = Fitted::of(kept_rows.values, &kinds, overlap_of_kept, crowd, options.threads);
    let weights = weights(settings.purity, &members, &raws, &fitted);
    let planes = weights
        .has_planes()
        .then(|| Planes::fit(fitted.rows(), data.n_features() / columns, columns, settings.seed, options.threads));
    let mut scores = combined(&members, &raws, &fitted, &weights, data.n_features());
    if let Some(planes) = &planes {
        let terms = planes.terms(fitted.rows(), &weights, options.threads);
        scores.iter_mut().zip(terms).for_each(|(kinds, term)| kinds[0] += term);
    }
    let (surroundings, combined) = fitted.finish(&scores.iter().map(|kinds| kinds[0]).collect::<Vec<f64>>());
    scores.iter_mut().zip(combined).for_each(|(kinds, combined)| kinds[0] = combined);
    (options.on_scores)(&agreements(&scores, settings.score));
    let held_out: Vec<u32> =
        (0..kept.len() as u32).filter(|place| validation_rows.binary_search(&kept[*place as usize]).is_ok()).collect();
    let reference = Reference::new(&scores, &held_out);
    let threshold = reference.threshold(settings.threshold, settings.score)?;
    let surroundings = Some(surroundings);
    let settings = settings.clone();
    Ok(Detector { settings, members, weights, surroundings, planes, reference, threshold, encoding })
}

/// Refuses settings and data that nothing can be learnt with.
pub(super) fn check(
    data: &Dataset,
    settings: &DetectorSettings,
    options: &TrainOptions<'_>,
) -> Result<(), DetectorError> {
    settings.check()?;
    if options.threads == 0 {
        return Err(DetectorError::Setting { name: "threads", must_be: "at least 1", got: 0.0 });
    }
    if data.len() < FEWEST_ROWS {
        let (data, got) = (data.name().to_owned(), data.len());
        return Err(DetectorError::TooFewRows { data, least: FEWEST_ROWS, got });
    }
    Ok(())
}

/// The plan for the rows (trained on, held out) of `d` features.
fn planned(
    settings: &DetectorSettings,
    (train, validation): (&[u32], &[u32]),
    d: usize,
    encoding: Option<&TableEncoding>,
    is_windows: bool,
) -> DetectorPlan {
    let mut plan = DetectorPlan::new(settings, train.len(), validation.len(), d);
    if is_windows {
        plan.reasons.retain(|reason| !reason.starts_with("features:") && reason != settings.purity.in_words());
        plan.reasons.push("numbers: standard scores".into());
    }
    // The plan speaks of the scaling of bare rows, which is `robust`.
    if let Some(encoding) = encoding.filter(|encoding| encoding.scale() != TableScale::Robust) {
        plan.reasons.retain(|reason| !reason.starts_with("features:"));
        plan.reasons.push(format!("features: scaled by `{}`", encoding.scale().name()));
    }
    plan
}

/// What is trained on.
enum Source {
    /// Bare rows.
    Rows,
    /// Rows of a table.
    Table(TableEncoding),
    /// Windows of time series.
    Windows { overlap: usize, columns: usize },
}

impl Source {
    /// The encoding, how many windows overlap one (0 but for windows), and the numbers of a window's row.
    fn parts(self) -> (Option<TableEncoding>, usize, usize) {
        match self {
            Source::Rows => (None, 0, 1),
            Source::Table(encoding) => (Some(encoding), 0, 1),
            Source::Windows { overlap, columns } => (None, overlap, columns),
        }
    }
}

/// The weights of the combined score's terms.
fn weights(purity: Purity, members: &[Member], raws: &[Vec<Raw>], fitted: &Fitted) -> Weights {
    let unit = fitted.learnt().unit();
    if unit == Unit::Ratios {
        return Weights::of_windows();
    }
    if purity == Purity::Clean {
        return Weights::of_clean_rows(fitted.learnt());
    }
    let weight = member_weight(members.len());
    let mut terms = vec![[0.0; MEMBER_TERMS]; fitted.places.len()];
    for (member, raws) in members.iter().zip(raws) {
        for (sums, raw) in terms.iter_mut().zip(raws) {
            add_weighted(sums, raw.terms(&member.calibration, unit), weight);
        }
    }
    let all = terms.iter().zip(&fitted.places).map(|(members, place)| {
        let table = place.terms(fitted.learnt());
        let mut terms = [0.0; TERMS];
        terms[..MEMBER_TERMS].copy_from_slice(members);
        terms[MEMBER_TERMS..][..TABLE_TERMS].copy_from_slice(&table);
        terms
    });
    Weights::by_skewness(&all.collect::<Vec<[f64; TERMS]>>())
}

/// Every kind of score of all rows kept, what their regions take off left aside. Members are added up in their order, as
/// they are when rows are scored.
fn combined(members: &[Member], raws: &[Vec<Raw>], fitted: &Fitted, weights: &Weights, d: usize) -> Vec<[f64; KINDS]> {
    let weight = member_weight(members.len());
    let mut scores = vec![[0.0; MEMBER_KINDS]; fitted.places.len()];
    for (member, raws) in members.iter().zip(raws) {
        for (sums, raw) in scores.iter_mut().zip(raws) {
            add_weighted(sums, raw.kinds(&member.calibration, weights, fitted.learnt().unit(), d), weight);
        }
    }
    let rows = scores.into_iter().zip(&fitted.places);
    rows.map(|(sums, place)| with_table(sums, place, fitted.learnt(), weights)).collect()
}

/// (training rows, rows held out), at least one each.
fn split(n: usize, settings: &DetectorSettings) -> (Vec<u32>, Vec<u32>) {
    let share = settings.validation.clamp(1.0 / n as f64, 1.0 - 1.0 / n as f64);
    split_validation(n, share, settings.seed)
}

fn train_members(
    settings: &DetectorSettings,
    options: &TrainOptions<'_>,
    plan: &DetectorPlan,
    train: &NetworkRows,
    validation: &NetworkRows,
    began: Instant,
) -> Result<Vec<Trained>, DetectorError> {
    let members = settings.ensemble;
    let mut results: Vec<Option<Result<Trained, DetectorError>>> = (0..members).map(|_| None).collect();
    // Members that one thread trains after each other share its time.
    let rounds = members.div_ceil(options.threads.min(members)) as u32;
    let budget = settings.time_budget.map(Duration::from_secs_f64);
    for_each(results.iter_mut().enumerate(), options.threads, || {
        |(i, place): (usize, &mut Option<Result<Trained, DetectorError>>)| {
            let started = Instant::now();
            let round = i as u32 / members.div_ceil(rounds as usize) as u32 + 1;
            let deadline = budget.map(|budget| began + budget * round / rounds);
            let result = member::train(settings, plan, i, train, validation, deadline, options.stop);
            if let Ok(trained) = &result {
                (options.on_member)(&MemberReport {
                    member: i,
                    members,
                    steps: trained.steps,
                    most_steps: plan.steps,
                    validation: trained.validation,
                    seconds: started.elapsed().as_secs_f64(),
                });
            }
            *place = Some(result);
        }
    });
    if options.stop.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(DetectorError::Stopped);
    }
    results.into_iter().flatten().collect()
}
