//! What the rows of a series take in memory.

use std::path::Path;

use contractive_table::limits::make_room;
use contractive_table::{Frame, TableError};

use super::table::Series;
use super::time::Moment;

/// Bytes that a text takes beside its letters: itself, and what an allocator adds.
const BESIDE_TEXT: usize = 24 + 16;
/// Bytes that a series takes beside its key: itself in a list and in a map that double as they grow, and its first row.
const A_TRACK: usize = 200;

impl Series {
    /// Makes room for `n` rows more.
    pub(super) fn make_room(&mut self, n: usize) -> Result<(), TableError> {
        let path = Path::new(&self.what);
        make_room(&mut self.stamps, n, path)?;
        make_room(&mut self.moments, n, path)?;
        make_room(&mut self.values, n * self.names.len(), path)
    }

    /// Bytes that the rows of `frame` take, which are the last ones; `n_tracks` series there were before.
    pub(super) fn bytes_of_last(&self, n_tracks: usize, frame: Frame) -> u64 {
        let first = self.len() - frame.n_rows();
        let text = |text: &String| BESIDE_TEXT + text.len();
        let stamps = self.stamps[first..].iter().map(text).sum::<usize>();
        let numbers = size_of::<Moment>() + size_of::<usize>() + self.names.len() * size_of::<f64>();
        // Twice: in the list of tracks, and in the map by which they are found.
        let key = |key: &Vec<String>| A_TRACK + 2 * key.iter().map(text).sum::<usize>();
        let tracks = self.tracks[n_tracks..].iter().map(|track| key(&track.key)).sum::<usize>();
        let labels = self.labels.iter().flat_map(|labels| &labels[first..]);
        let labels = labels.map(|label| BESIDE_TEXT + label.as_ref().map_or(0, String::len)).sum::<usize>();
        let mut carried = frame;
        carried.columns.retain(|column| self.carried.iter().any(|kept| kept.name == column.name));
        // Columns that double as they grow are held twice while they do.
        let columns = 2 * (labels + carried.bytes() as usize);
        (stamps + numbers * (self.len() - first) + tracks + columns) as u64
    }
}
