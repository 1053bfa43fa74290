//! What is kept in memory of a table of series, whose last row may be wrong.

use contractive_table::{Frame, FrameReader, Keeping, ReadOptions, TableSource, Values, most_expanded};

use super::error::SeriesError;
use super::filler::Filler;
use super::spec::Missing;
use super::time::{Watch, stamp};

/// Counts what is kept of a table. Beyond what its size accounts for, it is first read to its end, once, and its timestamps
/// and values are looked at.
pub(super) struct Kept<'a> {
    keeping: Keeping<'a>,
    /// What the table is called, its columns of timestamps and values, and what stands in for a missing value.
    what: String,
    time: Option<String>,
    names: Vec<String>,
    missing: Missing,
}

impl<'a> Kept<'a> {
    /// Of the table that is read by `options`, whose series are called `what` and have the value columns `names`.
    pub(super) fn of(source: TableSource<'a>, options: &ReadOptions, what: &str, names: &[String]) -> Self {
        let most = usize::try_from(most_expanded(source.size().unwrap_or(0))).unwrap_or(usize::MAX) / size_of::<f64>();
        let keeping = Keeping::of(source, options).of_at_most(names.len() + 1, most);
        Kept { keeping, what: what.to_owned(), time: None, names: names.to_vec(), missing: Missing::default() }
    }

    /// With a column of timestamps, and what stands in for a missing value.
    pub(super) fn timed(self, time: Option<String>, missing: Missing) -> Self {
        Kept { time, missing, ..self }
    }

    /// Takes note of `bytes` that are kept of rows that `reader` gave.
    ///
    /// # Errors
    /// Those of the rows that follow.
    pub(super) fn take(&mut self, bytes: u64, reader: &mut FrameReader) -> Result<(), SeriesError> {
        let Kept { keeping, what, time, names, missing } = self;
        keeping.take_checked(bytes, reader, |frame| check(frame, what, time.as_ref(), names, *missing))
    }
}

/// Refuses the timestamps and values of a frame that a series cannot have.
fn check(
    frame: &Frame,
    what: &str,
    time: Option<&String>,
    names: &[String],
    missing: Missing,
) -> Result<(), SeriesError> {
    let cells = |name: &String| frame.column(name).map(|column| &column.values);
    if let Some((time, times)) = time.and_then(|time| Some((time, cells(time)?))) {
        let watch = Watch::new(what, time, None);
        (0..times.len()).try_for_each(|i| watch.read(frame.first_row + i as u64 + 1, &stamp(times, i)).map(drop))?;
    }
    // What stands in for a missing value is that of the row above in its series, which is not known here.
    let fills = missing == Missing::Previous;
    let mut filler = Filler::new(what, names.to_vec(), Missing::Refuse);
    let values: Vec<Vec<f64>> = names.iter().filter_map(|name| cells(name).and_then(Values::to_numbers)).collect();
    let mut row = vec![0.0; values.len()];
    for i in 0..frame.n_rows() {
        for (cell, column) in row.iter_mut().zip(&values) {
            *cell = if fills && column[i].is_nan() { 0.0 } else { column[i] };
        }
        filler.fill(frame.first_row + i as u64 + 1, &mut row)?;
    }
    Ok(())
}
