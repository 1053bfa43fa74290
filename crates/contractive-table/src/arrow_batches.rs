//! Record batches as frames: a batch is in memory whole, and its rows are given some at a time.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

use crate::arrow_values::{entries_of, frame, kind_of, places, text};
use crate::error::TableError;
use crate::frame::{Field, Frame, Kind};
use crate::limits::{FRAME_TEXT, most_unpacked};

/// A reader of record batches.
pub(super) trait Batches {
    /// The next batch, which has rows; `None` at the end.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, TableError>;

    /// Fails unless the whole file is sound, which is looked at once.
    fn must_be_sound(&mut self) -> Result<(), TableError>;

    /// The file, and its size in bytes.
    fn file(&self) -> (&Path, u64);
}

/// What of the batches was given.
#[derive(Debug)]
pub(super) struct Given {
    pub fields: Vec<Field>,
    /// The most rows a frame.
    pub chunk_rows: usize,
    /// Rows of all frames.
    pub rows: u64,
    /// The batch under way, and how many of its rows were given.
    batch: Option<(RecordBatch, usize)>,
}

impl Given {
    /// Nothing of `fields` yet, in frames of at most `chunk_rows`; `before` rows of the file are not read.
    pub fn none(fields: Vec<Field>, chunk_rows: usize, before: u64) -> Self {
        Given { fields, chunk_rows, rows: before, batch: None }
    }

    /// The next rows as a frame of at most `chunk_rows`, fewer where their texts are many. Texts of a single row that are many are
    /// known to be sound where they are given at all.
    pub fn next_frame(&mut self, batches: &mut impl Batches) -> Result<Option<Frame>, TableError> {
        let (batch, given) = match self.batch.take() {
            Some(under_way) => under_way,
            None => match batches.next_batch()? {
                Some(batch) => (batch, 0),
                None => return Ok(None),
            },
        };
        let rows = batch.slice(given, self.chunk_rows.min(batch.num_rows() - given));
        let (n, texts) = match self.fields.iter().any(|field| field.kind == Kind::Text) {
            true => rows_of_text(&rows, &self.fields, FRAME_TEXT as u64),
            false => (rows.num_rows(), 0),
        };
        let (path, size) = batches.file();
        if texts > most_unpacked(size) {
            let reason =
                format!("a row of it is {texts} bytes of text, which no file of its size holds but by repetition");
            return Err(TableError::Corrupt { path: path.to_path_buf(), reason });
        }
        if texts > FRAME_TEXT as u64 {
            batches.must_be_sound()?;
        }
        let frame = frame(batches.file().0, &rows.slice(0, n), &self.fields, self.rows)?;
        self.rows += n as u64;
        if given + n < batch.num_rows() {
            self.batch = Some((batch, given + n));
        }
        Ok(Some(frame))
    }
}

/// How many of the first rows of a batch, at least one, have at most `most` bytes of text in `fields`, and the bytes that
/// these have.
fn rows_of_text(batch: &RecordBatch, fields: &[Field], most: u64) -> (usize, u64) {
    let places = places(batch);
    let texts = || fields.iter().filter(|field| field.kind == Kind::Text);
    let arrays = || texts().filter_map(|field| Some(batch.column(*places.get(field.name.as_str())?)));
    let all = arrays().fold(0_u64, |sum, array| sum.saturating_add(text_bytes(array)));
    if all <= most {
        return (batch.num_rows(), all);
    }
    let mut lengths = vec![0_u64; batch.num_rows()];
    for array in arrays() {
        lengths_of_text(array, &mut |row, n| lengths[row] = lengths[row].saturating_add(n as u64));
    }
    let (mut rows, mut sum) = (0, 0_u64);
    for n in lengths {
        if rows > 0 && sum.saturating_add(n) > most {
            break;
        }
        (rows, sum) = (rows + 1, sum.saturating_add(n));
    }
    (rows, sum)
}

/// Bytes of text that the cells of an array will be.
fn text_bytes(array: &ArrayRef) -> u64 {
    let mut sum = 0_u64;
    lengths_of_text(array, &mut |_, n| sum = sum.saturating_add(n as u64));
    sum
}

/// Tells the row and the length of each text of an array; nothing of other arrays.
fn lengths_of_text(array: &ArrayRef, tell: &mut dyn FnMut(usize, usize)) {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().offsets().lengths().enumerate().for_each(|(row, n)| tell(row, n)),
        DataType::LargeUtf8 => {
            array.as_string::<i64>().offsets().lengths().enumerate().for_each(|(row, n)| tell(row, n));
        }
        DataType::Utf8View => {
            array.as_string_view().lengths().enumerate().for_each(|(row, n)| tell(row, n as usize));
        }
        DataType::Dictionary(_, of) if kind_of(of) == Some(Kind::Text) => {
            let entries = array.as_any_dictionary().values();
            for (row, entry) in entries_of(array).into_iter().enumerate() {
                tell(row, entry.and_then(|entry| text(entries, entry)).map_or(0, str::len));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{DictionaryArray, UInt8Array};
    use arrow_schema::Schema;

    use super::*;

    #[test]
    fn entries_of_a_dictionary_that_no_row_holds_are_no_text() {
        let entries = arrow_array::StringArray::from(vec!["of no row", "kept"]);
        let array: ArrayRef = Arc::new(DictionaryArray::new(UInt8Array::from(vec![Some(1), None]), Arc::new(entries)));
        assert_eq!(text_bytes(&array), 4);
    }

    #[test]
    fn a_frame_has_rows_by_their_texts_and_one_at_the_least() {
        use arrow_schema::Field as Named;
        let texts = ["", "ab", "abcdefgh", "c"];
        let keys = UInt8Array::from(vec![Some(2), None, Some(0), Some(1)]);
        let dictionary = DictionaryArray::new(keys, Arc::new(arrow_array::StringArray::from(vec!["", "x", "yz"])));
        let kind = dictionary.data_type().clone();
        let schema = Schema::new(vec![Named::new("a", DataType::Utf8View, true), Named::new("b", kind, true)]);
        let views = arrow_array::StringViewArray::from_iter_values(texts);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(views), Arc::new(dictionary)]).unwrap();
        let fields = ["a", "b"].map(|name| Field { name: name.into(), kind: Kind::Text });
        let of = |given: usize, most| rows_of_text(&batch.slice(given, batch.num_rows() - given), &fields, most);
        assert_eq!((of(0, 14), of(0, 13), of(0, 4), of(0, 3)), ((4, 14), (3, 12), (2, 4), (1, 2)));
        assert_eq!((of(2, 1), of(3, 0)), ((1, 8), (1, 2)));
    }
}
