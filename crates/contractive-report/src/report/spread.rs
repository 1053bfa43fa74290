//! How ‖J‖ and the reconstruction error are spread over rows.

use crate::analysis::Histogram;
use crate::record::RunRecord;
use askama::Template;

use super::chart::Chart;
use super::number::{count, grouped, significant};
use crate::axis::Axis;
use crate::error::FigureError;

#[derive(Template)]
#[template(path = "panel/spread.html")]
struct SpreadPanel {
    rows: String,
    part: String,
    charts: Vec<String>,
    table: Vec<(&'static str, Vec<String>)>,
    notes: Vec<String>,
    tail: String,
}

pub(super) fn panel(record: &RunRecord) -> Result<String, FigureError> {
    let both = [
        ("error-chart", "mean squared error of a row", "Reconstruction error", &record.errors),
        ("norm-chart", "‖J‖ at a row", "Jacobian norm", &record.jacobian_norms),
    ];
    let (mut charts, mut notes) = (Vec::new(), Vec::new());
    for (id, axis, what, histogram) in both {
        if histogram.counts.iter().any(|n| *n > 0) {
            charts.push(chart(histogram, id, axis, what)?);
        }
        if histogram.above > 0 {
            let most = significant(histogram.largest, 3);
            let rows = count(histogram.above, "row");
            notes.push(format!("{what}: {rows} beyond the right end, up to {most}."));
        }
        if histogram.not_finite > 0 {
            notes.push(format!("{what}: not finite at {}.", count(histogram.not_finite, "row")));
        }
    }
    let value = |of: &dyn Fn(&Histogram) -> f64| {
        both.iter().map(|(.., histogram)| significant(of(histogram), 3)).collect::<Vec<_>>()
    };
    let rows = record.errors.counts.iter().sum::<usize>() + record.errors.above + record.errors.not_finite;
    let tail = record.errors.quantiles[2] / record.errors.quantiles[1];
    Ok(SpreadPanel {
        rows: count(rows, "row"),
        part: record.part.to_string(),
        charts,
        table: vec![
            ("5 % of rows are below", value(&|h| h.quantiles[0])),
            ("half are below", value(&|h| h.quantiles[1])),
            ("mean", value(&|h| h.mean)),
            ("5 % are above", value(&|h| h.quantiles[2])),
            ("largest", value(&|h| h.largest)),
        ],
        notes,
        tail: if tail.is_finite() { significant(tail, 2) } else { String::new() },
    }
    .render()?)
}

fn chart(h: &Histogram, id: &str, axis: &str, what: &str) -> Result<String, FigureError> {
    let width = (h.high - h.low) / h.counts.len().max(1) as f64;
    let most = h.counts.iter().copied().max().unwrap_or(0) as f64;
    let mut y = Axis::linear(0.0, most, 4);
    y.start_at(0.0);
    let mut chart = Chart::new(Axis::linear(h.low, h.high, 5), y, axis, "Rows");
    // A range of no width still gets a bar to see.
    let (low, width) =
        if width > 0.0 { (h.low, width) } else { (h.low - h.low.abs() * 0.01 - 1e-12, h.low.abs() * 0.02 + 2e-12) };
    let bars = h.counts.iter().enumerate().filter(|(_, n)| **n > 0);
    chart.bars = bars.map(|(i, n)| (low + width * i as f64, low + width * (i + 1) as f64, *n as f64)).collect();
    let described = format!(
        "{} bins from {} to {}; the fullest holds {} rows.",
        h.counts.len(),
        significant(h.low, 3),
        significant(h.high, 3),
        grouped(most as usize)
    );
    chart.draw(id, &format!("{what}: histogram over rows"), &described, None)
}
