//! How far work of a known size has come: networks trained, rows scored. A bar on a terminal, else a line now and then.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use contractive_table::Format;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::numbers::{duration, grouped};
use crate::progress::Reporting;
use crate::terminal::say;

/// Between two moves of the bar's clock.
const TICK: Duration = Duration::from_millis(200);
/// Between two lines where there is no terminal, and before the first: short work says nothing.
const LINE: Duration = Duration::from_secs(30);
/// Bytes of a text table from which its rows are estimated.
const SAMPLE: u64 = 1 << 20;

/// How much there is to do, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Size {
    /// So much.
    Known(u64),
    /// About so much.
    About(u64),
    /// Nobody knows.
    Unknown,
}

impl Size {
    /// Of the rows of a table: what the file says, else an estimate from the first lines of a text.
    pub(crate) fn of_table(path: &Path, said: Option<u64>) -> Size {
        said.map(Size::Known).or_else(|| lines(path).map(Size::About)).unwrap_or(Size::Unknown)
    }

    fn number(self) -> Option<u64> {
        match self {
            Size::Known(n) | Size::About(n) => Some(n),
            Size::Unknown => None,
        }
    }
}

/// About how many lines a text has below its first: by its size, and that of its first lines.
fn lines(path: &Path) -> Option<u64> {
    let is_packed = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gz"));
    if is_packed || Format::of(path) != Some(Format::Csv) {
        return None;
    }
    let file = File::open(path).ok()?;
    let size = file.metadata().ok().filter(|of| of.is_file())?.len();
    let mut first = Vec::new();
    file.take(SAMPLE).read_to_end(&mut first).ok()?;
    let ends = first.iter().filter(|byte| **byte == b'\n').count() as u64;
    let lines = (size as f64 / first.len().max(1) as f64 * ends as f64).round() as u64;
    Some(lines.saturating_sub(1)).filter(|n| *n > 0)
}

/// What is shown of the work.
pub(crate) struct WorkBar {
    bar: Option<ProgressBar>,
    /// When the last line was written, where lines are.
    said: Option<Mutex<Instant>>,
    began: Instant,
    size: Size,
    unit: &'static str,
}

impl WorkBar {
    /// Begins. Nothing is shown with --quiet or --json.
    pub(crate) fn new(reporting: Reporting, size: Size, unit: &'static str) -> Self {
        let began = Instant::now();
        let is_shown = reporting == Reporting::Lines;
        let is_terminal = io::stderr().is_terminal();
        let said = (is_shown && !is_terminal).then(|| Mutex::new(began));
        WorkBar { bar: (is_shown && is_terminal).then(|| bar(size)), said, began, size, unit }
    }

    /// Shows nothing at all.
    pub(crate) fn hidden() -> Self {
        WorkBar::new(Reporting::Quiet, Size::Unknown, "")
    }

    /// Without lines where there is no terminal, for work that has lines of its own.
    pub(crate) fn without_lines(mut self) -> Self {
        self.said = None;
        self
    }

    /// Moves to so much done.
    pub(crate) fn show(&self, done: u64) {
        let words = || in_words(done, self.size, self.unit, self.began.elapsed().as_secs_f64());
        if let Some(bar) = &self.bar {
            bar.set_length(self.size.number().unwrap_or(0).max(done));
            bar.set_position(done);
            bar.set_message(words());
        }
        if let Some(mut said) = self.said.as_ref().and_then(|said| said.lock().ok())
            && said.elapsed() >= LINE
        {
            *said = Instant::now();
            say(words());
        }
    }

    /// Moves on by one; returns the time left in seconds, where it is known.
    pub(crate) fn next(&self, done: u64) -> Option<f64> {
        self.show(done);
        left(done, self.size, self.began.elapsed().as_secs_f64())
    }

    /// Writes a line beside the bar.
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }
}

impl Drop for WorkBar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar(size: Size) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(size.number(), ProgressDrawTarget::stderr());
    let template = if size == Size::Unknown { "{spinner} {wide_msg}" } else { "{bar:20}  {wide_msg}" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.enable_steady_tick(TICK);
    bar
}

/// Seconds left, where some of a known size is done.
fn left(done: u64, size: Size, seconds: f64) -> Option<f64> {
    let all = size.number()?;
    (done > 0).then(|| seconds * all.saturating_sub(done) as f64 / done as f64)
}

/// `2,000 of about 10,000 rows, 12 s left`.
fn in_words(done: u64, size: Size, unit: &str, seconds: f64) -> String {
    let n = grouped(done as usize);
    let of = match size {
        Size::Known(all) => format!("{n} of {} {unit}", grouped(all as usize)),
        Size::About(all) if all > done => format!("{n} of about {} {unit}", grouped(all as usize)),
        _ => format!("{n} {unit}"),
    };
    match left(done, size, seconds).filter(|left| *left > 0.0) {
        Some(left) => format!("{of}, {} left", duration(left)),
        None => of,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_said_where_the_size_is_known() {
        assert_eq!(in_words(2, Size::Known(8), "networks", 10.0), "2 of 8 networks, 30 s left");
        assert_eq!(in_words(0, Size::Known(8), "networks", 10.0), "0 of 8 networks");
        assert_eq!(in_words(8, Size::Known(8), "networks", 10.0), "8 of 8 networks");
        assert_eq!(in_words(5000, Size::About(10_000), "rows", 20.0), "5,000 of about 10,000 rows, 20 s left");
        assert_eq!(in_words(11_000, Size::About(10_000), "rows", 20.0), "11,000 rows");
        assert_eq!(in_words(11_000, Size::Unknown, "rows", 20.0), "11,000 rows");
    }

    #[test]
    fn rows_of_a_text_are_estimated_and_others_only_as_they_say() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let text: String = (0..300_000).map(|i| format!("{},{}\n", 1000 + i % 9000, i % 7)).collect();
        std::fs::write(&path, text).unwrap();
        let Size::About(n) = Size::of_table(&path, None) else { panic!("an estimate") };
        assert!((299_000..301_000).contains(&n), "{n}");
        assert_eq!(Size::of_table(&path, Some(7)), Size::Known(7));
        for name in ["t.csv.gz", "t.parquet", "-"] {
            assert_eq!(Size::of_table(&folder.path().join(name), None), Size::Unknown);
        }
    }
}
