//! What a report says of the rows of a table that a detector has scored, gathered as the rows go by.

use std::collections::HashMap;

use contractive_anomaly::detector::{
    Detector, Drift, DriftMeter, FrameScorer, ScoredFrame, Scores, ThresholdRule, UsualCells,
};
use contractive_table::{Column, Frame};

/// Most rows that are kept whole, and most columns named for each.
const MOST_ROWS: usize = 25;
const MOST_CAUSES: usize = 3;
/// Most keys shown for a row, and most letters of a cell.
const MOST_KEYS: usize = 6;
const MOST_LETTERS: usize = 60;

/// A table scored, as plain numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRecord {
    /// What the table is called, its file without folders; which part of its rows, where not all.
    pub name: String,
    /// Where it lies.
    pub place: String,
    /// What should be known of how it was understood.
    pub notes: Vec<String>,
    /// What the detector was trained on, and how many rows of it.
    pub trained_on: (String, usize),
    /// The kind of score in force, and its threshold by its rule.
    pub score: &'static str,
    /// The threshold.
    pub threshold: f64,
    /// Its rule.
    pub rule: ThresholdRule,
    /// The scores of all rows that have one, ascending.
    pub scores: Vec<f64>,
    /// The scores of the training rows, ascending, or as many quantiles of them.
    pub training_scores: Vec<f64>,
    /// Rows above the threshold.
    pub anomalies: usize,
    /// Rows without any cell, which have no score.
    pub without_score: usize,
    /// Names of the key columns shown with each row.
    pub keys: Vec<String>,
    /// The rows with the highest scores, the highest first.
    pub highest: Vec<HighRow>,
    /// The columns that make up most of the score of an anomaly, the most often first.
    pub faults: Vec<FaultyColumn>,
    /// Columns that are learnt from, and of how many of them the detector knows what is usual.
    pub known_columns: [usize; 2],
    /// How far the rows have moved from the training rows.
    pub drift: Drift,
}

/// A row with a high score.
#[derive(Debug, Clone, PartialEq)]
pub struct HighRow {
    /// Its number in the table, from 0.
    pub row: u64,
    /// Its keys.
    pub keys: Vec<String>,
    /// Its score.
    pub score: f64,
    /// The share of the reference rows that score lower.
    pub probability: f64,
    /// Whether it is above the threshold.
    pub is_anomaly: bool,
    /// The columns that make up most of the score, the largest part first.
    pub causes: Vec<Cause>,
}

/// A column at fault for a row's score.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// The column.
    pub column: String,
    /// Its share of the parts of the score above 0.
    pub share: f64,
    /// Its cell in this row; `None` where it is missing.
    pub cell: Option<String>,
    /// What its cells were in training, where the detector knows.
    pub usual: Option<UsualCells>,
}

/// A column at fault for anomalies.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultyColumn {
    /// The column.
    pub name: String,
    /// Anomalies of which it makes up the largest part of the score.
    pub first: usize,
    /// Its share of the parts above 0, the mean over all anomalies.
    pub share: f64,
}

/// Takes in the frames of a table as they are scored, and keeps of them what a page shows: the scores, the highest rows,
/// and counts.
pub struct TableMeter<'a> {
    detector: &'a Detector,
    columns: Vec<String>,
    carried: Vec<String>,
    usual: HashMap<&'a str, UsualCells>,
    drift: DriftMeter<'a>,
    /// Of all rows so far that have one.
    scores: Vec<f64>,
    highest: Vec<HighRow>,
    anomalies: usize,
    without_score: usize,
    first: Vec<usize>,
    shares: Vec<f64>,
}

impl<'a> TableMeter<'a> {
    /// For the rows that `scorer` scores by `detector`.
    pub fn new(detector: &'a Detector, scorer: &FrameScorer<'_>) -> Self {
        let columns = scorer.feature_names().to_vec();
        let usual = detector.encoding().map(|encoding| encoding.usual_cells()).unwrap_or_default();
        TableMeter {
            detector,
            first: vec![0; columns.len()],
            shares: vec![0.0; columns.len()],
            columns,
            carried: scorer.carried_names().to_vec(),
            usual: usual.into_iter().collect(),
            drift: DriftMeter::new(detector),
            scores: Vec::new(),
            highest: Vec::new(),
            anomalies: 0,
            without_score: 0,
        }
    }

    /// Of which rows of the next frame contributions are wanted: of anomalies, and of those that come among the highest.
    pub fn wanted(&self, scores: &Scores) -> Vec<bool> {
        let mut wanted = scores.label.clone();
        self.high(scores).into_iter().for_each(|r| wanted[r] = true);
        wanted
    }

    /// Rows of a frame that come among the highest, the highest first.
    fn high(&self, scores: &Scores) -> Vec<usize> {
        let full = self.highest.len() == MOST_ROWS;
        let least = self.highest.last().filter(|_| full).map_or(f64::NEG_INFINITY, |row| row.score);
        let mut high: Vec<usize> = (0..scores.len()).filter(|r| scores.score[*r] > least).collect();
        high.sort_by(|a, b| scores.score[*b].total_cmp(&scores.score[*a]));
        high.truncate(MOST_ROWS);
        high
    }

    /// Takes in a frame and what the detector said of it, with the contributions that [`TableMeter::wanted`] asks for.
    pub fn add(&mut self, frame: &Frame, scored: &ScoredFrame) {
        let scores = &scored.scores;
        self.drift.add(frame, scored);
        self.scores.extend(scores.score.iter().filter(|score| !score.is_nan()));
        self.without_score += scores.score.iter().filter(|score| score.is_nan()).count();
        for r in (0..scores.len()).filter(|r| scores.label[*r]) {
            self.anomalies += 1;
            for (place, (j, share)) in scores.largest_shares(r, usize::MAX).into_iter().enumerate() {
                self.first[j] += usize::from(place == 0);
                self.shares[j] += share;
            }
        }
        let high: Vec<HighRow> = self.high(scores).into_iter().map(|r| self.row(frame, scores, r)).collect();
        self.highest.extend(high);
        // Stable: of rows that tie the first ones stay.
        self.highest.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.highest.truncate(MOST_ROWS);
    }

    fn row(&self, frame: &Frame, scores: &Scores, r: usize) -> HighRow {
        let keys = self.carried.iter().take(MOST_KEYS);
        let cell = |column: Option<&Column>| {
            column.and_then(|column| column.values.text(r)).map(|text| cut(&text, MOST_LETTERS))
        };
        let cause = |(j, share): (usize, f64)| {
            let column = &self.columns[j];
            let usual = self.usual.get(column.as_str()).cloned();
            Cause { column: column.clone(), share, cell: cell(self.column(frame, j)), usual }
        };
        HighRow {
            row: frame.first_row + r as u64,
            keys: keys.map(|name| cell(named(frame, name)).unwrap_or_default()).collect(),
            score: scores.score[r],
            probability: scores.probability[r],
            is_anomaly: scores.label[r],
            causes: scores.largest_shares(r, MOST_CAUSES).into_iter().map(cause).collect(),
        }
    }

    /// The column that feature `j` comes from: by its name, and in a table without names by its place.
    fn column<'f>(&self, frame: &'f Frame, j: usize) -> Option<&'f Column> {
        let by_place = || frame.columns.iter().filter(|column| !self.carried.contains(&column.name)).nth(j);
        named(frame, &self.columns[j]).or_else(|| by_place().filter(|_| self.detector.encoding().is_none()))
    }

    /// What the page says of the table `name`, which lies at `place`.
    pub fn finish(self, name: String, place: String, notes: Vec<String>) -> TableRecord {
        let detector = self.detector;
        let mut scores = self.scores;
        scores.sort_unstable_by(f64::total_cmp);
        let fault = |((name, first), share): ((String, usize), f64)| FaultyColumn {
            name,
            first,
            share: share / self.anomalies.max(1) as f64,
        };
        let known = [self.columns.len(), self.usual.len()];
        let mut faults: Vec<FaultyColumn> =
            self.columns.into_iter().zip(self.first).zip(self.shares).map(fault).filter(|c| c.share > 0.0).collect();
        faults
            .sort_by(|a, b| b.first.cmp(&a.first).then(b.share.total_cmp(&a.share)).then_with(|| a.name.cmp(&b.name)));
        TableRecord {
            name,
            place,
            notes,
            trained_on: (detector.first_model().provenance().data.clone(), detector.n_training_rows()),
            score: detector.settings().score.name(),
            threshold: detector.threshold(),
            rule: detector.settings().threshold,
            scores,
            training_scores: detector.training_scores().to_vec(),
            anomalies: self.anomalies,
            without_score: self.without_score,
            keys: self.carried.into_iter().take(MOST_KEYS).collect(),
            highest: self.highest,
            faults,
            known_columns: known,
            drift: self.drift.finish(),
        }
    }
}

fn named<'f>(frame: &'f Frame, name: &str) -> Option<&'f Column> {
    frame.columns.iter().find(|column| column.name == name)
}

/// The first letters of a text, `most` of them.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}
