//! What of a table is a time series, and how it is cut into windows.

use std::fmt;

use contractive_table::TextOptions;
use serde::{Deserialize, Serialize};

use super::error::SeriesError;

/// Longest window.
const LONGEST_WINDOW: usize = 100_000;
/// Most numbers of a window, over all its value columns.
const MOST_NUMBERS: usize = 1 << 20;

/// A time series in a table, and its windows. Stored with the detector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesSpec {
    /// The column of timestamps; `None` where rows are counted instead.
    pub time: Option<String>,
    /// The columns that tell several series of one file apart; none where there is one series. Windows never cross from
    /// one series to the next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series_key: Vec<String>,
    /// The columns of values, at least one.
    pub values: Vec<String>,
    /// Rows a window W, at least 2. Default 32.
    pub window: usize,
    /// Rows from one window's beginning to the next, from 1 to W. Default 1.
    pub stride: usize,
    /// What is taken out of each window.
    pub normalise: Normalise,
    /// What stands in for a missing value.
    pub missing: Missing,
    /// What of a window's score each of its rows takes. Detectors saved before there was a choice took parts.
    #[serde(default = "parts")]
    pub credit: Credit,
    /// What windows do where rows are missing. Detectors saved before there was a choice took rows as they came.
    #[serde(default = "span")]
    pub gaps: Gaps,
    /// How the training table was told to be spelled.
    #[serde(default, skip_serializing_if = "TextOptions::is_default")]
    pub text: TextOptions,
}

fn parts() -> Credit {
    Credit::Part
}

fn span() -> Gaps {
    Gaps::Span
}

/// What of a window's score each of its rows takes; the score of a timestamp is the mean over the windows that cover it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credit {
    /// The whole score: a row is as odd as the windows around it: what lasts, or is odd as a whole, stands out.
    Window,
    /// The row's own part in it, times the window's rows: a spike stands out at its own row,
    /// not over a window before and after it.
    Part,
    /// Four fifths of the whole score and a fifth of its own part: what lasts stands out, and what is over at once too.
    #[default]
    Both,
}

impl Credit {
    /// All, in the order of their documentation.
    pub const ALL: [Credit; 3] = [Credit::Window, Credit::Part, Credit::Both];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Credit::Window => "window",
            Credit::Part => "part",
            Credit::Both => "both",
        }
    }
}

/// What is taken out of each window, each value column by itself, before the networks see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalise {
    /// Nothing: level and shape both count.
    #[default]
    None,
    /// The window's mean: the shape and its size count, the level does not.
    Mean,
    /// The window's mean, and then its standard deviation divides: the shape alone counts. A window flatter than a
    /// hundredth of the training series' standard deviation is divided by that hundredth, so that rounding noise is not
    /// blown up.
    Standard,
}

/// What stands in for a missing value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Nothing: a missing value is an error with its row and column.
    #[default]
    Refuse,
    /// The value of the row above; the first row must be whole.
    Previous,
}

/// What windows do where rows are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gaps {
    /// They are of rows, whatever the time between them.
    Span,
    /// They do not reach over a gap.
    #[default]
    Part,
}

impl Gaps {
    /// All, in the order of their documentation.
    pub const ALL: [Gaps; 2] = [Gaps::Span, Gaps::Part];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Gaps::Span => "span",
            Gaps::Part => "part",
        }
    }
}

impl Normalise {
    /// All, in the order of their documentation.
    pub const ALL: [Normalise; 3] = [Normalise::None, Normalise::Mean, Normalise::Standard];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Normalise::None => "none",
            Normalise::Mean => "mean",
            Normalise::Standard => "standard",
        }
    }
}

impl fmt::Display for Normalise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl SeriesSpec {
    /// Windows of 32 rows, one from every row, as they are.
    pub fn new(time: impl Into<String>, values: Vec<String>) -> Self {
        SeriesSpec {
            time: Some(time.into()),
            series_key: Vec::new(),
            values,
            window: 32,
            stride: 1,
            normalise: Normalise::None,
            missing: Missing::Refuse,
            credit: Credit::default(),
            gaps: Gaps::default(),
            text: TextOptions::default(),
        }
    }

    /// Numbers of a window: rows times value columns.
    pub fn n_features(&self) -> usize {
        self.window.saturating_mul(self.values.len())
    }

    /// Names of a window's numbers: `load[t-31]`, …, `load[t]`, all columns of the oldest row first.
    pub fn feature_names(&self) -> Vec<String> {
        let name = |back: usize, value: &str| match back {
            0 => format!("{value}[t]"),
            back => format!("{value}[t-{back}]"),
        };
        (0..self.window).rev().flat_map(|back| self.values.iter().map(move |value| name(back, value))).collect()
    }

    /// Refuses settings outside their range.
    ///
    /// # Errors
    /// [`SeriesError::Setting`].
    pub fn check(&self) -> Result<(), SeriesError> {
        let setting = |name, must_be: String, got: String, is_right: bool| {
            if is_right { Ok(()) } else { Err(SeriesError::Setting { name, must_be, got }) }
        };
        let (window, stride) = (self.window, self.stride);
        setting(
            "window",
            format!("from 2 to {LONGEST_WINDOW} rows"),
            window.to_string(),
            (2..=LONGEST_WINDOW).contains(&window),
        )?;
        let must_be = format!("from 1 to the window's {window} rows, so that every timestamp is in a window");
        setting("stride", must_be, stride.to_string(), (1..=window).contains(&stride))?;
        setting("value columns", "at least one".into(), "none".into(), !self.values.is_empty())?;
        let mut names = std::collections::HashSet::new();
        let twice =
            self.values.iter().chain(&self.time).chain(&self.series_key).find(|name| !names.insert(name.as_str()));
        setting("columns", "different".into(), format!("`{}` twice", twice.map_or("", |n| n)), twice.is_none())?;
        let n = self.n_features();
        setting("window", format!("at most {MOST_NUMBERS} numbers in all columns"), n.to_string(), n <= MOST_NUMBERS)
    }

    /// The first row of every window of a series of `n` rows, ascending: every `stride` rows, and where those do not
    /// reach the end, one more that does. Empty where `n` is less than the window.
    pub fn starts(&self, n: usize) -> Vec<usize> {
        let Some(last) = n.checked_sub(self.window) else { return Vec::new() };
        let mut starts: Vec<usize> = (0..=last).step_by(self.stride).collect();
        if starts.last() != Some(&last) {
            starts.push(last);
        }
        starts
    }
}
