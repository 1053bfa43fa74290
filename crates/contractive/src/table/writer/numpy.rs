//! NPY: one array of f64, whose number of rows is filled in at the end.

use std::io::{self, Seek, SeekFrom, Write};

use super::{FrameSink, Target};
use crate::table::frame::{Field, Frame};

/// Bytes of the header, a multiple of 64 with room for any count.
const HEADER: usize = 128;

pub(super) struct NpySink {
    target: Target,
    n_rows: u64,
    n_columns: usize,
}

impl NpySink {
    /// An array of `fields`, all numbers.
    pub fn new(mut target: Target, fields: &[Field]) -> io::Result<Self> {
        target.write_all(&header(0, fields.len()))?;
        Ok(NpySink { target, n_rows: 0, n_columns: fields.len() })
    }
}

fn header(n_rows: u64, n_columns: usize) -> Vec<u8> {
    let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({n_rows}, {n_columns}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&((HEADER - 10) as u16).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(HEADER - 1, b' ');
    bytes.push(b'\n');
    bytes
}

impl FrameSink for NpySink {
    fn write(&mut self, frame: &Frame) -> io::Result<()> {
        let columns: Vec<Vec<f64>> =
            frame.columns.iter().map(|column| column.values.to_numbers().unwrap_or_default()).collect();
        let mut bytes = Vec::with_capacity(frame.n_rows() * self.n_columns * 8);
        for row in 0..frame.n_rows() {
            columns.iter().for_each(|column| bytes.extend_from_slice(&column[row].to_le_bytes()));
        }
        self.n_rows += frame.n_rows() as u64;
        self.target.write_all(&bytes)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        let header = header(self.n_rows, self.n_columns);
        let file = self.target.file()?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header)?;
        file.seek(SeekFrom::End(0))?;
        self.target.commit()
    }
}
