//! Labels of rows as files have them, and which of them are anomalies.
//!
//! | label | without a named label of anomalies |
//! |---|---|
//! | `1`, `1.0`, `true`, `yes` | an anomaly |
//! | `0`, `0.0`, `false`, `no` | none |
//!
//! Words count in capitals or not. A named label is compared as text, then as a number or truth value: `1` names `1.0` and
//! `True` too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use contractive_table::{Place, TextOptions};
use thiserror::Error;

/// Labels that an error lists.
const SHOWN: usize = 8;
/// Labels that are kept for an error.
const KEPT: usize = 64;

/// Why labels do not say which rows are anomalies.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LabelError {
    /// A label that is neither 0 nor 1, and none is named.
    #[error(
        "{} {place}, {column}: where no label of anomalies is named, labels must be 0 and 1 (1 for anomalies), got \
         {got}{}", path.display(), those(seen)
    )]
    Unclear {
        /// The file.
        path: PathBuf,
        /// The row.
        place: Place,
        /// The column or array, in words.
        column: String,
        /// The label, quoted, or that there is none.
        got: String,
        /// Labels of the file.
        seen: Vec<String>,
    },
    /// A named label that no row has.
    #[error("{}, {column}: no row has the label `{wanted}`{}", path.display(), those(seen))]
    Absent {
        /// The file.
        path: PathBuf,
        /// The column or array, in words.
        column: String,
        /// The label named.
        wanted: String,
        /// Labels of the file.
        seen: Vec<String>,
    },
    /// Data without labels.
    #[error("{what} has no labels")]
    Nothing {
        /// The data.
        what: String,
    },
}

fn those(seen: &[String]) -> String {
    let more = if seen.len() > SHOWN { ", …" } else { "" };
    match seen {
        [] => String::new(),
        some => format!("; the labels are {}{more}", some[..some.len().min(SHOWN)].join(", ")),
    }
}

/// 0 and 1 as people write them.
fn truth(label: &str) -> Option<bool> {
    let is = |words: [&str; 2]| words.iter().any(|word| label.eq_ignore_ascii_case(word));
    match label.parse::<f64>() {
        Ok(0.0) => Some(false),
        Ok(1.0) => Some(true),
        _ if is(["false", "no"]) => Some(false),
        _ if is(["true", "yes"]) => Some(true),
        _ => None,
    }
}

/// Whether two labels mean the same.
fn is_same(a: &str, b: &str) -> bool {
    let numbers = || a.parse::<f64>().ok().zip(b.parse::<f64>().ok()).is_some_and(|(a, b)| a == b);
    a == b || numbers() || truth(a).is_some_and(|a| truth(b) == Some(a))
}

/// Goes through the labels of a file, and says which are anomalies.
#[derive(Debug, Clone)]
pub struct Judge {
    path: PathBuf,
    column: String,
    anomaly: Option<String>,
    may_be_missing: bool,
    text: TextOptions,
    seen: BTreeSet<String>,
    has_met: bool,
    rows: u64,
}

impl Judge {
    /// For the file `path`, whose labels stand in `column`, such as "column `odd`". `anomaly` is the label of anomalies;
    /// by default 1 is. Rows without a label are no anomalies where `may_be_missing`, or where a label is named; else
    /// they are an error. `text` is how the file is read where it is a text table.
    pub fn new(
        path: impl AsRef<Path>,
        column: impl Into<String>,
        anomaly: Option<&str>,
        may_be_missing: bool,
        text: TextOptions,
    ) -> Judge {
        Judge {
            path: path.as_ref().to_path_buf(),
            column: column.into(),
            anomaly: anomaly.map(|label| label.trim().to_owned()),
            may_be_missing,
            text,
            seen: BTreeSet::new(),
            has_met: false,
            rows: 0,
        }
    }

    /// Which of the next rows are anomalies.
    ///
    /// # Errors
    /// [`LabelError::Unclear`].
    pub fn judge(&mut self, labels: &[Option<String>]) -> Result<Vec<bool>, LabelError> {
        let texts = || labels.iter().map(|label| label.as_deref().map(str::trim).filter(|text| !text.is_empty()));
        for text in texts().flatten() {
            if self.seen.len() < KEPT && !self.seen.contains(text) {
                self.seen.insert(text.to_owned());
            }
        }
        let anomalies: Vec<bool> =
            texts().enumerate().map(|(i, text)| self.is_anomaly(i, text)).collect::<Result<_, _>>()?;
        self.rows += labels.len() as u64;
        self.has_met |= anomalies.contains(&true);
        Ok(anomalies)
    }

    fn is_anomaly(&self, i: usize, text: Option<&str>) -> Result<bool, LabelError> {
        match (text, &self.anomaly) {
            (Some(text), Some(anomaly)) => return Ok(is_same(text, anomaly)),
            (Some(text), None) => {
                if let Some(truth) = truth(text) {
                    return Ok(truth);
                }
            }
            (None, anomaly) if anomaly.is_some() || self.may_be_missing => return Ok(false),
            (None, _) => {}
        }
        Err(LabelError::Unclear {
            path: self.path.clone(),
            place: Place::of_row_in(&self.path, self.rows + i as u64, &self.text),
            column: self.column.clone(),
            got: text.map_or_else(|| "an empty cell".into(), |text| format!("`{text}`")),
            seen: self.seen(),
        })
    }

    /// Ends the labels.
    ///
    /// # Errors
    /// [`LabelError::Absent`] where a label was named and no row has it.
    pub fn finish(self) -> Result<(), LabelError> {
        let seen = self.seen();
        match self.anomaly {
            Some(wanted) if !self.has_met => {
                Err(LabelError::Absent { path: self.path, column: self.column, wanted, seen })
            }
            _ => Ok(()),
        }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(labels: &[&str], anomaly: Option<&str>) -> Result<Vec<bool>, LabelError> {
        let labels: Vec<Option<String>> = labels.iter().map(|label| Some((*label).to_owned())).collect();
        let mut judge = Judge::new("t.parquet", "column `y`", anomaly, false, TextOptions::default());
        let anomalies = judge.judge(&labels)?;
        judge.finish().map(|()| anomalies)
    }

    #[test]
    fn zero_and_one_are_written_in_many_ways() {
        let ones = ["1", "1.0", "true", "True", "TRUE", "yes", " 1 "];
        assert_eq!(judged(&ones, None).unwrap(), [true; 7]);
        assert_eq!(judged(&["0", "0.0", "-0", "False", "no", "0e0"], None).unwrap(), [false; 6]);
        assert_eq!(judged(&["1.0", "0.0", "True"], Some("1")).unwrap(), [true, false, true]);
        assert_eq!(judged(&["-1", "1", "-1.0"], Some("-1")).unwrap(), [true, false, true]);
        assert_eq!(judged(&["fine", "broken", ""], Some("broken")).unwrap(), [false, true, false]);
    }

    #[test]
    fn an_unclear_label_is_named_by_its_line_in_a_table_told_to_have_a_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, "1,2\n0,7\n").unwrap();
        let text = TextOptions { header: Some(true), ..TextOptions::default() };
        let error = Judge::new(&path, "column `2`", None, false, text).judge(&[Some("7".into())]).unwrap_err();
        assert!(matches!(error, LabelError::Unclear { place: Place::Line(2), .. }), "{error}");
    }

    #[test]
    fn unclear_and_absent_labels_are_named() {
        let error = judged(&["1", "2"], None).unwrap_err().to_string();
        assert!(error.contains("row 1") && error.contains("`2`") && error.contains("labels are 1, 2"), "{error}");
        let error = judged(&["", "1"], None).unwrap_err().to_string();
        assert!(error.contains("an empty cell"), "{error}");
        let error = judged(&["fine", "odd"], Some("od")).unwrap_err().to_string();
        assert!(error.contains("no row has the label `od`; the labels are fine, odd"), "{error}");
    }
}
