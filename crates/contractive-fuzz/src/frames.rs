//! What holds of every table that can be read: whole frames, in order; and that it is the same after writing.

use std::path::Path;

use contractive_table::{Field, Frame, FrameReader, FrameWriter, ReadOptions, TextOptions, Values};

use crate::refusal::refused;
use crate::scratch;

/// Reads a table to its end; `None` where it is refused.
pub(crate) fn read(path: &Path, options: &ReadOptions) -> Option<(Vec<Field>, Vec<Frame>)> {
    let mut reader = match FrameReader::open(path, options) {
        Ok(reader) => reader,
        Err(error) => {
            refused(&error);
            return None;
        }
    };
    let (fields, claimed) = (reader.fields().to_vec(), reader.n_rows());
    let (mut frames, mut rows): (Vec<Frame>, u64) = (Vec::new(), 0);
    while let Some(frame) = reader.next() {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                assert!(reader.next().is_none(), "a reader must end after an error");
                refused(&error);
                return None;
            }
        };
        let n = frame.n_rows();
        assert_eq!(frame.fields(), fields, "a frame must have the reader's columns");
        assert!(frame.columns.iter().all(|column| column.values.len() == n), "columns must be of equal length");
        assert!(fields.is_empty() || (1..=options.chunk_rows).contains(&n), "a frame of {n} rows");
        assert_eq!(frame.first_row, rows, "frames must follow each other");
        rows += n as u64;
        frames.push(frame);
    }
    assert!(reader.next().is_none(), "a reader must stay at its end");
    assert!(claimed.is_none_or(|claimed| claimed == rows), "{claimed:?} rows claimed, {rows} read");
    Some((fields, frames))
}

/// Reads a table to its end as rows of numbers.
pub(crate) fn read_rows(path: &Path, options: &ReadOptions) {
    let Ok(mut reader) = FrameReader::open(path, options) else { return };
    let (n, mut values) = (reader.fields().len(), Vec::new());
    while let Ok(true) = reader.next_rows(&mut values) {
        assert!(values.len().checked_rem(n).unwrap_or(0) == 0, "rows must be whole");
        assert!(values.iter().all(|value| value.is_finite()), "numbers must be finite");
        values.clear();
    }
}

/// Writes the frames and reads them again: the same cells.
pub(crate) fn rewritten(fields: &[Field], frames: &[Frame], name: &str) {
    let path = scratch::path(name);
    let Ok(mut writer) = FrameWriter::create(&path, fields) else { return };
    for frame in frames {
        if let Err(error) = writer.write(frame) {
            return refused(&error);
        }
    }
    if let Err(error) = writer.finish() {
        return refused(&error);
    }
    let is_text = name.ends_with(".csv");
    let as_text = if is_text { fields.iter().map(|field| field.name.clone()).collect() } else { Vec::new() };
    let text = TextOptions { header: Some(true), ..TextOptions::default() };
    let kept = fields.iter().map(|field| field.name.clone()).collect();
    let options = ReadOptions { as_text, text, kept, ..ReadOptions::default() };
    let (_, again) = read(&path, &options).expect("what was written must be read");
    for (i, field) in fields.iter().enumerate() {
        let (Some(before), Some(after)) = (column(frames, i), column(&again, i)) else { return };
        assert_eq!(again[0].columns[i].name, field.name, "names must be kept");
        assert!(is_same(&before, &after, is_text), "column {i}: {before:?} became {after:?}");
    }
}

/// A column of all frames.
fn column(frames: &[Frame], i: usize) -> Option<Values> {
    let mut of = frames.iter().map(|frame| frame.columns[i].values.clone());
    let mut whole = of.next()?;
    of.for_each(|more| whole.append(more));
    Some(whole)
}

/// Whether cells are the same: of text, in words.
fn is_same(before: &Values, after: &Values, in_words: bool) -> bool {
    let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    match (before, after) {
        _ if before.len() != after.len() => false,
        _ if in_words => (0..before.len()).all(|i| before.text(i).filter(|cell| !cell.is_empty()) == after.text(i)),
        (Values::Numbers(a), Values::Numbers(b)) => a.iter().zip(b).all(|(a, b)| same(*a, *b)),
        _ => before == after,
    }
}
