//! NPY: one array, of f32 where every column is, else of f64. Its number of rows is filled in at the end, where it is not
//! known beforehand.

use std::io::{self, Seek, SeekFrom, Write};

use super::sink::FrameSink;
use super::target::Target;
use crate::frame::{Field, Frame, Kind, Values};

/// Bytes of the header, a multiple of 64 with room for any count.
const HEADER: usize = 128;

pub(super) struct NpySink {
    target: Target,
    is_single: bool,
    n_rows: u64,
    /// Rows that the header promises.
    promised: Option<u64>,
    n_columns: usize,
    /// The shape of a row: that of a picture, or the number of columns.
    row_shape: Vec<usize>,
}

impl NpySink {
    /// An array of `fields`, all numbers, of `promised` rows where that is known; a row is an array of `row_shape` where that is
    /// not empty, of at most three dimensions.
    pub fn new(target: Target, fields: &[Field], promised: Option<u64>, row_shape: &[usize]) -> io::Result<Self> {
        let n_columns = fields.len();
        if !row_shape.is_empty() && (row_shape.len() > 3 || row_shape.iter().product::<usize>() != n_columns) {
            let text = format!("rows of the shape {row_shape:?} do not have {n_columns} numbers");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let is_single = fields.iter().all(|field| field.kind == Kind::Single);
        let row_shape = if row_shape.is_empty() { vec![n_columns] } else { row_shape.to_vec() };
        let mut sink = NpySink { target, is_single, n_rows: 0, promised, n_columns, row_shape };
        let header = sink.header(promised.unwrap_or(0));
        sink.target.write_all(&header)?;
        Ok(sink)
    }

    fn header(&self, n_rows: u64) -> Vec<u8> {
        let shape = [&[n_rows as usize], &self.row_shape[..]].concat();
        header_of(if self.is_single { "<f4" } else { "<f8" }, &shape)
    }
}

/// The header of an array of at most four dimensions.
pub(super) fn header_of(number: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let sizes = if shape.len() > 1 { sizes.trim_end_matches(", ") } else { sizes.trim_end() };
    let text = format!("{{'descr': '{number}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&((HEADER - 10) as u16).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(HEADER - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// The cells of a column of f32.
fn singles(values: &Values) -> &[f32] {
    if let Values::Singles(cells) = values { cells } else { &[] }
}

impl FrameSink for NpySink {
    fn write(&mut self, frame: &Frame) -> io::Result<()> {
        let n_rows = frame.n_rows();
        let mut bytes = Vec::with_capacity(n_rows * self.n_columns * if self.is_single { 4 } else { 8 });
        if self.is_single {
            let columns: Vec<&[f32]> = frame.columns.iter().map(|column| singles(&column.values)).collect();
            for row in 0..n_rows {
                columns.iter().for_each(|column| bytes.extend_from_slice(&column[row].to_le_bytes()));
            }
        } else {
            let columns: Vec<Vec<f64>> =
                frame.columns.iter().map(|column| column.values.to_numbers().unwrap_or_default()).collect();
            for row in 0..n_rows {
                columns.iter().for_each(|column| bytes.extend_from_slice(&column[row].to_le_bytes()));
            }
        }
        self.n_rows += n_rows as u64;
        self.target.write_all(&bytes)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        if self.promised != Some(self.n_rows) {
            let header = self.header(self.n_rows);
            let file = self.target.file()?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&header)?;
            file.seek(SeekFrom::End(0))?;
        }
        self.target.commit()
    }
}
