//! Codes in the plane in which they spread most.

use std::collections::BTreeMap;

use crate::record::RunRecord;
use askama::Template;

use super::chart::{Chart, Dots, range};
use super::number::{count, percent};
use crate::axis::Axis;
use crate::colour::SERIES;
use crate::error::FigureError;

#[derive(Template)]
#[template(path = "panel/scatter.html")]
struct ScatterPanel {
    rows: String,
    part: String,
    share: String,
    has_labels: bool,
    chart: String,
    facts: Vec<(String, String)>,
    others: usize,
}

/// The panel; empty where codes do not move.
pub(super) fn panel(record: &RunRecord) -> Result<String, FigureError> {
    let scatter = &record.scatter;
    let points: Vec<(f64, f64)> = scatter.plane.points.iter().map(|p| (f64::from(p[0]), f64::from(p[1]))).collect();
    if points.is_empty() || scatter.plane.share[0] == 0.0 {
        return Ok(String::new());
    }
    let mut classes: BTreeMap<i64, Vec<(f64, f64)>> = BTreeMap::new();
    if let Some(labels) = &scatter.labels {
        labels.iter().zip(&points).for_each(|(label, point)| classes.entry(*label).or_default().push(*point));
    }
    let (dots, others) = coloured(record, classes, &points);
    let (left, right) = range(points.iter().map(|p| p.0));
    let (low, high) = range(points.iter().map(|p| p.1));
    let titles = [0, 1].map(|i| format!("component {} ({} of the variance)", i + 1, percent(scatter.plane.share[i])));
    let mut chart = Chart::new(Axis::linear(left, right, 6), Axis::linear(low, high, 5), &titles[0], &titles[1]);
    let mut facts = vec![
        ("first component".to_owned(), percent(scatter.plane.share[0])),
        ("second component".to_owned(), percent(scatter.plane.share[1])),
    ];
    facts.extend(dots.iter().filter(|d| !d.name.is_empty()).map(|d| (d.name.clone(), count(d.points.len(), "row"))));
    chart.dots = dots;
    let described = format!("{} points in {} groups.", points.len(), chart.dots.len());
    Ok(ScatterPanel {
        rows: count(points.len(), "row"),
        part: record.part.to_string(),
        share: percent(scatter.plane.share[0] + scatter.plane.share[1]),
        has_labels: scatter.labels.is_some(),
        chart: chart.draw("scatter-chart", "Codes along their first two principal components", &described, None)?,
        facts,
        others,
    }
    .render()?)
}

/// A colour a class; where there are more classes than colours, the smallest share the last one.
fn coloured(record: &RunRecord, classes: BTreeMap<i64, Vec<(f64, f64)>>, points: &[(f64, f64)]) -> (Vec<Dots>, usize) {
    if classes.is_empty() {
        return (vec![Dots { name: String::new(), points: points.to_vec(), series: 0 }], 0);
    }
    let mut by_size: Vec<_> = classes.into_iter().collect();
    let mut rest = Vec::new();
    if by_size.len() > SERIES.len() {
        by_size.sort_by_key(|(label, points)| (std::cmp::Reverse(points.len()), *label));
        rest = by_size.split_off(SERIES.len() - 1);
        by_size.sort_by_key(|(label, _)| *label);
    }
    let named = by_size.into_iter().enumerate();
    let mut dots: Vec<Dots> =
        named.map(|(series, (label, points))| Dots { name: record.class_name(label), points, series }).collect();
    let others = rest.len();
    if others > 0 {
        let points = rest.into_iter().flat_map(|(_, points)| points).collect();
        dots.push(Dots { name: format!("{others} others"), points, series: SERIES.len() - 1 });
    }
    (dots, others)
}
