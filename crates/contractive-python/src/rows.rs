//! NumPy's arrays as data sets, without a copy where they are float32 and C-contiguous.

use std::sync::Arc;

use contractive::data::{Dataset, Singles};
use numpy::ndarray::Dimension;
use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::failure::raise;

/// What messages call the rows.
pub const NAME: &str = "X";

/// Rows of a table of numbers, shape (N, d).
#[derive(FromPyObject)]
pub enum Rows<'py> {
    /// Of 32 bits.
    Singles(PyReadonlyArray2<'py, f32>),
    /// Of 64 bits.
    Doubles(PyReadonlyArray2<'py, f64>),
}

/// The numbers of an array that stays alive with them.
struct HeldArray {
    start: *const f32,
    len: usize,
    _array: Py<PyArray2<f32>>,
}

// SAFETY: the numbers are only read, and `_array` keeps them where they are: NumPy does not move or free the memory of an
// array that something refers to (`ndarray.resize` refuses it). Whoever writes to the array in another thread while it is
// trained on races with these reads as with those of NumPy's own functions, which let go of the interpreter too; what is
// read then is one of the numbers that the place held, and what is no finite number is caught as a divergence.
#[allow(unsafe_code)]
unsafe impl Send for HeldArray {}
// SAFETY: as above: nothing is written through it.
#[allow(unsafe_code)]
unsafe impl Sync for HeldArray {}

impl AsRef<[f32]> for HeldArray {
    fn as_ref(&self) -> &[f32] {
        // SAFETY: `start` and `len` are those of a C-contiguous array of aligned f32 that `_array` keeps alive.
        #[allow(unsafe_code)]
        unsafe {
            std::slice::from_raw_parts(self.start, self.len)
        }
    }
}

/// Refuses numbers that do not lie where their type wants them: slices of them must not be made.
///
/// # Errors
/// `ValueError`.
pub fn check_aligned<T: numpy::Element, D: Dimension>(array: &PyReadonlyArray<'_, T, D>) -> PyResult<()> {
    match (array.data() as usize).is_multiple_of(align_of::<T>()) {
        true => Ok(()),
        false => Err(PyValueError::new_err("an array must be aligned: give numpy.require(array, requirements=\"A\")")),
    }
}

/// The numbers of a float32 array: those of the array itself where it is C-contiguous, else a copy.
fn singles(rows: &PyReadonlyArray2<'_, f32>) -> Singles {
    match rows.as_slice() {
        Ok(values) if rows.is_c_contiguous() => {
            let _array = (**rows).clone().unbind();
            Singles::held_by(Arc::new(HeldArray { start: values.as_ptr(), len: values.len(), _array }))
        }
        _ => rows.as_array().iter().copied().collect::<Vec<f32>>().into(),
    }
}

impl Rows<'_> {
    /// Rows and features.
    pub fn shape(&self) -> [usize; 2] {
        let shape = match self {
            Rows::Singles(rows) => rows.shape(),
            Rows::Doubles(rows) => rows.shape(),
        };
        [shape[0], shape[1]]
    }

    /// The rows as a data set, with the names of their features where they have some.
    ///
    /// # Errors
    /// `ValueError` naming the first value that is not finite.
    pub fn dataset(&self, names: Option<Vec<String>>, image_shape: Option<(usize, usize)>) -> PyResult<Dataset> {
        let [_, d] = self.shape();
        let data = match self {
            Rows::Singles(rows) => {
                check_aligned(rows)?;
                Dataset::from_singles(NAME, d, singles(rows))
            }
            Rows::Doubles(rows) => {
                check_aligned(rows)?;
                Dataset::from_f64(NAME, d, rows.as_array().iter().copied().collect())
            }
        };
        let data = data.map_err(raise)?;
        let data = match names {
            Some(names) => data.with_feature_names(names).map_err(raise)?,
            None => data,
        };
        match image_shape {
            Some((height, width)) => data.with_image_shape(height, width).map_err(raise),
            None => Ok(data),
        }
    }
}
