//! The timestamps of a series with their scores, as a table and as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use contractive_anomaly::series::{FlaggedRange, Series, SeriesDetector, SeriesScores};
use contractive_table::{Column, Frame, Values};
use serde::Serialize;

/// A timestamp with its score.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<&'a str>,
    /// The row of its file, from 1.
    pub(super) row: u64,
    /// What tells its series apart.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) series: BTreeMap<&'a str, &'a str>,
    /// Left out where rows are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timestamp: Option<&'a str>,
    /// Columns carried.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) keys: BTreeMap<&'a str, Option<String>>,
    pub(super) score: f64,
    pub(super) probability: f64,
    pub(super) label: bool,
    /// The columns at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) columns: Vec<Share<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_final: Option<bool>,
}

/// A value column and its share in a score.
#[derive(Serialize)]
pub(super) struct Share<'a> {
    pub(super) name: &'a str,
    pub(super) share: f64,
}

/// The shares of columns, by their names.
pub(super) fn named<'a>(names: &'a [String], shares: impl IntoIterator<Item = (usize, f64)>) -> Vec<Share<'a>> {
    shares.into_iter().map(|(j, share)| Share { name: &names[j], share }).collect()
}

/// Flagged timestamps that follow each other.
#[derive(Serialize)]
pub(super) struct RangeLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    series: BTreeMap<&'a str, &'a str>,
    start: &'a str,
    end: &'a str,
    /// Where the score is highest.
    peak: &'a str,
    timestamps: usize,
    score: f64,
    probability: f64,
    columns: Vec<Share<'a>>,
}

/// What of a series is written, and its scores.
pub(super) struct SeriesRows<'a> {
    pub(super) detector: &'a SeriesDetector,
    pub(super) series: &'a Series,
    pub(super) scores: &'a SeriesScores,
    /// How many columns to name for a timestamp.
    pub(super) explain: usize,
    /// Whether for every timestamp, not for anomalies alone.
    pub(super) explain_all: bool,
    pub(super) anomalies_only: bool,
}

impl<'a> SeriesRows<'a> {
    /// The place of each row's series.
    fn track_of(&self) -> Vec<usize> {
        let mut places = vec![0; self.series.len()];
        for (i, track) in self.series.tracks.iter().enumerate() {
            track.rows.iter().for_each(|row| places[*row] = i);
        }
        places
    }

    /// The rows written, in the order of the file.
    fn rows(&self) -> Vec<usize> {
        (0..self.series.len()).filter(|row| !self.anomalies_only || self.scores.label[*row]).collect()
    }

    fn file(&self, row: usize) -> Option<&'a str> {
        (self.series.files.len() > 1).then(|| self.series.file_of(row).0)
    }

    fn keys_of(&self, track: usize) -> BTreeMap<&'a str, &'a str> {
        let names = self.series.key_names.iter().map(String::as_str);
        names.zip(self.series.tracks[track].key.iter().map(String::as_str)).collect()
    }

    /// The columns named for a timestamp.
    fn shares(&self, row: usize) -> Vec<(usize, f64)> {
        if self.explain == 0 || !(self.explain_all || self.scores.label[row]) {
            return Vec::new();
        }
        let mut shares = self.scores.shares(&[row]);
        shares.truncate(self.explain);
        shares
    }

    /// Prints one object a timestamp.
    pub(super) fn print_lines(&self) -> anyhow::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let (series, scores) = (self.series, self.scores);
        let track_of = self.track_of();
        for row in self.rows() {
            let line = Line {
                file: self.file(row),
                row: series.file_of(row).1 as u64 + 1,
                series: self.keys_of(track_of[row]),
                timestamp: self.detector.spec().time.as_ref().map(|_| series.stamps[row].as_str()),
                keys: series.carried.iter().map(|c| (c.name.as_str(), c.values.text(row))).collect(),
                score: scores.score[row],
                probability: scores.probability[row],
                label: scores.label[row],
                columns: named(&series.names, self.shares(row)),
                is_final: None,
            };
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
        }
        Ok(out.flush()?)
    }

    /// A range, for JSON.
    pub(super) fn range_line(&self, range: &FlaggedRange) -> RangeLine<'a> {
        let stamp = |row: usize| self.series.stamps[row].as_str();
        RangeLine {
            file: self.file(range.first),
            series: self.keys_of(range.track),
            start: stamp(range.first),
            end: stamp(range.last),
            peak: stamp(range.peak),
            timestamps: range.timestamps,
            score: range.score,
            probability: self.scores.probability[range.peak],
            columns: named(&self.series.names, range.columns.iter().copied()),
        }
    }

    /// The series with their scores, as a table in the order of the file.
    pub(super) fn frame(&self) -> Frame {
        let (series, scores) = (self.series, self.scores);
        let rows = self.rows();
        let v = series.names.len();
        let track_of = self.track_of();
        let mut columns = Vec::new();
        if series.files.len() > 1 {
            let files = rows.iter().map(|row| self.file(*row).map(str::to_owned));
            columns.push(("file".to_owned(), Values::Text(files.collect())));
        }
        for (j, name) in series.key_names.iter().enumerate() {
            let keys = rows.iter().map(|row| Some(series.tracks[track_of[*row]].key[j].clone()));
            columns.push((name.clone(), Values::Text(keys.collect())));
        }
        columns.extend(series.carried.iter().map(|c| (c.name.clone(), c.values.picked(&rows))));
        let time = Values::Text(rows.iter().map(|row| Some(series.stamps[*row].clone())).collect());
        columns.push((first_column(self.detector).to_owned(), time));
        for (j, name) in series.names.iter().enumerate() {
            let values = rows.iter().map(|row| series.values[row * v + j]);
            columns.push((name.clone(), Values::Numbers(values.collect())));
        }
        let label = |row: &usize| (!scores.score[*row].is_nan()).then_some(scores.label[*row]);
        let numbers = |all: &[f64]| Values::Numbers(rows.iter().map(|row| all[*row]).collect());
        let mut own = vec![
            ("score".to_owned(), numbers(&scores.score)),
            ("probability".to_owned(), numbers(&scores.probability)),
            ("label".to_owned(), Values::Booleans(rows.iter().map(label).collect())),
        ];
        own.extend(self.columns_at_fault(&rows));
        for (name, values) in own {
            // A column of the series that has the name already keeps it.
            let is_taken = |name: &str| columns.iter().any(|(taken, _)| taken == name);
            let name = std::iter::successors(Some(name), |name| Some(format!("cae_{name}")));
            columns.extend(name.into_iter().find(|name| !is_taken(name)).map(|name| (name, values)));
        }
        let columns = columns.into_iter().map(|(name, values)| Column { name, values });
        Frame { first_row: 0, columns: columns.collect() }
    }

    /// The columns `feature_1`, `share_1` and so on.
    fn columns_at_fault(&self, rows: &[usize]) -> Vec<(String, Values)> {
        let shares: Vec<Vec<(usize, f64)>> = rows.iter().map(|row| self.shares(*row)).collect();
        let mut columns = Vec::new();
        for k in 0..self.explain {
            let name = |shares: &Vec<(usize, f64)>| shares.get(k).map(|(j, _)| self.series.names[*j].clone());
            let share = |shares: &Vec<(usize, f64)>| shares.get(k).map_or(f64::NAN, |(_, share)| *share);
            columns.push((format!("feature_{}", k + 1), Values::Text(shares.iter().map(name).collect())));
            columns.push((format!("share_{}", k + 1), Values::Numbers(shares.iter().map(share).collect())));
        }
        columns
    }
}

/// The name of the column that says which row it is.
pub(super) fn first_column(detector: &SeriesDetector) -> &str {
    let spec = detector.spec();
    let is_taken = spec.values.iter().chain(&spec.series_key).any(|name| name == "row");
    spec.time.as_deref().unwrap_or(if is_taken { "cae_row" } else { "row" })
}
