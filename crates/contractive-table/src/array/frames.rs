//! NPY and NPZ arrays as frames: rows in C order, a bounded number at a time.

use std::path::Path;

use super::array::{byte_image_shape, row_shape};
use super::header::{Header, Kind as NumberKind};
#[cfg(feature = "npz")]
use super::npz;
use crate::error::{TableError, shown};
use crate::frame::{Column, Field, Frame, Kind, Values};
use crate::frame_source::{FrameSource, Selection};
use crate::limits::{self, check_columns};
use crate::place::Place;
use crate::source::{Source, read_up_to};

/// An open array of two or more dimensions; all after the first make a row.
pub(crate) struct ArraySource {
    source: Source<'static>,
    header: Header,
    image_shape: Option<[usize; 3]>,
    /// Whether rows are images of bytes.
    has_pixels: bool,
    n_rows: u64,
    n_columns: usize,
    chosen: Vec<usize>,
    fields: Vec<Field>,
    chunk_rows: usize,
    done: u64,
    bytes: Vec<u8>,
}

impl ArraySource {
    /// Opens a file of one array, plain or gzip.
    pub fn npy(path: &Path, selection: &Selection, chunk_rows: usize) -> Result<Self, TableError> {
        Self::new(Source::open(path)?, selection, chunk_rows)
    }

    /// Opens one array of an archive.
    #[cfg(feature = "npz")]
    pub fn npz(path: &Path, array: Option<&str>, selection: &Selection, chunk_rows: usize) -> Result<Self, TableError> {
        Self::new(npz::open(path, array)?, selection, chunk_rows)
    }

    fn new(mut source: Source<'static>, selection: &Selection, chunk_rows: usize) -> Result<Self, TableError> {
        let header = Header::read(&mut source.reader, &source.path)?;
        source.check_claim(header.n_bytes())?;
        let (n_columns, image) = row_shape(&source.path, &header.shape)?;
        if header.is_fortran && n_columns > 1 && header.shape[0] > 1 {
            return Err(TableError::Type {
                path: source.path.clone(),
                got: "an array in Fortran order".into(),
                expected: "in C order to be read by rows; save `numpy.ascontiguousarray(array)`",
            });
        }
        check_columns(&source.path, n_columns as u64, source.packed)?;
        let n_rows = header.shape[0] as u64;
        if n_rows == 0 || n_columns == 0 {
            return Err(TableError::Empty { what: source.path.display().to_string() });
        }
        let has_pixels = header.has_pixels(n_columns, image);
        let names: Vec<String> = (1..=n_columns).map(|i| i.to_string()).collect();
        let chosen = selection.choose(&source.path, &names, &[])?.places;
        let mut fields = Vec::with_capacity(chosen.len());
        for &place in &chosen {
            let name = names[place].clone();
            let kind = selection.kind(&source.path, &name, Kind::Number)?;
            fields.push(Field { name, kind });
        }
        let bytes = Vec::new();
        let image_shape = if has_pixels { byte_image_shape(n_columns, image) } else { image };
        Ok(ArraySource {
            source,
            header,
            image_shape,
            has_pixels,
            n_rows,
            n_columns,
            chosen,
            fields,
            chunk_rows: limits::chunk_rows(chunk_rows, n_columns),
            done: 0,
            bytes,
        })
    }
}

impl FrameSource for ArraySource {
    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn n_rows(&self) -> Option<u64> {
        Some(self.n_rows)
    }

    fn has_names(&self) -> bool {
        false
    }

    fn image_shape(&self) -> Option<[usize; 3]> {
        self.image_shape
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, TableError> {
        let n = self.fill()?;
        if n == 0 {
            return Ok(None);
        }
        let row_bytes = self.n_columns * self.header.size;
        let decode = self.header.decoder();
        let size = self.header.size;
        let column = |(&place, field): (&usize, &Field)| {
            let cells = self.bytes.chunks_exact(row_bytes).map(|row| decode(&row[place * size..][..size]));
            Column { name: field.name.clone(), values: Values::Numbers(cells.collect()).into_kind(&field.kind) }
        };
        let first_row = self.done - n as u64;
        Ok(Some(Frame { first_row, columns: self.chosen.iter().zip(&self.fields).map(column).collect() }))
    }

    fn has_pixels(&self) -> bool {
        self.has_pixels
    }

    fn next_rows(&mut self, path: &Path, values: &mut Vec<f64>) -> Option<Result<bool, TableError>> {
        self.chosen.iter().copied().eq(0..self.n_columns).then(|| self.whole_rows(path, values))
    }
}

impl ArraySource {
    /// The next rows, all columns.
    fn whole_rows(&mut self, path: &Path, values: &mut Vec<f64>) -> Result<bool, TableError> {
        let n = self.fill()?;
        let start = values.len();
        // The usual types by loops that the compiler vectorises; rows lie as they are wanted.
        match (self.header.kind, self.header.size, self.header.is_big_endian) {
            (NumberKind::Float, 4, false) => {
                values.extend(self.bytes.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))));
            }
            (NumberKind::Float, 8, false) => {
                values.extend(self.bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)));
            }
            _ => {
                let decode = self.header.decoder();
                values.extend(self.bytes.chunks_exact(self.header.size).map(decode));
            }
        }
        // All are looked at: without a way out the loop is vectorised.
        let are_finite = values[start..].iter().fold(true, |all, value| all & value.is_finite());
        if let (false, Some(i)) = (are_finite, values[start..].iter().position(|value| !value.is_finite())) {
            return Err(TableError::Cell {
                path: path.to_path_buf(),
                place: Place::Row(self.done - n as u64 + (i / self.n_columns) as u64),
                column: (i % self.n_columns + 1).to_string(),
                must_be: "a finite number",
                got: shown(&values[start + i].to_string()),
                prefix: None,
            });
        }
        Ok(n > 0)
    }

    /// Reads the bytes of the next rows, and says how many rows they are: 0 at the end.
    fn fill(&mut self) -> Result<usize, TableError> {
        let row_bytes = self.n_columns * self.header.size;
        let expected = self.n_rows.saturating_mul(row_bytes as u64);
        if self.done == self.n_rows {
            self.bytes.clear();
            self.source.expect_end(expected)?;
            return Ok(0);
        }
        let n = usize::try_from(self.n_rows - self.done).map_or(self.chunk_rows, |left| left.min(self.chunk_rows));
        self.bytes.resize(n * row_bytes, 0);
        let got = read_up_to(&mut self.source.reader, &mut self.bytes);
        let got = got.or_else(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => Ok(0),
            _ => Err(TableError::reading(&self.source.path, e)),
        })?;
        if got < self.bytes.len() {
            let got = self.done * row_bytes as u64 + got as u64;
            return Err(TableError::Truncated { path: self.source.path.clone(), expected, got });
        }
        self.done += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "npz")]
    use std::io::Write;

    use crate::{FrameReader, ReadOptions};

    /// An array of f64 of this shape, as numpy saves it.
    fn npy(shape: &str, is_fortran: &str, values: &[f64]) -> Vec<u8> {
        let header = format!("{{'descr': '<f8', 'fortran_order': {is_fortran}, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    #[test]
    fn rows_have_the_columns_in_the_order_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        std::fs::write(&path, npy("(2, 2)", "False", &[1.0, 2.0, 3.0, 4.0])).unwrap();
        let options = ReadOptions { columns: Some(vec!["2".into(), "1".into()]), ..ReadOptions::default() };
        let mut values = Vec::new();
        assert!(FrameReader::open(&path, &options).unwrap().next_rows(&mut values).unwrap());
        assert_eq!(values, [2.0, 1.0, 4.0, 3.0]);
    }

    #[test]
    fn an_array_of_no_dimension_is_one_value_in_either_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        for order in ["True", "False"] {
            std::fs::write(&path, npy("()", order, &[7.0])).unwrap();
            let array = crate::array::read(&path, None).unwrap().rows;
            assert_eq!(array.into_values(), crate::array::ArrayValues::F64(vec![7.0]));
        }
    }

    #[cfg(feature = "npz")]
    #[test]
    fn a_changed_byte_of_an_archive_is_found_by_its_checksum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        archive.start_file("X.npy", stored).unwrap();
        archive.write_all(&npy("(2, 2)", "False", &[1.0, 2.0, 1234.5, 4.0])).unwrap();
        archive.finish().unwrap();
        let read =
            || FrameReader::open(&path, &ReadOptions::default()).unwrap().collect::<Result<Vec<crate::Frame>, _>>();
        assert_eq!(read().unwrap()[0].n_rows(), 2);
        let mut bytes = std::fs::read(&path).unwrap();
        let place = bytes.windows(8).position(|window| window == 1234.5_f64.to_le_bytes()).unwrap();
        bytes[place + 2] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = read().unwrap_err();
        assert!(matches!(&error, crate::TableError::Corrupt { reason, .. } if reason.contains("checksum")), "{error}");
    }
}
