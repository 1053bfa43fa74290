//! How the code moves with the input: the spectrum of J, and the contraction ratio.

use crate::record::RunRecord;
use askama::Template;

use super::chart::{Chart, LEAST_SHARE, Line, cut_off, range};
use super::loss::describe;
use super::number::{count, grouped, significant};
use crate::analysis::Reading;
use crate::axis::Axis;
use crate::error::FigureError;
use crate::panel::Stroke;

#[derive(Template)]
#[template(path = "panel/spectrum.html")]
struct SpectrumPanel {
    rows: String,
    part: String,
    ratio: String,
    above: String,
    of: usize,
    inputs: String,
    is_flat: bool,
    is_still: bool,
    advice: &'static str,
    /// Share of the largest below which values are drawn at that height.
    cut: Option<f64>,
    chart: String,
    facts: Vec<(&'static str, String)>,
}

/// A chart, and whether numbers in it were too small to be drawn where they are.
pub(super) struct Spectra {
    pub(super) chart: Chart,
    pub(super) is_cut: bool,
}

impl Spectra {
    /// With a logarithmic axis whatever the numbers, so that encoders of different scales show their shapes.
    pub(super) fn logarithmic(mut self) -> Self {
        let (low, high) = range(self.chart.lines.iter().flat_map(|line| line.values.iter().copied()));
        if high > 0.0 {
            self.chart.y = Axis::logarithmic(low.clamp(LEAST_SHARE * high, high * 0.2), high, 5);
        }
        self
    }
}

/// The lines of several runs' spectra, one where it is shown alone.
pub(super) fn spectra<'a>(runs: impl Iterator<Item = (String, &'a RunRecord)>) -> Spectra {
    let mut lines: Vec<Line> = runs
        .enumerate()
        .map(|(series, (name, run))| Line {
            name,
            positions: (1..=run.spectrum.mean.len()).map(|j| j as f64).collect(),
            values: run.spectrum.mean.clone(),
            series,
            stroke: Stroke::Solid,
        })
        .collect();
    let is_cut = cut_off(&mut lines);
    let (low, high) = range(lines.iter().flat_map(|line| line.values.iter().copied()));
    let most = lines.iter().map(|line| line.values.len()).max().unwrap_or(1) as f64;
    let mut chart = Chart::new(
        Axis::whole_numbers(1.0, most, 8),
        Axis::of_values(low.min(high * 0.2), high, 5),
        "index, largest first",
        "Mean singular value of J",
    );
    chart.lines = lines;
    Spectra { chart, is_cut }
}

pub(super) fn spectrum(record: &RunRecord) -> Result<String, FigureError> {
    let s = &record.spectrum;
    let (Some(first), Some(last)) = (s.mean.first().copied(), s.mean.last().copied()) else { return Ok(String::new()) };
    let n = s.mean.len();
    let Spectra { mut chart, is_cut } = spectra(std::iter::once((String::new(), record)));
    if s.local_dimension >= 1.0 && n > 1 {
        chart.marks.push((s.local_dimension, "local dimension".to_owned()));
    }
    let described = describe(&chart.lines, &chart.lines[0].positions);
    Ok(SpectrumPanel {
        rows: count(s.rows, "row"),
        part: record.part.to_string(),
        ratio: significant(s.local_dimension, 3),
        above: significant(s.above_a_tenth, 3),
        of: n,
        inputs: grouped(record.architecture.input_size()),
        is_flat: n > 2 && first > 0.0 && last > first / 3.0,
        is_still: first == 0.0,
        advice: advice(Reading::of(s.local_dimension, n)),
        cut: is_cut.then_some(LEAST_SHARE),
        chart: chart.draw("spectrum-chart", "Mean singular values of the encoder's Jacobian", &described, None)?,
        facts: vec![
            ("local dimension, (Σs²)²/Σs⁴", format!("{} of {n}", significant(s.local_dimension, 3))),
            ("rows that these are means over", grouped(s.rows)),
            ("singular values above a tenth of the largest", significant(s.above_a_tenth, 3)),
            ("largest, mean", significant(first, 3)),
            ("smallest, mean", significant(last, 3)),
            ("mean ‖J‖", significant(record.evaluation.jacobian_norm, 4)),
            ("mean ‖J‖² (the exact penalty)", significant(record.evaluation.penalty, 4)),
            (
                "mean ‖J‖² over the code's variance",
                record.evaluation.jacobian_to_code_variance.map_or_else(|| "–".to_owned(), |v| significant(v, 3)),
            ),
            ("mean square of J's entries", significant(record.evaluation.jacobian_mean_square, 3)),
        ],
    }
    .render()?)
}

/// A mean local dimension in words.
fn advice(reading: Reading) -> &'static str {
    match reading {
        Reading::Still => "Lower `objective.contraction`.",
        Reading::PartlyStill => "Below 1, the code does not move at all at some of these rows.",
        Reading::Alike => {
            "Near their number, the code's size sets it and not the data: a larger code may follow more, a larger \
             `objective.contraction` lets go of some."
        }
        Reading::Some => "",
    }
}

#[derive(Template)]
#[template(path = "panel/contraction.html")]
struct ContractionPanel {
    rows: String,
    directions: usize,
    near: String,
    peak: String,
    peak_at: String,
    typical: String,
    shape: &'static str,
    chart: String,
    facts: Vec<(String, String)>,
}

/// The lines of several runs' contraction ratios.
pub(super) fn contractions<'a>(runs: impl Iterator<Item = (String, &'a RunRecord)>) -> Chart {
    let lines: Vec<Line> = runs
        .enumerate()
        .map(|(series, (name, run))| Line {
            name,
            positions: run.contraction.points.iter().map(|p| p.radius).collect(),
            values: run.contraction.points.iter().map(|p| p.mean).collect(),
            series,
            stroke: Stroke::Solid,
        })
        .collect();
    let (near, far) = range(lines.iter().flat_map(|line| line.positions.iter().copied()));
    let (low, high) = range(lines.iter().flat_map(|line| line.values.iter().copied()));
    let x = if near > 0.0 && far > near { Axis::logarithmic(near, far, 5) } else { Axis::linear(near, far, 5) };
    let mut chart = Chart::new(x, Axis::of_values(low.min(0.0), high, 5), "radius", "Mean ‖f(x) − f(x̃)‖ / ‖x − x̃‖");
    chart.lines = lines;
    chart
}

pub(super) fn contraction(record: &RunRecord) -> Result<String, FigureError> {
    let c = &record.contraction;
    let (Some(first), Some(last)) = (c.points.first(), c.points.last()) else { return Ok(String::new()) };
    let peak = c.points.iter().max_by(|a, b| a.mean.total_cmp(&b.mean)).unwrap_or(first);
    let mut chart = contractions(std::iter::once((String::new(), record)));
    chart.marks.push((c.typical_distance, "typical distance".to_owned()));
    let described = describe(&chart.lines, &chart.lines[0].positions);
    let shape = if peak.mean > 1.15 * first.mean && peak.mean > 1.15 * last.mean {
        "It rises away from the data and falls again: most contraction is near the data, as a contractive code should."
    } else if last.mean > 1.15 * first.mean {
        "It rises with the radius: contraction is strongest near the data, as a contractive code should."
    } else if last.mean < 0.87 * first.mean {
        "It falls with the radius: small steps move the code relatively more than large ones."
    } else {
        "It is nearly flat: at this scale the encoder acts as if it were linear."
    };
    Ok(ContractionPanel {
        rows: count(c.rows, "row"),
        directions: c.directions,
        near: significant(first.mean, 3),
        peak: significant(peak.mean, 3),
        peak_at: significant(peak.radius, 2),
        typical: significant(c.typical_distance, 3),
        shape,
        chart: chart.draw("contraction-chart", "Contraction ratio over the radius", &described, None)?,
        facts: c
            .points
            .iter()
            .step_by(3)
            .map(|p| (format!("radius {}", significant(p.radius, 2)), significant(p.mean, 3)))
            .chain([
                ("root mean square at the smallest radius".to_owned(), significant(first.rms, 3)),
                ("its limit, root mean square of ‖J‖/√d".to_owned(), significant(c.limit, 3)),
            ])
            .collect(),
    }
    .render()?)
}
