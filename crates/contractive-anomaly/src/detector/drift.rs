//! How far new rows have moved from those trained on: each column by itself, and the score.
//!
//! | of | distance, from 0 to 1 |
//! |---|---|
//! | a number, the score | the greatest difference between the shares of rows up to a value (Kolmogorov-Smirnov) |
//! | a category | half the sum of the differences between the shares of its values (total variation) |
//!
//! A distance counts as drift where it passes what chance alone makes of it: the level is one in a hundred batches for all
//! columns and the score together. Detectors saved before columns were kept tell the drift of categories and of the score.

use contractive_table::Frame;
use serde::Serialize;

use super::{Detector, ScoredFrame};
use contractive::encoding::distribution::{Counted, Distribution, noise};
use contractive::encoding::{Usual, UsualColumn};

/// Share of batches without drift in which something passes for it.
const LEVEL: f64 = 0.01;

/// What [`DriftMeter::finish`] tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// New rows.
    pub rows: u64,
    /// The greatest distance of the score and of all columns, from 0 to 1.
    pub drift: f64,
    /// Whether any of them is more than chance makes it.
    pub has_drifted: bool,
    /// Share of the new rows above the threshold, and of the training rows.
    pub share_above: [f64; 2],
    /// The score's.
    pub score: Moved,
    /// Each column's, the furthest first.
    pub columns: Vec<Moved>,
}

/// How far one column, or the score, has moved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// The column; `score` for the score.
    pub name: String,
    /// From 0 to 1.
    pub distance: f64,
    /// What chance alone may make of it.
    pub noise: f64,
    /// Whether it is more than that.
    pub has_drifted: bool,
    /// Its middle, in training and now: a number's median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medians: Option<[f64; 2]>,
    /// The value whose share changed most, with its share in training and now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<(String, f64, f64)>,
    /// Share of its cells that are missing now.
    pub missing: f64,
}

impl Drift {
    /// What it means, in a sentence.
    pub fn in_words(&self) -> String {
        let named: Vec<String> =
            self.columns.iter().filter(|c| c.has_drifted).take(3).map(|c| format!("`{}`", c.name)).collect();
        let named = named.join(", ");
        match (self.has_drifted, named.is_empty(), self.score.has_drifted) {
            (false, ..) => "The rows lie as the training rows do, as far as so many can tell.".to_owned(),
            (true, true, _) => {
                "No column has drifted by itself, but the rows score otherwise than the training rows.".to_owned()
            }
            (true, false, true) => {
                format!("The rows have drifted, most in {named}, and score otherwise than the training rows.")
            }
            (true, false, false) => format!("The rows have drifted, most in {named}; their scores have not."),
        }
    }
}

/// Takes in the frames of a table as they are scored, and keeps counts alone.
pub struct DriftMeter<'a> {
    detector: &'a Detector,
    scores: Counted<'a>,
    columns: Vec<Column<'a>>,
    rows: u64,
    above: u64,
}

/// The cells of one column so far.
struct Column<'a> {
    name: &'a str,
    kind: Counts<'a>,
    missing: u64,
}

enum Counts<'a> {
    Numbers(Counted<'a>),
    /// Of each level, and of all others.
    Levels {
        levels: &'a [String],
        shares: &'a [f64],
        counts: Vec<u64>,
    },
}

impl<'a> DriftMeter<'a> {
    /// A meter for tables that `detector` takes.
    pub fn new(detector: &'a Detector) -> Self {
        let usual = detector.encoding().map(|encoding| encoding.usual_columns()).unwrap_or_default();
        let columns = usual.iter().map(|UsualColumn { name, usual }| {
            let kind = match *usual {
                Usual::Numbers(of) => Counts::Numbers(Counted::new(of)),
                Usual::Levels { levels, shares } => Counts::Levels { levels, shares, counts: vec![0; shares.len()] },
            };
            Column { name, kind, missing: 0 }
        });
        let columns = columns.collect();
        let kind = detector.settings().score;
        let reference = Distribution::of_sorted(detector.reference.held_out(kind));
        DriftMeter { detector, scores: Counted::against(reference), columns, rows: 0, above: 0 }
    }

    /// Takes in a frame and what the detector said of it.
    pub fn add(&mut self, frame: &Frame, scored: &ScoredFrame) {
        self.rows += frame.n_rows() as u64;
        self.above += scored.scores.label.iter().filter(|l| **l).count() as u64;
        scored.scores.score.iter().filter(|s| !s.is_nan()).for_each(|s| self.scores.add(*s));
        for column in &mut self.columns {
            if let Some(cells) = frame.columns.iter().find(|c| c.name == column.name) {
                column.add(cells);
            }
        }
    }

    /// What has moved.
    pub fn finish(self) -> Drift {
        let level = LEVEL / (self.columns.len() + 1) as f64;
        let scores = &self.scores;
        let score = moved("score".into(), scores.distance(), scores.noise(level), 0.0)
            .with_medians([scores.of().quantile(0.5), scores.median()]);
        let trained = self.detector.n_training_rows() as u64;
        let mut columns: Vec<Moved> = self.columns.iter().map(|column| column.moved(trained, level)).collect();
        columns.sort_by(|a, b| b.distance.total_cmp(&a.distance).then_with(|| a.name.cmp(&b.name)));
        let all = columns.iter().chain([&score]);
        let (drift, has_drifted) = all.fold((0.0, false), |(greatest, any): (f64, bool), moved| {
            (greatest.max(moved.distance), any || moved.has_drifted)
        });
        Drift {
            rows: self.rows,
            drift,
            has_drifted,
            share_above: [
                self.above as f64 / self.rows.max(1) as f64,
                self.detector.share_above(self.detector.threshold()),
            ],
            score,
            columns,
        }
    }
}

impl Column<'_> {
    fn add(&mut self, cells: &contractive_table::Column) {
        match &mut self.kind {
            Counts::Numbers(counted) => {
                for number in cells.values.to_numbers().unwrap_or_default() {
                    if number.is_nan() { self.missing += 1 } else { counted.add(number) }
                }
            }
            Counts::Levels { levels, counts, .. } => {
                for text in (0..cells.values.len()).map(|i| cells.values.text(i)) {
                    let Some(text) = text else {
                        self.missing += 1;
                        continue;
                    };
                    let level = levels.iter().position(|level| *level == text).unwrap_or(levels.len());
                    counts[level] += 1;
                }
            }
        }
    }

    fn moved(&self, trained: u64, level: f64) -> Moved {
        let name = self.name;
        let of = |n: u64| self.missing as f64 / (n + self.missing).max(1) as f64;
        match &self.kind {
            Counts::Numbers(counted) => {
                let medians = [counted.of().quantile(0.5), counted.median()];
                moved(name.to_owned(), counted.distance(), counted.noise(level), of(counted.n())).with_medians(medians)
            }
            Counts::Levels { levels, shares, counts } => {
                let n: u64 = counts.iter().sum();
                let now: Vec<f64> = counts.iter().map(|c| *c as f64 / n.max(1) as f64).collect();
                let change = |i: &usize| (now[*i] - shares[*i]).abs();
                let distance = if n == 0 { 0.0 } else { (0..now.len()).map(|i| change(&i)).sum::<f64>() / 2.0 };
                // As many values, as many ways to differ: the bound of one share, over all sets of them.
                let sets = 2.0_f64.powi(counts.len().min(60) as i32);
                let mut moved = moved(name.to_owned(), distance, noise(n, trained, level / sets), of(n));
                moved.level = (0..now.len()).max_by(|a, b| change(a).total_cmp(&change(b))).map(|i| {
                    let name = levels.get(i).cloned().unwrap_or_else(|| "(other)".into());
                    (name, shares[i], now[i])
                });
                moved
            }
        }
    }
}

fn moved(name: String, distance: f64, noise: f64, missing: f64) -> Moved {
    Moved { name, distance, noise, has_drifted: distance > noise, medians: None, level: None, missing }
}

impl Moved {
    fn with_medians(self, medians: [f64; 2]) -> Self {
        Moved { medians: Some(medians), ..self }
    }
}
