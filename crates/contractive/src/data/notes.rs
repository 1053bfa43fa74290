//! What a user should know of data that are perhaps not what they seem.

use std::collections::HashSet;
use std::path::Path;

use contractive_table::{FrameReader, Kind, ReadOptions, Values};

use super::Dataset;
use super::options::FileOptions;

/// Columns a row from which a table is so wide that its rows may be meant to be columns.
const WIDE: usize = 4;

/// A remark on a table with many more columns than rows, each of which has a name of its own: genes, perhaps, and cells.
pub(super) fn turned_note(path: &Path, options: &FileOptions, rows: usize, columns: usize) -> Option<String> {
    if options.transpose || options.rows.is_some() || rows < 2 || columns <= WIDE * rows {
        return None;
    }
    let text = options.text;
    let open = |columns, as_text| {
        FrameReader::open(path, &ReadOptions { columns, as_text, text, ..ReadOptions::default() }).ok()
    };
    let reader = open(None, Vec::new())?;
    let is_text = |reader: &FrameReader| reader.fields().first().is_some_and(|field| field.kind == Kind::Text);
    let first = match reader.left_out().first() {
        Some(index) => index.clone(),
        None => is_text(&reader).then(|| reader.fields()[0].name.clone())?,
    };
    let named = open(Some(vec![first]), Vec::new()).filter(is_text)?;
    let mut seen = HashSet::new();
    for frame in named {
        let frame = frame.ok()?;
        let Values::Text(cells) = &frame.columns.first()?.values else { return None };
        if !cells.iter().all(|cell| cell.as_ref().is_some_and(|name| seen.insert(name.clone()))) {
            return None;
        }
    }
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    Some(format!(
        "{name}: there are many more columns than rows, and the first column holds names: where a row should be a column, \
         transpose the table (`data.transpose`)"
    ))
}

/// A remark on a table that is as wide as the usual images, and holds values as bytes do.
pub(super) fn pixel_note(data: &Dataset) -> Option<String> {
    let (low, high) = data.range();
    let is_like = data.n_features() == 784 && low >= 0.0 && high > 1.0 && high <= 255.0;
    is_like.then(|| {
        format!(
            "{}: 784 columns of values up to {high} are taken as a table of numbers, not as images; save them as uint8 \
             of the shape (rows, 28, 28), or divide them by 255, to have images in [0, 1]",
            data.name()
        )
    })
}
