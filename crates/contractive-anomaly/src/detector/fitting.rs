//! From a table to a detector: split, scaling, members, calibration, reference scores, threshold.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::Instant;

use super::agreement::agreements;
use super::calibrating::{calibrate_members, feature_errors};
use super::ensemble::train_members;
use super::error::DetectorError;
use super::location::Unit;
use super::member::{self, Trained};
use super::options::TrainOptions;
use super::planes::Planes;
use super::reference::{FEWEST_HELD_OUT, Reference};
use super::rows::NetworkRows;
use super::scores::{KINDS, MEMBER_KINDS, Raw, add_weighted, member_weight, with_table};
use super::settings::{DetectorPlan, DetectorSettings, Purity};
use super::share::{Held, Part, of_all};
use super::surroundings::{Fitted, kept_rows};
use super::views::FeatureKind;
use super::weights::{MEMBER_TERMS, TABLE_TERMS, TERMS, Weights};
use super::{Detector, Member};
use contractive::data::{Dataset, split_validation};
use contractive::encoding::{EncodedRows, EncodingError, TableEncoding, TableScale, TrainingTable};
use contractive::model::{Model, ModelError, Provenance};
use contractive::preprocess::ScaledRows;
use contractive::preprocess::{Preprocessing, Scale};
use contractive_core::communicator::Group;
use contractive_core::random::{Purpose, Stream};

/// Fewest rows that a detector is trained on.
const FEWEST_ROWS: usize = 10;

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
        Detector::fit((data, &[]), Scale::Robust, Source::Rows, settings, options, &Group::alone())
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
        Detector::fit((data, &[]), Scale::Standard, windows, settings, options, &Group::alone())
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
        Detector::train_table_shared(table, settings, options, &Group::alone())
    }

    /// [`Detector::train_table`] on a table whose rows several ranks hold: each gives what
    /// [`TrainingTable::read_shared`] gave it, and all end with the same detector. Collective: every rank must call it, with
    /// the same settings.
    ///
    /// Which rows are held out, the batches, and what is learnt once the networks are trained, are those of one process with
    /// all rows; a network's parameters differ from those by rounding of its gradients. As many ranks give the same bits.
    /// Members are trained one after the other, each by all ranks; at most 10,000 rows go to every rank, the others stay.
    /// When any rank's time is up or its stop flag is raised, all end together.
    ///
    /// # Errors
    /// As [`Detector::train_table`]; [`DetectorError::Communication`] where another rank failed, or was given other settings
    /// or another encoding.
    pub fn train_table_shared(
        table: TrainingTable,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
        group: &Group,
    ) -> Result<Detector, DetectorError> {
        let TrainingTable { name, encoding, rows, .. } = table;
        group.same("settings of a detector", &format!("{settings:?}"))?;
        group.same("encoding of a table (`TrainingTable::read_shared` learns one)", &digest(&encoding))?;
        let (d, names) = (encoding.n_features(), encoding.feature_names());
        group.agree(check_rows(&rows, d))?;
        let data = match rows.n_rows {
            0 if !group.is_alone() => Ok(Dataset::without_rows(name, d, false)),
            _ => Dataset::from_f32(name, d, rows.values),
        };
        let data = data.and_then(|data| data.with_feature_names(names)).map_err(|e| EncodingError::from(e).into());
        let data: Dataset = group.agree::<_, DetectorError>(data)?;
        Detector::fit((&data, &rows.missing), Scale::None, Source::Table(encoding), settings, options, group)
    }

    /// Trains on the rows of all ranks: here on `data`, of which the features `missing` (row-major, or empty) are left out.
    fn fit(
        (data, missing): (&Dataset, &[bool]),
        scale: Scale,
        of: Source,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
        group: &Group,
    ) -> Result<Detector, DetectorError> {
        let (encoding, overlap, columns) = of.parts();
        let held = Held::of(group, data.len())?;
        let kind = (encoding.as_ref(), overlap > 0);
        let Networks { models, preprocessing, validation_rows } =
            Detector::fit_networks((data, missing), scale, kind, settings, options, &held)?;
        let (preprocessing, validation_rows) = (&preprocessing, &validation_rows[..]);
        let known = Known { data, missing, preprocessing, validation_rows, overlap, columns, held };
        finish(models, &known, encoding, settings, options)
    }

    /// The networks alone of a detector of bare rows, scaled by `scale`; the rows held out are those of
    /// [`split_validation`] by the share and the seed of the settings.
    ///
    /// # Errors
    /// As [`Detector::train_with`].
    pub(crate) fn networks(
        data: &Dataset,
        scale: Scale,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
    ) -> Result<Vec<Model>, DetectorError> {
        let group = Group::alone();
        let held = Held::of(&group, data.len())?;
        Ok(Detector::fit_networks((data, &[]), scale, (None, false), settings, options, &held)?.models)
    }

    /// Splits and scales the rows, and trains the networks.
    fn fit_networks(
        (data, missing): (&Dataset, &[bool]),
        scale: Scale,
        (encoding, is_windows): (Option<&TableEncoding>, bool),
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
        held: &Held<'_>,
    ) -> Result<Networks, DetectorError> {
        let began = Instant::now();
        let group = held.group;
        group.agree(check(data.name(), held.total, settings, options))?;
        let name = String::from_utf8_lossy(&group.of_first(data.name().as_bytes().to_vec())?).into_owned();
        let (train_rows, validation_rows) = split(held.total, settings);
        let preprocessing = Preprocessing::fit(scale, data, &held.own(&train_rows));
        let reader = ScaledRows { data, preprocessing: &preprocessing };
        let part = |rows: &[u32]| Part::of(held, rows, |own| NetworkRows::gathered(&reader, missing, own));
        let parts = (&part(&train_rows), &part(&validation_rows));
        let plan = planned(settings, (&train_rows, &validation_rows), data.n_features(), encoding, is_windows);
        member::objective(settings).check(&plan.architecture)?;
        (options.on_plan)(&plan);
        let trained = group.agree(train_members(settings, options, &plan, parts, group, began))?;

        let model = |trained: Trained| -> Result<Model, ModelError> {
            let provenance = Provenance {
                recipe: None,
                seed: settings.seed,
                data: name.clone(),
                data_sha256: data.sha256().map(str::to_owned),
                rows: train_rows.len(),
                epoch: trained.steps * plan.batch_size / train_rows.len().max(1),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                imported: None,
            };
            let model = Model::new(trained.parameters, member::objective(settings), preprocessing.clone())?;
            Ok(model.with_picture_shape(data.picture_shape()).with_provenance(provenance))
        };
        let models = trained.into_iter().map(model).collect::<Result<Vec<Model>, ModelError>>()?;
        Ok(Networks { models, preprocessing, validation_rows })
    }
}

/// Trained networks, how rows become theirs, and the rows they did not learn from.
struct Networks {
    models: Vec<Model>,
    preprocessing: Preprocessing,
    validation_rows: Vec<u32>,
}

/// What tells an encoding from others.
fn digest(encoding: &TableEncoding) -> String {
    let text = serde_json::to_string(encoding).unwrap_or_default();
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
    format!("{hash:016x}, of {} features", encoding.n_features())
}

/// Refuses rows that are not of `d` features, or have no present cell.
fn check_rows(rows: &EncodedRows, d: usize) -> Result<(), DetectorError> {
    if !rows.fits(d) {
        return Err(EncodingError::Unfit("the rows to train on were not encoded by the encoding beside them").into());
    }
    if rows.missing.chunks_exact(d.max(1)).any(|row| row.iter().all(|missing| *missing)) {
        return Err(EncodingError::Unfit("a row to train on has no present cell").into());
    }
    Ok(())
}

/// Rows that members are calibrated on, and what is known of them.
pub(super) struct Known<'a> {
    pub(super) data: &'a Dataset,
    /// Features left out, row-major, or empty.
    pub(super) missing: &'a [bool],
    pub(super) preprocessing: &'a Preprocessing,
    /// The rows that the members did not learn from, by their numbers over all ranks, ascending; none where they learnt from
    /// none of them.
    pub(super) validation_rows: &'a [u32],
    /// How many windows overlap one; 0 but for windows.
    pub(super) overlap: usize,
    /// The numbers of a window's row.
    pub(super) columns: usize,
    /// Which of all ranks' rows these are.
    pub(super) held: Held<'a>,
}

/// A detector of trained networks: calibration, reference scores, threshold.
pub(super) fn finish(
    models: Vec<Model>,
    known: &Known<'_>,
    encoding: Option<TableEncoding>,
    settings: &DetectorSettings,
    options: &TrainOptions<'_>,
) -> Result<Detector, DetectorError> {
    let Known { data, missing, preprocessing, validation_rows, overlap, columns, held } = *known;
    let stream = Stream::new(settings.seed, Purpose::Analysis, 3, 0);
    let (kept, overlap_of_kept) = kept_rows(held.total, overlap, stream);
    let reader = ScaledRows { data, preprocessing };
    let gathered = |rows: &[u32]| NetworkRows::gathered(&reader, missing, &held.own(rows));
    let kept_rows = of_all(gathered(&kept), held.group)?;
    let validation = if validation_rows.len() < FEWEST_HELD_OUT { None } else { Some(gathered(validation_rows)) };
    // The rows kept are on every rank, the others on one.
    let (judged, judges) = match &validation {
        Some(rows) => (rows, held.group),
        None => (&kept_rows, &Group::alone()),
    };
    let errors = feature_errors(&models, options.threads, judged, judges)?;
    let (members, raws) = calibrate_members(models, options.threads, settings.seed, errors, &kept_rows);
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

/// Refuses settings that nothing can be learnt with, and data of too few rows.
pub(super) fn check(
    data: &str,
    n_rows: usize,
    settings: &DetectorSettings,
    options: &TrainOptions<'_>,
) -> Result<(), DetectorError> {
    settings.check()?;
    if options.threads == 0 {
        return Err(DetectorError::Setting { name: "threads", must_be: "at least 1", got: 0.0 });
    }
    if n_rows < FEWEST_ROWS {
        return Err(DetectorError::TooFewRows { data: data.to_owned(), least: FEWEST_ROWS, got: n_rows });
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
