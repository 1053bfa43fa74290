//! What is kept in memory of a table of series, whose last row may be wrong.

use std::path::Path;

use contractive_table::limits::make_room;
use contractive_table::{Frame, FrameReader, Keeping, ReadOptions, TableError, TableSource, Values, most_expanded};

use super::error::SeriesError;
use super::filler::Filler;
use super::spec::Missing;
use super::table::{Series, SeriesColumns, stamp};
use super::time::{Moment, Watch};

/// Bytes that a text takes beside its letters: itself, and what an allocator adds.
const BESIDE_TEXT: usize = 24 + 16;
/// Bytes that a series takes beside its key: itself in a list and in a map that double as they grow, and its first row.
const A_TRACK: usize = 200;

/// Counts what is kept of a table. Beyond what its size accounts for, it is first read to its end, once, and its timestamps
/// and values are looked at.
pub(super) struct Kept<'a> {
    keeping: Keeping<'a>,
    what: String,
    columns: SeriesColumns,
    names: Vec<String>,
}

impl<'a> Kept<'a> {
    /// Of the table that is read by `options` as `series`.
    pub(super) fn of(source: TableSource<'a>, options: &ReadOptions, series: &Series) -> Self {
        let most = usize::try_from(most_expanded(source.size().unwrap_or(0))).unwrap_or(usize::MAX) / size_of::<f64>();
        let keeping = Keeping::of(source, options).of_at_most(series.names.len() + 1, most);
        let (what, columns, names) = (series.what.clone(), series.columns.clone(), series.names.clone());
        Kept { keeping, what, columns, names }
    }

    /// Takes note of the rows of `frame`, which came from `reader` and were added to `series`, whose tracks were `n_tracks` before.
    ///
    /// # Errors
    /// Those of the rows that follow.
    pub(super) fn take(
        &mut self,
        series: &Series,
        n_tracks: usize,
        frame: Frame,
        reader: &mut FrameReader,
    ) -> Result<(), SeriesError> {
        let bytes = bytes_of(series, n_tracks, frame);
        let (what, columns, names) = (&self.what, &self.columns, &self.names);
        self.keeping.take_checked(bytes as u64, reader, |frame| check(frame, what, columns, names))
    }
}

impl Series {
    /// Makes room for `n` rows more.
    pub(super) fn make_room(&mut self, n: usize) -> Result<(), TableError> {
        let path = Path::new(&self.what);
        make_room(&mut self.stamps, n, path)?;
        make_room(&mut self.moments, n, path)?;
        make_room(&mut self.values, n * self.names.len(), path)
    }
}

/// Bytes that the rows of a frame take in a series that has them last.
fn bytes_of(series: &Series, n_tracks: usize, frame: Frame) -> usize {
    let first = series.len() - frame.n_rows();
    let text = |text: &String| BESIDE_TEXT + text.len();
    let stamps = series.stamps[first..].iter().map(text).sum::<usize>();
    let numbers = size_of::<Moment>() + size_of::<usize>() + series.names.len() * size_of::<f64>();
    // Twice: in the list of tracks, and in the map by which they are found.
    let key = |key: &Vec<String>| A_TRACK + 2 * key.iter().map(text).sum::<usize>();
    let tracks = series.tracks[n_tracks..].iter().map(|track| key(&track.key)).sum::<usize>();
    let labels = series.labels.iter().flat_map(|labels| &labels[first..]);
    let labels = labels.map(|label| BESIDE_TEXT + label.as_ref().map_or(0, String::len)).sum::<usize>();
    let mut carried = frame;
    carried.columns.retain(|column| series.carried.iter().any(|kept| kept.name == column.name));
    // Columns that double as they grow are held twice while they do.
    let columns = 2 * (labels + carried.bytes() as usize);
    stamps + numbers * (series.len() - first) + tracks + columns
}

/// Refuses the timestamps and values of a frame that a series cannot have.
fn check(frame: &Frame, what: &str, columns: &SeriesColumns, names: &[String]) -> Result<(), SeriesError> {
    let cells = |name: &String| frame.column(name).map(|column| &column.values);
    if let Some((time, times)) = columns.time.as_ref().and_then(|time| Some((time, cells(time)?))) {
        let watch = Watch::new(what, time, None);
        (0..times.len()).try_for_each(|i| watch.read(frame.first_row + i as u64 + 1, &stamp(times, i)).map(drop))?;
    }
    // What stands in for a missing value is that of the row above in its series, which is not known here.
    let fills = columns.missing == Missing::Previous;
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
