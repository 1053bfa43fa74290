//! A detector of tables as a graph: the columns of the training table in, scores, labels, probabilities and each column's
//! part out.

mod bank;
mod member;
mod parts;
mod plane;
mod scored;
mod surroundings;
mod views;

use contractive::encoding::{ColumnUse, TableEncoding};
use contractive_anomaly::Detector;
use contractive_anomaly::detector::ScoreKind;
use contractive_anomaly::detector::numbers::{DetectorNumbers, LARGEST_LOG, MemberNumbers, PlaneNumbers, TermLocation};
use serde_json::to_string;

use crate::activation::is_expressible;
use crate::columns::{Cells, check_names};
use crate::error::OnnxError;
use crate::exported::{OnnxFile, check_room};
use crate::graph::{Element, Graph, Size, Value};
use crate::metadata::Metadata;
use crate::opset::Opset;
use crate::scaling::Scaler;

pub(crate) use scored::{Scored, scored};

const OUTPUTS: [&str; 4] = ["score", "label", "probability", "contributions"];
const DOC: &str = "A detector of anomalies in tables: an ensemble of contractive autoencoders and the rows that it was \
                   trained on.";
/// Scores nearer to each other than this share of their size count as equal where they are compared with those of the
/// training rows: a row of the training table must not fall to one side of itself by rounding.
const SAME: f64 = 1e-9;

/// The graph of a detector of tables.
///
/// Inputs: one for each column that is learnt from, (N, 1), of 64-bit numbers (NaN is a missing cell) or of text (an empty
/// one is), or `x`, (N, d), where it was trained on bare rows. Outputs: `score` (N), `label` (N), whether it is above the
/// threshold, `probability` (N) and `contributions` (N, columns). A row with a cell that the detector refuses is NaN, and
/// never an anomaly.
///
/// # Errors
/// [`OnnxError::TooLarge`], [`OnnxError::Activation`]; [`OnnxError::Column`] where a column is called as an output is.
pub fn export_detector(detector: &Detector, opset: Opset) -> Result<OnnxFile, OnnxError> {
    let numbers = detector.numbers();
    check(&numbers)?;
    if let Some(encoding) = detector.encoding() {
        check_names(encoding, &OUTPUTS)?;
    }
    let graph = Graph::default();
    add(&graph, detector, &numbers);
    OnnxFile::new(graph, "contractive_detector", DOC, opset, metadata(detector, &numbers))
}

/// Refuses what cannot be a graph, before there is one.
pub(crate) fn check(of: &DetectorNumbers<'_>) -> Result<(), OnnxError> {
    for (member, numbers) in of.members.iter().enumerate() {
        let architecture = numbers.model.architecture();
        let activations = architecture.encoder_activations.iter().chain(&architecture.decoder_activations);
        let mut odd = activations.filter(|activation| !is_expressible(**activation, Element::Double));
        if let Some(activation) = odd.next() {
            return Err(OnnxError::Activation { activation: activation.name(), member });
        }
    }
    let (what, needed) = room(of);
    check_room(needed, what)
}

/// What takes most of a file's bytes, and about how many it has.
fn room(of: &DetectorNumbers<'_>) -> (&'static str, u64) {
    let of_member = |member: &MemberNumbers<'_>| {
        4 * member.model.parameters().values().len() + 8 * (member.codes.len() + member.precision.len())
    };
    let of_plane = |plane: &PlaneNumbers<'_>| 4 * plane.directions.len() + 16 * plane.centre.len();
    let parts = [
        ("its networks", of.members.iter().map(of_member).sum::<usize>()),
        (
            "the rows it was trained on",
            of.surroundings.as_ref().map_or(0, |at| 4 * at.views.len() + 24 * at.spacing.len()),
        ),
        ("the planes of its windows", of.planes.iter().flatten().map(of_plane).sum()),
    ];
    let most = parts.iter().max_by_key(|part| part.1).map_or("its numbers", |part| part.0);
    (most, parts.iter().map(|part| part.1 as u64).sum())
}

/// A term of a logarithm.
pub(crate) fn term(logarithm: Value<'_>, at: TermLocation, is_ratio: bool) -> Value<'_> {
    match is_ratio {
        true => (logarithm - at.median).at_most(LARGEST_LOG).exp(),
        false => (logarithm - at.median) / at.spread,
    }
}

fn add(graph: &Graph, detector: &Detector, numbers: &DetectorNumbers<'_>) {
    let (x, missing, refused, sources) = match detector.encoding() {
        Some(encoding) => {
            let cells = Cells::read(graph, encoding);
            (cells.encoded(graph), cells.missing(), cells.refused, Some(encoding))
        }
        None => {
            let (x, refused) = bare_rows(graph, detector);
            (x, None, refused, None)
        }
    };
    let Scored { score, parts, .. } = scored(graph, numbers, x.cast(Element::Double), missing);
    // A row without any present cell has no score.
    let has_none = missing.map(|missing| missing.not().any(1).not());
    let unscored = has_none.map_or(refused, |has_none| refused.or(has_none));
    let nan = graph.scalar(Element::Double, f64::NAN);
    let score = unscored.choose(nan, score);
    let (parts, columns) = sources.map_or((parts, detector.n_features()), |of| by_column(graph, of, parts));
    let zero_or_nan = refused.choose(nan, graph.scalar(Element::Double, 0.0));
    let parts = unscored.choose(zero_or_nan, parts);
    let doc = format!("the score `{}`: higher is more anomalous", numbers.score.name());
    graph.output("score", score.narrowed(1), &[Size::Rows], &doc);
    let near = rounding(numbers.score, score);
    let label = score.number(numbers.threshold).less(score - near);
    let doc = format!("whether the score is above the threshold, {}", numbers.threshold);
    graph.output("label", label.narrowed(1), &[Size::Rows], &doc);
    let doc = "the share of the rows held out in training that score lower, strictly between 0 and 1";
    graph.output("probability", probability(graph, numbers.held_out, score, near), &[Size::Rows], doc);
    let doc = "each column's part in the score; a row's parts add up to it";
    graph.output("contributions", parts, &[Size::Rows, Size::Of(columns)], doc);
}

/// Bare rows as the networks take them, and which of them have a number that is not finite, (N, 1).
fn bare_rows<'g>(graph: &'g Graph, detector: &Detector) -> (Value<'g>, Value<'g>) {
    let preprocessing = detector.first_model().preprocessing();
    let doc = "rows, in the units of the data";
    let rows = graph.input("x", Element::Double, &[Size::Rows, Size::Of(preprocessing.n_features())], doc);
    let odd = rows.is_not_finite();
    let whole = odd.choose(graph.scalar(Element::Double, 0.0), rows);
    (Scaler::new(graph, preprocessing).scaled(whole), odd.any(1))
}

/// Below what difference scores count as equal, (N, 1). Those that are sums of logarithms, in units of robust standard
/// deviations, pass 0 where their terms do not: rounding is that of the terms.
fn rounding(kind: ScoreKind, score: Value<'_>) -> Value<'_> {
    match kind {
        ScoreKind::Combined | ScoreKind::Jacobian => SAME * score.abs().at_least(1.0),
        _ => SAME * score.abs(),
    }
}

/// The parts of a category's features added up, and how many columns there are.
fn by_column<'g>(graph: &'g Graph, encoding: &TableEncoding, parts: Value<'g>) -> (Value<'g>, usize) {
    let mut widths = Vec::new();
    for column in encoding.columns() {
        match column.becomes {
            ColumnUse::Number { .. } => widths.push(1),
            ColumnUse::Category { shares, .. } => widths.push(shares.len()),
            _ => {}
        }
    }
    let (d, columns) = (widths.iter().sum::<usize>(), widths.len());
    if d == columns {
        return (parts, columns);
    }
    let mut sums = vec![0.0; d * columns];
    let owners = widths.iter().enumerate().flat_map(|(c, width)| std::iter::repeat_n(c, *width));
    owners.enumerate().for_each(|(j, c)| sums[j * columns + c] = 1.0);
    (parts.times(graph.doubles(&[d, columns], &sums)), columns)
}

/// The share of ascending scores below each score, ties counted half and one row added on either side, (N).
fn probability<'g>(graph: &'g Graph, sorted: &[f64], score: Value<'g>, near: Value<'g>) -> Value<'g> {
    let n = sorted.len();
    let all = graph.doubles(&[1, n], sorted);
    let count = |is: Value<'g>| is.cast(Element::Double).sum_away(1);
    let (below, up_to) = (count(all.less(score - near)), count(all.less_or_equal(score + near)));
    let share = (0.5 * (below + up_to) + 0.5) / (n + 1) as f64;
    let score = score.narrowed(1);
    score.is_nan().choose(score, share)
}

/// What is said of every detector.
pub(crate) fn told(kind: &str, detector: &Detector, of: &DetectorNumbers<'_>) -> Metadata {
    let mut all = Metadata::new(kind, detector.first_model());
    all.text("contractive.score", of.score.name());
    all.count("contractive.networks", of.members.len());
    all
}

fn metadata(detector: &Detector, of: &DetectorNumbers<'_>) -> Vec<(String, String)> {
    let mut all = told("detector", detector, of);
    all.number("contractive.threshold", of.threshold);
    all.text("contractive.threshold_rule", &to_string(&detector.settings().threshold).unwrap_or_default());
    all.text("contractive.units", "columns: those of the training table; score and contributions: without a unit");
    match detector.encoding() {
        None => {
            if let Some(names) = detector.feature_names() {
                all.names("contractive.features", names);
            }
        }
        Some(encoding) => {
            all.names("contractive.features", &encoding.source_names());
            all.names("contractive.unused_columns", &[encoding.constant_names(), encoding.key_names()].concat());
            all.text("contractive.missing", encoding.missing().name());
            all.text("contractive.scale", encoding.scale().name());
        }
    }
    all.into_entries()
}
