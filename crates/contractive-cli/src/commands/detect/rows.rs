//! The rows that `cae detect` writes of a table: keys, score, probability, label and the columns at fault.

use std::collections::HashSet;
use std::io::{self, IsTerminal};
use std::path::Path;

use contractive_anomaly::detector::{FrameScorer, ScoredFrame, Shard};
use contractive_table::{Column, Field, Frame, FrameReader, Kind, Values};

use crate::progress::Reporting;
use crate::work_bar::{Size, WorkBar};

/// The columns of the output.
pub(super) struct Layout<'a> {
    scorer: &'a FrameScorer<'a>,
    pub(super) fields: Vec<Field>,
    explain: usize,
    explain_all: bool,
}

impl<'a> Layout<'a> {
    /// With the first `explain` columns at fault, of anomalies or of all rows.
    pub(super) fn new(
        scorer: &'a FrameScorer<'a>,
        frames: &FrameReader,
        (explain, explain_all): (usize, bool),
    ) -> Self {
        let carried = scorer.carried_names();
        let mut fields: Vec<Field> = frames.fields().iter().filter(|f| carried.contains(&f.name)).cloned().collect();
        let explain = explain.min(scorer.feature_names().len());
        let mut own = vec![
            ("row".to_owned(), Kind::Integer),
            ("score".to_owned(), Kind::Number),
            ("probability".to_owned(), Kind::Number),
            ("label".to_owned(), Kind::Boolean),
        ];
        for i in 1..=explain {
            own.push((format!("feature_{i}"), Kind::Text));
            own.push((format!("share_{i}"), Kind::Number));
        }
        for (mut name, kind) in own {
            while carried.contains(&name) {
                name = format!("cae_{name}");
            }
            fields.push(Field { name, kind });
        }
        Layout { scorer, fields, explain, explain_all }
    }

    /// The output's rows of a piece.
    pub(super) fn frame(&self, piece: &Frame, scored: &ScoredFrame) -> Frame {
        let scores = &scored.scores;
        let n = scores.len();
        let carried: HashSet<&String> = self.scorer.carried_names().iter().collect();
        let mut values: Vec<Values> =
            piece.columns.iter().filter(|c| carried.contains(&c.name)).map(|c| c.values.clone()).collect();
        values.push(Values::Integers((0..n).map(|r| Some((piece.first_row + r as u64) as i64)).collect()));
        values.push(Values::Numbers(scores.score.clone()));
        values.push(Values::Numbers(scores.probability.clone()));
        let label = |r: usize| (!scores.score[r].is_nan()).then_some(scores.label[r]);
        values.push(Values::Booleans((0..n).map(label).collect()));
        let tops: Vec<Vec<(usize, f64)>> = (0..n)
            .map(|r| match self.explain_all || scores.label[r] {
                true => scores.largest_shares(r, self.explain),
                false => Vec::new(),
            })
            .collect();
        let names = self.scorer.feature_names();
        for i in 0..self.explain {
            let name = |top: &Vec<(usize, f64)>| top.get(i).map(|(j, _)| names[*j].clone());
            values.push(Values::Text(tops.iter().map(name).collect()));
            values.push(Values::Numbers(tops.iter().map(|top| top.get(i).map_or(f64::NAN, |t| t.1)).collect()));
        }
        let columns = self.fields.iter().zip(values).map(|(f, values)| Column { name: f.name.clone(), values });
        Frame { first_row: piece.first_row, columns: columns.collect() }
    }
}

/// The rows of a frame that are `kept`. Their numbers in the table are kept in its own column `row`, if it has one.
pub(super) fn filtered(frame: Frame, kept: &[bool]) -> Frame {
    let first_row = frame.first_row;
    let columns = frame.columns.into_iter().map(|c| Column { name: c.name, values: c.values.filtered(kept) });
    Frame { first_row, columns: columns.collect() }
}

/// What is shown of a table of so many rows as it is scored; nothing where its rows go to the terminal.
pub(super) fn bar(data: &Path, rows: Option<u64>, output: Option<&Path>, reporting: Reporting) -> WorkBar {
    if output == Some(Path::new("-")) && io::stdout().is_terminal() {
        return WorkBar::hidden();
    }
    WorkBar::new(reporting, Size::of_table(data, rows), "rows")
}

/// What a page calls a table, or a part of it: the file, without its folders; and where it lies.
pub(super) fn called(data: &Path, shard: Shard) -> (String, String) {
    let is_piped = data == Path::new("-");
    let place = if is_piped { "standard input".to_owned() } else { data.display().to_string() };
    let file = data.file_name().filter(|_| !is_piped);
    let name = file.map_or_else(|| place.clone(), |name| name.to_string_lossy().into_owned());
    let part = if shard == Shard::default() { String::new() } else { format!(", part {shard}") };
    (name + &part, place)
}
