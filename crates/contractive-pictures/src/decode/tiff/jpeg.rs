//! Strips and tiles that are JPEG: each is a file by itself, whose header may lie, and whose end may be missing.

use std::io::Cursor;

use super::chunks::{Chunks, FREE};
use super::fault::{FORMAT, damaged, fault, unsupported};
use super::part::Part;
use crate::decode::jpeg::{self, JpegHead};
use crate::error::PictureFault;

/// JPEG has blocks of so many pixels a side, and a strip or tile ends within one.
const BLOCK: u64 = 16;
/// Tables are gone through for each strip or tile: so many bytes for each of the file's.
const TABLES_A_BYTE: u64 = 4;

impl Chunks<'_> {
    /// What unpacking takes, at most. Of each the header is read, its scans are counted and its end is looked for.
    pub fn most_of_jpeg(&mut self) -> Result<u64, PictureFault> {
        self.check_tables()?;
        let height = if self.is_tiled { self.height } else { self.height.min(self.picture().map_err(fault)?.1) };
        let pixels = self.width.next_multiple_of(BLOCK) * height.next_multiple_of(BLOCK);
        let samples = self.samples().map_err(fault)?;
        let mut most = 0;
        for i in 0..self.places.len() {
            let file = self.file(i);
            let head = jpeg::head(Cursor::new(&file))?;
            if head.width as u64 != self.width || (head.width * head.height) as u64 > pixels {
                let (width, height) = (head.width, head.height);
                return Err(damaged(format!(
                    "a strip or tile is a JPEG of {width} × {height} pixels, and must have {} × {}",
                    self.width, self.height
                )));
            }
            if u16::from(head.components) != samples {
                let n = head.components;
                return Err(damaged(format!("a strip or tile is a JPEG of {n} channels, and must have {samples}")));
            }
            jpeg::check_whole(&file, &head).map_err(of_strip)?;
            // As many coefficients of two bytes as samples, some more at the edges.
            let of_a_sample = if head.is_progressive { 4 } else { 2 };
            most = most.max(file.len() as u64 + pixels * u64::from(head.components) * of_a_sample);
        }
        Ok(most)
    }

    fn check_tables(&self) -> Result<(), PictureFault> {
        let (tables, n) = (self.tables.as_ref().map_or(0, Vec::len) as u64, self.places.len() as u64);
        let most = TABLES_A_BYTE * self.all.len() as u64 + FREE;
        if tables * n <= most {
            return Ok(());
        }
        let size = self.all.len();
        Err(damaged(format!(
            "each of its {n} strips or tiles has tables of {tables} bytes; of a file of {size} bytes they may have {most} together"
        )))
    }

    /// One as a file: tables without their end, and a strip without its beginning.
    fn file(&self, i: usize) -> Vec<u8> {
        let (at, n) = self.places[i];
        let here = self.all.get(at as usize..(at + n) as usize).unwrap_or_default();
        match &self.tables {
            Some(tables) => [&tables[..tables.len().saturating_sub(2)], here.get(2..).unwrap_or_default()].concat(),
            None => here.to_vec(),
        }
    }

    /// The pixels of one, which must be sound to its end.
    pub fn jpeg(&self, i: usize) -> Result<Part, PictureFault> {
        let file = self.file(i);
        let head = jpeg::head(Cursor::new(&file))?;
        let JpegHead { width, components, .. } = head;
        let bytes = jpeg::channels(&file, &head).map_err(of_strip)?;
        let pixel = usize::from(components);
        Ok(Part { bytes, pixel, row: width * pixel })
    }
}

/// A fault of a strip is one of its file.
fn of_strip(fault: PictureFault) -> PictureFault {
    match fault {
        PictureFault::Truncated { reason, .. } => {
            PictureFault::Truncated { format: FORMAT, reason: format!("of a JPEG in it {reason}") }
        }
        PictureFault::Damaged { reason, .. } => damaged(format!("of a JPEG in it {reason}")),
        PictureFault::Unsupported { reason, .. } => unsupported(format!("of a JPEG in it {reason}")),
        other => other,
    }
}
