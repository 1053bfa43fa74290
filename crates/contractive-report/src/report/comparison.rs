//! Several runs beside each other.

use crate::record::RunRecord;
use askama::Template;
use contractive::EpochRecord;

use super::assembly::assemble;
use super::chart::{Chart, LEAST_SHARE, Line, cut_off, range};
use super::error::ReportError;
use super::legend::{differing, file_name};
use super::loss::describe;
use super::number::{count, duration, grouped, significant};
use super::summary::judged_loss;
use super::{geometry, picture};
use crate::axis::Axis;
use crate::colour::SERIES;
use crate::error::FigureError;
use crate::panel::Stroke;

/// Images a run.
const TILES: usize = 10;

/// A run's name and colour.
struct Name {
    name: String,
    series: usize,
}

struct Row {
    name: String,
    cells: Vec<(String, bool)>,
}

#[derive(Template)]
#[template(path = "panel/compare_header.html")]
struct ComparisonHeader {
    names: Vec<Name>,
}

#[derive(Template)]
#[template(path = "panel/compare_table.html")]
struct Table {
    id: &'static str,
    title: &'static str,
    words: &'static str,
    caution: String,
    names: Vec<Name>,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "panel/compare_charts.html")]
struct Charts {
    id: &'static str,
    title: &'static str,
    words: String,
    caution: &'static str,
    charts: Vec<String>,
}

struct Strip {
    name: String,
    series: usize,
    images: Vec<String>,
}

#[derive(Template)]
#[template(path = "panel/compare_images.html")]
struct Images {
    id: &'static str,
    title: &'static str,
    words: &'static str,
    caution: &'static str,
    /// What a picture is.
    what: &'static str,
    originals: Vec<String>,
    strips: Vec<Strip>,
}

/// The page; runs are called by their names.
pub(super) fn page(runs: &[RunRecord]) -> Result<String, ReportError> {
    let at = |panel: &'static str| move |source| ReportError::Panel { panel, run: runs[0].name.clone(), source };
    let title = match runs {
        [one, two] => format!("{} and {}", one.name, two.name),
        _ => format!("{} compared", count(runs.len(), "run")),
    };
    let header = ComparisonHeader { names: names(runs) }.render().map_err(FigureError::from)?;
    let panels = vec![
        ("figures", "Figures", figures(runs).map_err(at("figures"))?),
        ("settings", "Settings", settings(runs)?),
        ("loss", "Loss", losses(runs).map_err(at("losses"))?),
        ("examples", "Examples", examples(runs).map_err(at("examples"))?),
        ("filters", "Filters", filters(runs).map_err(at("filters"))?),
        ("geometry", "Geometry", curves(runs).map_err(at("spectra"))?),
    ];
    assemble(&title, header, panels, &runs[0].provenance.version)
}

fn names(runs: &[RunRecord]) -> Vec<Name> {
    let name = |(i, run): (usize, &RunRecord)| Name { name: run.name.clone(), series: i % SERIES.len() };
    runs.iter().enumerate().map(name).collect()
}

/// The test figures, the best of each row in bold where one is best.
fn figures(runs: &[RunRecord]) -> Result<String, FigureError> {
    type Of<'a> = &'a dyn Fn(&RunRecord) -> f64;
    let lower: [(&str, Of); 4] = [
        ("mean squared error a feature", &|r| r.evaluation.mse),
        ("squared error a row", &|r| r.evaluation.sse),
        ("binary cross-entropy a feature", &|r| r.evaluation.bce.unwrap_or(f64::NAN)),
        ("loss trained with", &|r| judged_loss(&r.evaluation)),
    ];
    let plain: [(&str, Of); 11] = [
        ("mean ‖J‖", &|r| r.evaluation.jacobian_norm),
        ("mean ‖J‖²", &|r| r.evaluation.penalty),
        ("mean ‖J‖² over the code's variance", &|r| r.evaluation.jacobian_to_code_variance.unwrap_or(f64::NAN)),
        ("local dimension", &|r| r.spectrum.local_dimension),
        ("rows it is a mean over", &|r| r.spectrum.rows as f64),
        ("largest singular value", &|r| r.spectrum.mean.first().copied().unwrap_or(f64::NAN)),
        ("contraction ratio near the data", &|r| r.contraction.points.first().map_or(f64::NAN, |p| p.mean)),
        ("saturation", &|r| r.evaluation.saturation.unwrap_or(f64::NAN)),
        ("share of the code near zero", &|r| r.code.near_zero),
        ("moved by noise of 0.1, over the code's deviation", &|r| change(r, 0)),
        ("moved by noise of 0.3, over the code's deviation", &|r| change(r, 1)),
    ];
    let comparable = runs.iter().all(|run| run.data.name == runs[0].data.name && run.part == runs[0].part);
    let same_loss = runs.iter().all(|run| run.evaluation.loss == runs[0].evaluation.loss);
    let mut rows = vec![Row {
        name: "rows judged on".to_owned(),
        cells: runs
            .iter()
            .map(|r| (format!("{}, {} {}", file_name(&r.evaluation.data), grouped(r.evaluation.rows), r.part), false))
            .collect(),
    }];
    for (i, (name, of)) in lower.iter().chain(&plain).enumerate() {
        let values: Vec<f64> = runs.iter().map(of).collect();
        if values.iter().all(|value| value.is_nan()) {
            continue;
        }
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let marks = i < lower.len() && comparable && (same_loss || *name != "loss trained with");
        let unique = values.iter().filter(|value| **value == least).count() == 1;
        let text = |value: f64| if value.is_nan() { "–".to_owned() } else { significant(value, 4) };
        let cells = values.iter().map(|value| (text(*value), marks && unique && *value == least)).collect();
        rows.push(Row { name: (*name).to_owned(), cells });
    }
    rows.extend(facts(runs));
    let caution = if comparable {
        "A smaller ‖J‖ alone is no gain: a decoder that is not tied can make up for a code that was merely shrunk. Read it together with the reconstruction, and over the code's variance.".to_owned()
    } else {
        "These runs were judged on different rows: their errors do not compare.".to_owned()
    };
    let words = "What the kept models are worth on rows they were not trained on, where there are any. The least error of each row is bold.";
    Ok(Table { id: "figures", title: "Figures", words, caution, names: names(runs), rows }.render()?)
}

/// How far noise of the i-th size moves the code.
fn change(run: &RunRecord, i: usize) -> f64 {
    run.code.noise.get(i).and_then(|noise| noise.change).unwrap_or(f64::NAN)
}

/// Rows of the table that no run is best in.
fn facts(runs: &[RunRecord]) -> [Row; 3] {
    let dead = |r: &RunRecord| {
        let k = r.architecture.code_size();
        format!("{:.0} of {}", r.evaluation.dead_code_units * k as f64, grouped(k))
    };
    let time = |r: &RunRecord| {
        let diverged =
            r.divergence.as_ref().map_or_else(String::new, |d| format!(", then diverged at step {}", d.step));
        let seconds = r.history.iter().map(|e| e.seconds).sum();
        format!("{} in {}{diverged}", count(r.history.len(), "epoch"), duration(seconds))
    };
    let row = |name: &str, of: &dyn Fn(&RunRecord) -> String| Row {
        name: name.to_owned(),
        cells: runs.iter().map(|r| (of(r), false)).collect(),
    };
    [row("dead code units", &dead), row("parameters", &|r| grouped(r.parameters)), row("trained", &time)]
}

/// Settings in which the runs differ.
fn settings(runs: &[RunRecord]) -> Result<String, ReportError> {
    let (differing, number) = differing(runs)?;
    let plain = |values: Vec<String>| values.into_iter().map(|value| (value, false)).collect();
    let rows: Vec<Row> =
        differing.into_iter().map(|setting| Row { name: setting.key, cells: plain(setting.values) }).collect();
    let caution = match rows.len() {
        0 => "All settings are the same.".to_owned(),
        n => format!("The other {} are the same.", count(number - n, "setting")),
    };
    let words = "Only settings that differ are listed, by their names in config.toml.";
    let table = Table { id: "settings", title: "Settings that differ", words, caution, names: names(runs), rows };
    Ok(table.render().map_err(FigureError::from)?)
}

fn losses(runs: &[RunRecord]) -> Result<String, FigureError> {
    let chart = |id: &str, title: &str, of: &dyn Fn(&EpochRecord) -> f64| -> Result<Option<String>, FigureError> {
        let mut lines: Vec<Line> = runs
            .iter()
            .enumerate()
            .map(|(series, run)| Line {
                name: run.name.clone(),
                positions: run.history.iter().map(|e| e.epoch as f64).collect(),
                values: run.history.iter().map(of).collect(),
                series,
                stroke: stroke(series),
            })
            .collect();
        if !lines.iter().any(|line| line.values.iter().any(|v| v.is_finite())) {
            return Ok(None);
        }
        let described = describe(&lines, &lines[0].positions);
        cut_off(&mut lines);
        let (first, last) = range(lines.iter().flat_map(|line| line.positions.iter().copied()));
        let (low, high) = range(lines.iter().flat_map(|line| line.values.iter().copied()));
        let mut chart = Chart::new(Axis::whole_numbers(first, last, 8), Axis::of_values(low, high, 5), "epoch", title);
        chart.lines = lines;
        chart.draw(id, title, &described, None).map(Some)
    };
    let charts = [
        chart("compare-train", "Training reconstruction", &|e| e.train.reconstruction)?,
        chart("compare-test", "Held-out reconstruction", &|e| {
            e.validation.or(e.test).map_or(f64::NAN, |terms| terms.reconstruction)
        })?,
        chart("compare-norm", "Mean ‖J‖ of the encoder", &|e| e.jacobian_norm)?,
    ];
    let charts: Vec<String> = charts.into_iter().flatten().collect();
    if charts.is_empty() {
        return Ok(String::new());
    }
    let words = "Reconstruction by itself, without the penalty, so that runs with different contractions compare; and the norm they reach.".to_owned();
    let caution = "runs with different losses on one axis: their values do not compare, only their shapes do";
    Ok(Charts { id: "loss", title: "Loss over the epochs", words, caution, charts }.render()?)
}

/// The first run's originals over each run's reconstructions; only where all show the same images.
fn examples(runs: &[RunRecord]) -> Result<String, FigureError> {
    let first = &runs[0].examples;
    let Some(shape) = first.picture_shape else { return Ok(String::new()) };
    let n = first.rows.len().min(TILES);
    let shows_same = |run: &RunRecord| {
        let e = &run.examples;
        e.picture_shape == Some(shape)
            && e.rows.len() >= n
            && e.rows.iter().zip(&first.rows).take(n).all(|(a, b)| a.original == b.original)
    };
    if n == 0 || !runs.iter().all(shows_same) {
        return Ok(String::new());
    }
    let originals = first.rows.iter().take(n).map(|e| picture::bright(&e.original, shape)).collect::<Result<_, _>>()?;
    let strips = strips(runs, |run| {
        run.examples.rows.iter().take(n).map(|e| picture::bright(&e.reconstruction, shape)).collect()
    })?;
    Ok(Images {
        id: "examples",
        title: "The same rows, restored",
        words: "The first examples and what each model makes of them.",
        caution: "rows that one model restores and another replaces by something typical",
        what: "reconstruction",
        originals,
        strips,
    }
    .render()?)
}

/// The filters of each run that move most; only where all runs have images.
fn filters(runs: &[RunRecord]) -> Result<String, FigureError> {
    if runs.iter().any(|run| run.filters.picture_shape.is_none() || run.filters.weights.is_empty()) {
        return Ok(String::new());
    }
    let strips = strips(runs, |run| {
        let Some(shape) = run.filters.picture_shape else { return Ok(Vec::new()) };
        let largest = |weights: &[f32]| weights.iter().fold(0.0, |most, w| f64::max(most, f64::from(w.abs())));
        run.filters.weights.iter().take(TILES).map(|w| picture::signed(w, shape, largest(w))).collect()
    })?;
    Ok(Images {
        id: "filters",
        title: "First-layer filters",
        words: "What the units of the first layer look for, those that move most first: weights above 0 orange, below 0 blue, each filter on a scale of its own.",
        caution: "filters that look like noise",
        what: "filter",
        originals: Vec::new(),
        strips,
    }
    .render()?)
}

/// Pictures of each run under its name.
fn strips(
    runs: &[RunRecord],
    images: impl Fn(&RunRecord) -> Result<Vec<String>, FigureError>,
) -> Result<Vec<Strip>, FigureError> {
    let strip = |(i, run): (usize, &RunRecord)| {
        Ok(Strip { name: run.name.clone(), series: i % SERIES.len(), images: images(run)? })
    };
    runs.iter().enumerate().map(strip).collect()
}

fn curves(runs: &[RunRecord]) -> Result<String, FigureError> {
    let named = || runs.iter().map(|run| (run.name.clone(), run));
    let mut spectra = geometry::spectra(named()).logarithmic();
    let mut ratios = geometry::contractions(named());
    for chart in [&mut spectra.chart, &mut ratios] {
        chart.lines.iter_mut().for_each(|line| line.stroke = stroke(line.series));
    }
    let mut charts = Vec::new();
    for (chart, id, title) in [
        (spectra.chart, "compare-spectrum", "Mean singular values of J"),
        (ratios, "compare-ratio", "Contraction ratio over the radius"),
    ] {
        if chart.lines.iter().any(|line| !line.values.is_empty()) {
            let described = describe(&chart.lines, &chart.lines[0].positions);
            charts.push(chart.draw(id, title, &described, None)?);
        }
    }
    if charts.is_empty() {
        return Ok(String::new());
    }
    let cut = if spectra.is_cut {
        format!(" Singular values below {LEAST_SHARE} of the largest, such as a dead unit's, are drawn at that height.")
    } else {
        String::new()
    };
    let words = format!(
        "How strongly each code follows its directions, and how far it moves when a row is moved by a radius. A contractive code has few large values, then a steep drop, and is lowest near the data.{cut}"
    );
    let caution = "a curve near zero throughout: a code that no longer moves";
    Ok(Charts { id: "geometry", title: "Spectrum and contraction", words, caution, charts }.render()?)
}

/// Colours come round again: the second time dashed, the third dotted.
fn stroke(series: usize) -> Stroke {
    [Stroke::Solid, Stroke::Dashed, Stroke::Dotted][series / SERIES.len() % 3]
}
