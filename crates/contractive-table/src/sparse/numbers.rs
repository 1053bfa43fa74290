//! Numbers of a file, one after the other.

use crate::error::TableError;

/// An array of numbers, read a part at a time.
pub(crate) trait Numbers: Send {
    /// The next `n` numbers, in place of what is in `values`.
    fn next(&mut self, n: usize, values: &mut Vec<f64>) -> Result<(), TableError>;

    /// Refuses anything after the last number.
    fn finish(&mut self) -> Result<(), TableError>;

    /// Bytes that reading holds at most while the array is not known to be sound.
    fn held(&self) -> u64 {
        0
    }
}

#[cfg(feature = "npz")]
impl Numbers for crate::array::NumberStream {
    fn next(&mut self, n: usize, values: &mut Vec<f64>) -> Result<(), TableError> {
        crate::array::NumberStream::next(self, n, values)
    }

    fn finish(&mut self) -> Result<(), TableError> {
        crate::array::NumberStream::finish(self)
    }
}

#[cfg(feature = "h5ad")]
impl Numbers for crate::hdf5::Hdf5Numbers {
    fn next(&mut self, n: usize, values: &mut Vec<f64>) -> Result<(), TableError> {
        crate::hdf5::Hdf5Numbers::next(self, n, values)
    }

    /// The array's own shape says where it ends.
    fn finish(&mut self) -> Result<(), TableError> {
        Ok(())
    }

    fn held(&self) -> u64 {
        crate::hdf5::Hdf5Numbers::held(self)
    }
}
