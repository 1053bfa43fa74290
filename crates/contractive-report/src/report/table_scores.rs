//! How the scores of a table's rows are spread, beside those of the training rows.

use askama::Template;
use contractive_core::statistics::quantile_of_sorted;

use super::chart::{Chart, Dots, Line};
use super::number::{count, percent, significant};
use crate::axis::{Axis, AxisScale};
use crate::error::FigureError;
use crate::panel::Stroke;
use crate::record::table::TableRecord;

/// Bars of the histogram.
const BINS: usize = 40;
/// The highest rows shown by the curve of the tail, and points of it at most.
const TAIL: f64 = 0.2;
const POINTS: usize = 150;
/// The scores may reach this many times further than the bulk and the threshold before the bars stop there.
const STRETCH: f64 = 1.25;

#[derive(Template)]
#[template(path = "panel/table_scores.html")]
struct ScoresPanel {
    score: &'static str,
    rule: String,
    charts: Vec<String>,
    beyond: String,
    quantiles: Vec<(&'static str, [String; 2])>,
}

pub(super) fn panel(table: &TableRecord) -> Result<String, FigureError> {
    let both = [&table.scores[..], &table.training_scores[..]];
    let (mut charts, mut beyond) = (Vec::new(), String::new());
    if both.iter().all(|scores| !scores.is_empty()) {
        let bars = Bars::new(both, table.threshold);
        charts = vec![bars.chart(table.threshold, ROWS)?, tail(both, table.threshold)?];
        let above = table.scores.iter().filter(|score| **score > bars.high()).count();
        if above > 0 {
            let most = significant(table.scores.last().copied().unwrap_or(0.0), 4);
            beyond = format!("{} beyond the right end of the bars, up to {most}.", count(above, "row"));
        }
    }
    let [now, then] = table.drift.share_above;
    let at = |p: f64| {
        both.map(|scores| if scores.is_empty() { String::new() } else { significant(quantile_of_sorted(scores, p), 4) })
    };
    Ok(ScoresPanel {
        score: table.score,
        rule: table.rule.to_string(),
        charts,
        beyond,
        quantiles: vec![
            ("half are below", at(0.5)),
            ("5 % are above", at(0.95)),
            ("1 % are above", at(0.99)),
            ("highest", at(1.0)),
            ("above the threshold", [percent(now), percent(then)]),
        ],
    }
    .render()?)
}

/// What a chart calls those scored, those in training, and both.
#[derive(Clone, Copy)]
pub(super) struct Called {
    pub(super) these: &'static str,
    pub(super) training: &'static str,
    pub(super) unit: &'static str,
}

const ROWS: Called = Called { these: "these rows", training: "training rows", unit: "rows" };

/// Shares of the rows, and of the training rows, between edges.
pub(super) struct Bars {
    edges: Vec<f64>,
    is_logarithmic: bool,
    shares: [Vec<f64>; 2],
}

impl Bars {
    /// Of ascending scores, at least one each. What lies below the first edge is in the first bar, what lies above the last
    /// in none.
    pub(super) fn new(both: [&[f64]; 2], threshold: f64) -> Self {
        let end = |p: f64| both.map(|scores| quantile_of_sorted(scores, p));
        let low = end(0.001).into_iter().fold(threshold, f64::min);
        let bulk = end(0.99).into_iter().fold(threshold, f64::max);
        let most = end(1.0).into_iter().fold(threshold, f64::max);
        let high = most.min(low + STRETCH * (bulk - low));
        let axis = Axis::of_values(low, high, 5);
        let is_logarithmic = axis.scale == AxisScale::Logarithmic;
        // A range of no width still gets a bar to see.
        let (low, high) = if high > low { (low, high) } else { widened(low) };
        let (from, to) = if is_logarithmic { (low.ln(), high.ln()) } else { (low, high) };
        let place = |i: usize| from + (to - from) * i as f64 / BINS as f64;
        let edges: Vec<f64> = (0..=BINS)
            .map(|i| match (i, is_logarithmic) {
                (0, _) => low,
                (BINS, _) => high,
                (_, true) => place(i).exp(),
                (_, false) => place(i),
            })
            .collect();
        let shares = both.map(|scores| shares_between(scores, &edges));
        Bars { edges, is_logarithmic, shares }
    }

    /// The last edge.
    pub(super) fn high(&self) -> f64 {
        self.edges[BINS]
    }

    pub(super) fn chart(&self, threshold: f64, called: Called) -> Result<String, FigureError> {
        let (low, high) = (self.edges[0], self.high());
        let x = if self.is_logarithmic { Axis::logarithmic(low, high, 5) } else { Axis::linear(low, high, 5) };
        let most = self.shares.iter().flatten().copied().fold(0.0, f64::max);
        let mut y = Axis::linear(0.0, 100.0 * most, 4);
        y.start_at(0.0);
        let mut chart = Chart::new(x, y, "score", &format!("% of {}", called.unit));
        let [these, training] = &self.shares;
        let pairs = self.edges.windows(2).zip(these).filter(|(_, share)| **share > 0.0);
        chart.bars = pairs.map(|(edge, share)| (edge[0], edge[1], 100.0 * share)).collect();
        // Its key alone: bars have none of their own.
        chart.dots = vec![Dots { name: called.these.to_owned(), points: Vec::new(), series: 0 }];
        chart.lines = vec![Line {
            name: called.training.to_owned(),
            positions: self.edges.windows(2).flat_map(|edge| [edge[0], edge[1]]).collect(),
            values: training.iter().flat_map(|share| [100.0 * share; 2]).collect(),
            series: 1,
            stroke: Stroke::Solid,
        }];
        chart.marks = vec![(threshold, "threshold".to_owned())];
        let described = format!(
            "{BINS} bars from {} to {}, with the same of those in training as a line; the threshold is at {}.",
            significant(low, 3),
            significant(high, 3),
            significant(threshold, 4)
        );
        chart.draw("bars-chart", &format!("Scores: histogram over {}", called.unit), &described, None)
    }
}

fn widened(at: f64) -> (f64, f64) {
    let margin = at.abs() * 0.01 + 1e-12;
    (at - margin, at + margin)
}

/// The share of ascending scores up to each edge and above the one before; the first bar takes all that are lower.
fn shares_between(scores: &[f64], edges: &[f64]) -> Vec<f64> {
    let n = scores.len() as f64;
    let up_to = |edge: f64| scores.partition_point(|score| *score <= edge);
    let mut below = 0;
    edges[1..]
        .iter()
        .map(|edge| {
            let before = std::mem::replace(&mut below, up_to(*edge));
            (below - before) as f64 / n
        })
        .collect()
}

/// The share of rows that score at least as high, of the highest rows alone: what a histogram cannot show of a long tail.
fn tail(both: [&[f64]; 2], threshold: f64) -> Result<String, FigureError> {
    let curves = both.map(highest);
    let all = || curves.iter().flatten();
    let (low, high) = super::chart::range(all().map(|point| point.0).chain([threshold]));
    let (least, most) = super::chart::range(all().map(|point| 100.0 * point.1));
    let x = Axis::of_values(low, high, 5);
    let mut chart = Chart::new(x, Axis::of_values(least, most, 4), "score", "% of rows that score higher");
    let looks = [("these rows", 0, Stroke::Solid), ("training rows", 1, Stroke::Dashed)];
    chart.lines = curves
        .iter()
        .zip(looks)
        .map(|(points, (name, series, stroke))| Line {
            name: name.to_owned(),
            positions: points.iter().map(|point| point.0).collect(),
            values: points.iter().map(|point| 100.0 * point.1).collect(),
            series,
            stroke,
        })
        .collect();
    chart.marks = vec![(threshold, "threshold".to_owned())];
    let described = format!(
        "The share of rows above a score, of these rows and of the training rows, up to {}; the threshold is at {}.",
        significant(high, 4),
        significant(threshold, 4)
    );
    chart.draw("tail-chart", "The highest scores: share of rows above", &described, None)
}

/// (score, share of rows at least as high) of the highest rows, few of many, the lowest first.
fn highest(scores: &[f64]) -> Vec<(f64, f64)> {
    let n = scores.len();
    let most = (TAIL * n as f64).ceil().max(1.0);
    let rank = |i: usize| (most.powf(1.0 - i as f64 / POINTS as f64).round() as usize).clamp(1, n);
    let mut ranks: Vec<usize> = (0..=POINTS).map(rank).collect();
    ranks.dedup();
    ranks.into_iter().map(|rank| (scores[n - rank], rank as f64 / n as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_score_up_to_the_end_is_in_one_bar() {
        let mut scores: Vec<f64> = (0..1000).map(|i| f64::from(i) / 250.0 - 1.0).collect();
        scores.push(1e6);
        let bars = Bars::new([&scores, &[0.0, 1.0]], 2.0);
        assert!(bars.high() < 4.0 && !bars.is_logarithmic);
        let sum: f64 = bars.shares[0].iter().sum();
        let up_to = scores.iter().filter(|score| **score <= bars.high()).count();
        assert!((sum - up_to as f64 / 1001.0).abs() < 1e-12);
        assert!((bars.shares[1].iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn scores_over_many_sizes_are_drawn_by_their_logarithms_and_one_score_is_drawn() {
        let wide: Vec<f64> = (0..1000).map(|i| 10.0_f64.powf(f64::from(i) / 250.0)).collect();
        assert!(Bars::new([&wide, &wide], 50.0).is_logarithmic);
        for threshold in [3.0, -1e9, 1e12] {
            for scores in [&[3.0][..], &[0.0], &[-2.0, -2.0], &[1e-300, 1e300]] {
                let bars = Bars::new([scores, scores], threshold);
                assert!(bars.edges.is_sorted(), "{:?}", bars.edges);
                for markup in [bars.chart(threshold, ROWS).unwrap(), tail([scores, scores], threshold).unwrap()] {
                    assert!(!markup.contains("NaN") && !markup.contains("inf"), "{markup}");
                }
            }
        }
    }

    #[test]
    fn the_tail_ends_with_the_highest_row() {
        let scores: Vec<f64> = (0..100_000).map(f64::from).collect();
        let points = highest(&scores);
        assert!(points.len() <= POINTS + 1 && points.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!((points[0], *points.last().unwrap()), ((80_000.0, 0.2), (99_999.0, 1e-5)));
        assert_eq!(highest(&[7.0]), [(7.0, 1.0)]);
    }
}
