//! NumPy's arrays as data sets, without a copy where they are float32 and C-contiguous.

use std::sync::Arc;

use contractive::data::{Dataset, Singles};
use numpy::ndarray::Dimension;
use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;

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
    /// While something refers to an array weakly, `ndarray.resize` refuses to move its memory, `refcheck=False` or not.
    _weakly: Py<PyWeakrefReference>,
}

// SAFETY: the numbers are only read, and they stay where they are: `_array` keeps them, `_weakly` makes `ndarray.resize`
// refuse. Whoever writes to the array in another thread while it is trained on races with these reads as with those of
// NumPy's own functions, which let go of the interpreter too; what is read then is one of the numbers that the place held,
// no place is computed of a number without a check, and what is no finite number is caught as a divergence.
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

/// Refuses numbers that do not lie where their type wants them: slices of them must not be made. Nor may they lie a part of a
/// number apart, as the fields of packed records do: the crate `numpy` rounds such distances down, and would read others.
///
/// # Errors
/// `ValueError`.
pub fn check_aligned<T: numpy::Element, D: Dimension>(array: &PyReadonlyArray<'_, T, D>) -> PyResult<()> {
    let apart = |(&n, &stride): (&usize, &isize)| n > 1 && !stride.unsigned_abs().is_multiple_of(size_of::<T>());
    let is_whole = array.is_empty() || !array.shape().iter().zip(array.strides()).any(apart);
    match is_whole && (array.data() as usize).is_multiple_of(align_of::<T>()) {
        true => Ok(()),
        false => Err(PyValueError::new_err("an array must be aligned: give numpy.require(array, requirements=\"A\")")),
    }
}

/// The numbers of an array, row by row. The array is let go: while it is borrowed, the crate `numpy` relies on it to stay where it
/// is, and ends the process where another thread or a callback has had it moved.
///
/// # Errors
/// As [`check_aligned`].
pub fn numbers_of<T: numpy::Element + Copy, D: Dimension>(array: PyReadonlyArray<'_, T, D>) -> PyResult<Vec<T>> {
    check_aligned(&array)?;
    Ok(array.as_array().iter().copied().collect())
}

/// The numbers of a float32 array: those of the array itself where it is C-contiguous, else a copy.
fn singles(rows: &PyReadonlyArray2<'_, f32>) -> PyResult<Singles> {
    match rows.as_slice() {
        Ok(values) if rows.is_c_contiguous() => {
            let _weakly = PyWeakrefReference::new(rows)?.unbind();
            let _array = (**rows).clone().unbind();
            Ok(Singles::held_by(Arc::new(HeldArray { start: values.as_ptr(), len: values.len(), _array, _weakly })))
        }
        _ => Ok(rows.as_array().iter().copied().collect::<Vec<f32>>().into()),
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

    /// The rows as a data set, with the names of their features where they have some; the array is let go, as by [`numbers_of`].
    ///
    /// # Errors
    /// `ValueError` naming the first value that is not finite.
    pub fn dataset(self, names: Option<Vec<String>>, image_shape: Option<(usize, usize)>) -> PyResult<Dataset> {
        let [_, d] = self.shape();
        let data = match self {
            Rows::Singles(rows) => {
                check_aligned(&rows)?;
                Dataset::from_singles(NAME, d, singles(&rows)?)
            }
            Rows::Doubles(rows) => Dataset::from_f64(NAME, d, numbers_of(rows)?),
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
