//! What is asked of the windows of a series. What is left open, the series decides.

use super::period::WindowChoice;
use super::spec::{Credit, Gaps, Normalise, SeriesSpec};
use super::table::Series;

/// The windows that are wished for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowWishes {
    /// Rows a window; by default as [`Series::window_choice`] has it.
    pub window: Option<usize>,
    /// Rows from one window's beginning to the next; by default 1.
    pub stride: Option<usize>,
    /// What is taken out of each window.
    pub normalise: Normalise,
    /// What of a window's score each of its rows takes.
    pub credit: Credit,
    /// What windows do where rows are missing; by default as [`Gaps::of`] has it.
    pub gaps: Option<Gaps>,
}

impl Series {
    /// The windows of this series, by the columns that it was read by, and how long they were chosen to be where that was
    /// left open. They are not checked yet.
    pub fn spec(&self, wishes: &WindowWishes) -> (SeriesSpec, Option<WindowChoice>) {
        let choice = wishes.window.is_none().then(|| self.window_choice());
        let columns = self.columns.clone();
        let mut spec = SeriesSpec::new("", self.names.clone());
        (spec.time, spec.series_key) = (columns.time, columns.series_key);
        (spec.missing, spec.text) = (columns.missing, columns.text);
        spec.window = wishes.window.or(choice.map(|choice| choice.window)).unwrap_or(spec.window);
        spec.stride = wishes.stride.unwrap_or(spec.stride);
        (spec.normalise, spec.credit) = (wishes.normalise, wishes.credit);
        spec.gaps = wishes.gaps.unwrap_or_else(|| Gaps::of(&self.pace(self.step()), self.len()));
        (spec, choice)
    }
}
