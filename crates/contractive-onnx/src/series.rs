//! A detector of time series as a graph: windows in, their scores and what each of their rows takes of them out.

use contractive_anomaly::SeriesDetector;
use contractive_anomaly::series::{Credit, Normalise, OWN_SHARE, SeriesSpec};
use serde_json::to_string;

use crate::detector::{Scored, check, scored, told};
use crate::error::OnnxError;
use crate::exported::OnnxFile;
use crate::graph::{Element, Graph, Size, Value};
use crate::opset::Opset;
use crate::scaling::Scaler;

const DOC: &str = "A detector of anomalies in time series, of windows. The score of a row of the series is the mean of its \
                   `row_score` over the windows that cover it; above the threshold of the metadata it is an anomaly.";

/// The graph of a detector of time series.
///
/// Input: `windows`, (N, W, v), rows of the series one after the other, oldest first, in its units. Outputs: `score` (N), the
/// windows' scores, `row_score` (N, W), what each row takes of its window's score, and `contributions` (N, W, v), the
/// columns' parts in that. The score of a timestamp is the mean of `row_score` over the windows that cover it. A window with
/// a number that is not finite is NaN.
///
/// # Errors
/// [`OnnxError::TooLarge`] and [`OnnxError::Activation`].
pub fn export_series(detector: &SeriesDetector, opset: Opset) -> Result<OnnxFile, OnnxError> {
    let windows = detector.windows();
    let numbers = windows.numbers();
    check(&numbers)?;
    let graph = Graph::default();
    add(&graph, detector);
    let spec = detector.spec();
    let mut all = told("series_detector", windows, &numbers);
    all.number("contractive.threshold", detector.threshold());
    all.text("contractive.threshold_rule", &to_string(&detector.threshold_rule()).unwrap_or_default());
    all.names("contractive.features", &spec.values);
    all.count("contractive.window", spec.window);
    all.count("contractive.stride", spec.stride);
    all.text("contractive.normalise", spec.normalise.name());
    all.text("contractive.credit", spec.credit.name());
    if let Some(step) = detector.step() {
        all.text("contractive.step_nanoseconds", &step.to_string());
    }
    all.text("contractive.units", "windows: those of the series; scores and contributions: without a unit");
    OnnxFile::new(graph, "contractive_series_detector", DOC, opset, all.into_entries())
}

fn add(graph: &Graph, detector: &SeriesDetector) {
    let spec = detector.spec();
    let (window, columns) = (spec.window, spec.values.len());
    let shape = [Size::Rows, Size::Of(window), Size::Of(columns)];
    let doc = "windows of the series, rows oldest first, in the series' units";
    let windows = graph.input("windows", Element::Double, &shape, doc);
    let odd = windows.is_not_finite();
    let refused = odd.cast(Element::Integer).sum_away(2).any(1);
    let whole = odd.choose(graph.scalar(Element::Double, 0.0), windows);
    let rows = normalised(graph, spec, detector.scales(), whole).reshaped(&[0, -1]);
    let preprocessing = detector.windows().first_model().preprocessing();
    let x = Scaler::new(graph, preprocessing).scaled(rows).cast(Element::Double);
    let scored = scored(graph, &detector.windows().numbers(), x, None);
    let taken = taken(spec, &scored);
    let nan = graph.scalar(Element::Double, f64::NAN);
    let score = refused.choose(nan, scored.score).narrowed(1);
    graph.output("score", score, &[Size::Rows], "the score of the window: higher is more anomalous");
    let doc =
        "what each row takes of the window's score: its mean over the windows that cover a row is the row's score";
    let row_score = refused.choose(nan, taken.sum_away(2));
    graph.output("row_score", row_score, &[Size::Rows, Size::Of(window)], doc);
    let doc = "each column's part in `row_score`";
    graph.output("contributions", refused.widened(2).choose(nan, taken), &shape, doc);
}

/// Windows with what is taken out of each taken out, (N, W, v).
fn normalised<'g>(graph: &'g Graph, spec: &SeriesSpec, scales: &[f64], windows: Value<'g>) -> Value<'g> {
    if spec.normalise == Normalise::None {
        return windows;
    }
    let n = spec.window as f64;
    let mean = windows.sum(1) / n;
    let away = windows - mean;
    let scale = match spec.normalise {
        Normalise::Standard => {
            let least: Vec<f64> = scales.iter().map(|scale| 0.01 * scale).collect();
            (away.square().sum(1) / n).sqrt().max(graph.doubles(&[1, 1, least.len()], &least))
        }
        _ => mean.number(1.0) + 0.0 * mean,
    };
    // Below, there is nothing but the rounding of the mean.
    let is_more = (4.0 * f64::EPSILON * mean.abs()).less(scale);
    away / is_more.choose(scale, scale.number(1.0))
}

/// What each row takes of its window's score, column by column, (N, W, v): `contractive_anomaly`'s `stretch`.
fn taken<'g>(spec: &SeriesSpec, of: &Scored<'g>) -> Value<'g> {
    let window = spec.window as f64;
    let parts = of.parts.reshaped(&[0, spec.window as i64, spec.values.len() as i64]);
    // The whole of a column, for every row.
    let whole = |parts: Value<'g>| parts.sum(1) + 0.0 * parts;
    match (spec.credit, &of.planes) {
        (Credit::Window, _) => whole(parts),
        (Credit::Part, _) => window * parts,
        (Credit::Both, planes) => {
            let rest = planes.as_ref().map_or(parts, |planes| parts - planes.own);
            let mixed = (1.0 - OWN_SHARE) * whole(rest) + OWN_SHARE * window * rest;
            planes.as_ref().map_or(mixed, |planes| mixed + window * planes.by_spans)
        }
    }
}
