//! An array of numbers, read from its beginning to its end in blocks.

use std::sync::Arc;

use hdf5_reader::{Dataset, SliceInfo, SliceInfoElem};

use super::file::Hdf5;
use super::number::Number;
use super::packed::Chunks;
use crate::error::TableError;

/// Numbers of a block, unless a row of chunks beside each other has more …
const BLOCK: u64 = 1 << 18;
/// … and the most where it has.
const MOST_BLOCK: u64 = 1 << 23;

/// An array of one or two dimensions under way, row after row.
pub(crate) struct Hdf5Numbers {
    file: Arc<Hdf5>,
    array: Dataset,
    chunks: Chunks,
    held: u64,
    /// Along the first dimension: how many there are, how many are read, and how many make a block.
    n: u64,
    done: u64,
    step: u64,
    /// Along the first dimension: a chunk, beyond whose end no block reaches that is smaller.
    chunk: u64,
    block: Vec<f64>,
    /// Numbers of the block that were given.
    given: usize,
}

impl Hdf5Numbers {
    /// Opens an array of numbers.
    pub fn new(file: &Arc<Hdf5>, array: Dataset) -> Result<Self, TableError> {
        let chunks = file.check_numbers(&array)?;
        let (n, width) = match *array.shape() {
            [n] => (n, 1),
            [n, width] => (n, width),
            _ => {
                return Err(TableError::Shape {
                    what: format!("the shape of `{}` in {}", array.name(), file.path.display()),
                    expected: "one number or two".into(),
                    got: format!("{:?}", array.shape()),
                });
            }
        };
        let sizes = array.chunks().unwrap_or_default();
        let chunk = sizes.first().copied().map_or(1, u64::from).clamp(1, n.max(1));
        let (in_chunks, width) = (chunk.saturating_mul(width), width.max(1));
        // Whole chunks, since each is unpacked as one. A larger one is kept for all of its blocks; several beside each
        // other are not.
        let is_one = sizes.get(1).is_none_or(|size| u64::from(*size) >= width);
        let step = match in_chunks {
            0..BLOCK => chunk * (BLOCK / in_chunks.max(1)),
            _ if is_one => BLOCK / width,
            _ => chunk.min(MOST_BLOCK / width),
        };
        let step = step.max(1);
        // As the file has them, as numbers, and in the block.
        let held = step.min(n).saturating_mul(width).saturating_mul(size_of::<[f64; 3]>() as u64);
        let was_tried = file.check_chunks(&array, chunks, held)?;
        // Two chunks are kept, and one becomes another; packed, it may have all bytes of the file.
        let of_chunks = 4 * chunks.bytes as u64 + if chunks.are_packed { file.size } else { 0 };
        let held = if was_tried { 0 } else { held.saturating_add(of_chunks) };
        Ok(Hdf5Numbers {
            file: file.clone(),
            array,
            chunks,
            held,
            n,
            done: 0,
            step,
            chunk,
            block: Vec::new(),
            given: 0,
        })
    }

    /// Numbers along the first dimension.
    pub fn len(&self) -> u64 {
        self.n
    }

    /// Rows and columns, where it has two dimensions.
    pub fn shape(&self) -> Option<[u64; 2]> {
        self.array.shape().try_into().ok()
    }

    /// Bytes that reading holds at most while the array is not known to be sound.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// All of them.
    pub fn all(mut self) -> Result<Vec<f64>, TableError> {
        let mut all = Vec::new();
        while self.done < self.n {
            self.fill()?;
            all.extend_from_slice(&self.block);
        }
        Ok(all)
    }

    /// The next `n` numbers, in place of what is in `values`.
    pub fn next(&mut self, n: usize, values: &mut Vec<f64>) -> Result<(), TableError> {
        values.clear();
        while values.len() < n {
            if self.given == self.block.len() {
                self.fill()?;
            }
            let some = (n - values.len()).min(self.block.len() - self.given);
            values.extend_from_slice(&self.block[self.given..][..some]);
            self.given += some;
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<(), TableError> {
        let end_of_chunk = (self.done / self.chunk + 1) * self.chunk;
        let most = if self.step < self.chunk { end_of_chunk } else { self.n };
        let end = self.n.min(self.done + self.step).min(most);
        let all = SliceInfoElem::Slice { start: 0, end: u64::MAX, step: 1 };
        let mut selections = vec![all; self.array.ndim()];
        selections[0] = SliceInfoElem::Slice { start: self.done, end, step: 1 };
        let numbers =
            self.file.read_chunks(self.chunks, || self.array.read_slice::<Number>(&SliceInfo { selections }))?;
        self.block.clear();
        self.block.extend(numbers.iter().map(|number| number.0));
        if self.block.is_empty() {
            let reason = format!("`{}` ends too early", self.array.name());
            return Err(TableError::Corrupt { path: self.file.path.clone(), reason });
        }
        (self.done, self.given) = (end, 0);
        Ok(())
    }
}
