//! Arrays that are tried before they are read: all their chunks are followed to their end and none is kept, where more
//! would be held of them than the file accounts for when one of them turned out to be damaged.

use std::sync::PoisonError;

use hdf5_reader::error;
use hdf5_reader::{Dataset, Datatype, H5Type, SliceInfo, SliceInfoElem};

use super::file::Hdf5;
use super::packed::Chunks;
use crate::error::TableError;

/// Bytes that are read of an array of any file before it is known to be sound.
const FREE_READ: u64 = 8 << 20;

/// An element of which nothing is wanted.
#[derive(Clone, Copy)]
struct Nothing;

impl H5Type for Nothing {
    fn hdf5_type() -> Datatype {
        Datatype::Opaque { size: 1, tag: String::new() }
    }

    fn from_bytes(_: &[u8], _: &Datatype) -> error::Result<Self> {
        Ok(Nothing)
    }

    fn element_size(_: &Datatype) -> usize {
        0
    }

    fn decode_vec(_: &[u8], _: &Datatype, count: usize) -> Option<error::Result<Vec<Self>>> {
        Some(Ok(vec![Nothing; count]))
    }
}

impl Hdf5 {
    /// Tries an array of one dimension or two, of which `held` bytes are held at a time, where the file does not account for
    /// them; says whether it was.
    pub(super) fn check_chunks(&self, array: &Dataset, chunks: Chunks, held: u64) -> Result<bool, TableError> {
        if !chunks.are_large && held <= FREE_READ + self.size {
            let mut untried = self.untried.lock().unwrap_or_else(PoisonError::into_inner);
            if untried.iter().all(|(other, _)| other.address() != array.address()) {
                untried.push((array.clone(), chunks));
            }
            return Ok(false);
        }
        self.try_chunks(array, chunks).map(|()| true)
    }

    /// Tries the arrays that were opened and not tried, where `held` bytes are about to be taken that are held from then on and
    /// that the file does not account for.
    pub(super) fn must_be_sound(&self, held: u64) -> Result<(), TableError> {
        if held <= FREE_READ + self.size {
            return Ok(());
        }
        let untried = std::mem::take(&mut *self.untried.lock().unwrap_or_else(PoisonError::into_inner));
        untried.iter().try_for_each(|(array, chunks)| self.try_chunks(array, *chunks))
    }

    /// Forgets an array that is read whole: what it keeps would be kept with it.
    pub(super) fn forget(&self, array: &Dataset) {
        let mut untried = self.untried.lock().unwrap_or_else(PoisonError::into_inner);
        untried.retain(|(other, _)| other.address() != array.address());
    }

    /// Reads all chunks of an array to their end.
    fn try_chunks(&self, array: &Dataset, chunks: Chunks) -> Result<(), TableError> {
        let Some(sizes) = array.chunks() else { return Ok(()) };
        let (n, width) = (array.shape()[0], array.shape().get(1).copied().unwrap_or(1));
        // Large chunks one by one, since none is there after its trial; small ones as they are read, those beside each other
        // together.
        let beside = if chunks.are_large { sizes.get(1).copied().map_or(1, u64::from) } else { width };
        for row in (0..n).step_by(sizes[0].max(1) as usize) {
            for column in (0..width).step_by(beside.max(1) as usize) {
                let columns = if chunks.are_large { 1 } else { width };
                let part = |start, n| SliceInfoElem::Slice { start, end: start + n, step: 1 };
                let mut selections = vec![part(row, 1), part(column, columns)];
                selections.truncate(array.ndim());
                self.packed.begin(chunks.bytes, chunks.are_large);
                let read = self.read(|| array.read_slice::<Nothing>(&SliceInfo { selections }));
                if !self.packed.was_sound() {
                    read?;
                }
            }
        }
        Ok(())
    }
}
