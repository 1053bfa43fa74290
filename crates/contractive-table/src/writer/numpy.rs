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
}

impl NpySink {
    /// An array of `fields`, all numbers, of `n_rows` rows where that is known.
    pub fn new(mut target: Target, fields: &[Field], promised: Option<u64>) -> io::Result<Self> {
        let is_single = fields.iter().all(|field| field.kind == Kind::Single);
        target.write_all(&header(promised.unwrap_or(0), fields.len(), is_single))?;
        Ok(NpySink { target, is_single, n_rows: 0, promised, n_columns: fields.len() })
    }
}

fn header(n_rows: u64, n_columns: usize, is_single: bool) -> Vec<u8> {
    header_of(if is_single { "<f4" } else { "<f8" }, &[n_rows as usize, n_columns])
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
            let header = header(self.n_rows, self.n_columns, self.is_single);
            let file = self.target.file()?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&header)?;
            file.seek(SeekFrom::End(0))?;
        }
        self.target.commit()
    }
}
