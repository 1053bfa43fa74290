//! Several runs beside each other.

use std::collections::BTreeSet;

use crate::record::RunRecord;
use askama::Template;
use contractive::config::ConfigError;
use contractive::{EpochRecord, TrainConfig};

use super::assembly::assemble;
use super::chart::{Chart, Line, range};
use super::error::ReportError;
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
    words: &'static str,
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
    originals: Vec<String>,
    strips: Vec<Strip>,
}

pub(super) fn page(runs: &[RunRecord]) -> Result<String, ReportError> {
    let at = |panel: &'static str| move |source| ReportError::Panel { panel, run: runs[0].name.clone(), source };
    let title = runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(" and ");
    let header = ComparisonHeader { names: names(runs) }.render().map_err(FigureError::from)?;
    let panels = vec![
        ("figures", "Figures", figures(runs).map_err(at("figures"))?),
        ("settings", "Settings", settings(runs)?),
        ("loss", "Loss", losses(runs).map_err(at("losses"))?),
        ("examples", "Examples", examples(runs).map_err(at("examples"))?),
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
    let plain: [(&str, Of); 8] = [
        ("mean ‖J‖", &|r| r.evaluation.jacobian_norm),
        ("mean ‖J‖²", &|r| r.evaluation.penalty),
        ("mean ‖J‖² over the code's variance", &|r| r.evaluation.jacobian_to_code_variance.unwrap_or(f64::NAN)),
        ("local dimension", &|r| r.spectrum.local_dimension),
        ("rows it is a mean over", &|r| r.spectrum.rows as f64),
        ("largest singular value", &|r| r.spectrum.mean.first().copied().unwrap_or(f64::NAN)),
        ("contraction ratio near the data", &|r| r.contraction.points.first().map_or(f64::NAN, |p| p.mean)),
        ("saturation", &|r| r.evaluation.saturation.unwrap_or(f64::NAN)),
    ];
    let comparable = runs.iter().all(|run| run.data.name == runs[0].data.name && run.part == runs[0].part);
    let same_loss = runs.iter().all(|run| run.evaluation.loss == runs[0].evaluation.loss);
    let mut rows = vec![Row {
        name: "rows judged on".to_owned(),
        cells: runs
            .iter()
            .map(|r| (format!("{}, {} {}", r.evaluation.data, grouped(r.evaluation.rows), r.part), false))
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
    let all: Vec<Vec<(String, String)>> = runs.iter().map(|run| flat(&run.config)).collect::<Result<_, _>>()?;
    let keys: BTreeSet<&str> = all.iter().flatten().map(|(key, _)| key.as_str()).collect();
    let value = |settings: &[(String, String)], key: &str| {
        settings.iter().find(|(name, _)| name == key).map_or_else(|| "–".to_owned(), |(_, value)| value.clone())
    };
    let mut rows = Vec::new();
    for key in &keys {
        let values: Vec<String> = all.iter().map(|settings| value(settings, key)).collect();
        if values.iter().any(|value| *value != values[0]) {
            rows.push(Row { name: (*key).to_owned(), cells: values.into_iter().map(|value| (value, false)).collect() });
        }
    }
    let caution = match rows.len() {
        0 => "All settings are the same.".to_owned(),
        n => format!("The other {} are the same.", count(keys.len() - n, "setting")),
    };
    let words = "Only settings that differ are listed, by their names in config.toml.";
    let table = Table { id: "settings", title: "Settings that differ", words, caution, names: names(runs), rows };
    Ok(table.render().map_err(FigureError::from)?)
}

/// A configuration as `section.key = value` pairs, read from its TOML: a section's name, then its lines.
fn flat(config: &TrainConfig) -> Result<Vec<(String, String)>, ConfigError> {
    let text = config.to_toml()?;
    let mut section = String::new();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((key, value)) = line.split_once(" = ").filter(|(key, _)| !key.starts_with(' ')) {
            pairs.push((format!("{section}{key}"), value.to_owned()));
        } else if let Some((_, value)) = pairs.last_mut() {
            // A list over several lines.
            value.push_str(line.trim());
        }
    }
    Ok(pairs)
}

fn losses(runs: &[RunRecord]) -> Result<String, FigureError> {
    let chart = |id: &str, title: &str, of: &dyn Fn(&EpochRecord) -> f64| -> Result<Option<String>, FigureError> {
        let lines: Vec<Line> = runs
            .iter()
            .enumerate()
            .map(|(series, run)| Line {
                name: run.name.clone(),
                positions: run.history.iter().map(|e| e.epoch as f64).collect(),
                values: run.history.iter().map(of).collect(),
                series,
                stroke: Stroke::Solid,
            })
            .collect();
        if !lines.iter().any(|line| line.values.iter().any(|v| v.is_finite())) {
            return Ok(None);
        }
        let (first, last) = range(lines.iter().flat_map(|line| line.positions.iter().copied()));
        let (low, high) = range(lines.iter().flat_map(|line| line.values.iter().copied()));
        let mut chart = Chart::new(Axis::whole_numbers(first, last, 8), Axis::of_values(low, high, 5), "epoch", title);
        let described = describe(&lines, &lines[0].positions);
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
    let words = "Reconstruction by itself, without the penalty, so that runs with different contractions compare; and the norm they reach.";
    let caution = "runs with different losses on one axis: their values do not compare, only their shapes do";
    Ok(Charts { id: "loss", title: "Loss over the epochs", words, caution, charts }.render()?)
}

/// The first run's originals over each run's reconstructions; only where all show the same images.
fn examples(runs: &[RunRecord]) -> Result<String, FigureError> {
    let first = &runs[0].examples;
    let Some(shape) = first.image_shape else { return Ok(String::new()) };
    let n = first.rows.len().min(TILES);
    let shows_same = |run: &RunRecord| {
        let e = &run.examples;
        e.image_shape == Some(shape)
            && e.rows.len() >= n
            && e.rows.iter().zip(&first.rows).take(n).all(|(a, b)| a.original == b.original)
    };
    if n == 0 || !runs.iter().all(shows_same) {
        return Ok(String::new());
    }
    let originals = first.rows.iter().take(n).map(|e| picture::grey(&e.original, shape)).collect::<Result<_, _>>()?;
    let mut strips = Vec::new();
    for (i, run) in runs.iter().enumerate() {
        let images = run.examples.rows.iter().take(n).map(|e| picture::grey(&e.reconstruction, shape));
        let images = images.collect::<Result<_, _>>()?;
        strips.push(Strip { name: run.name.clone(), series: i % SERIES.len(), images });
    }
    Ok(Images { originals, strips }.render()?)
}

fn curves(runs: &[RunRecord]) -> Result<String, FigureError> {
    let named = || runs.iter().map(|run| (run.name.clone(), run));
    let spectra = geometry::spectra(named());
    let ratios = geometry::contractions(named());
    let mut charts = Vec::new();
    for (chart, id, title) in [
        (spectra, "compare-spectrum", "Mean singular values of J"),
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
    let words = "How strongly each code follows its directions, and how far it moves when a row is moved by a radius. A contractive code has few large values, then a steep drop, and is lowest near the data.";
    let caution = "a curve near zero throughout: a code that no longer moves";
    Ok(Charts { id: "geometry", title: "Spectrum and contraction", words, caution, charts }.render()?)
}
