//! `contractive._core.Frame`: a table of columns of any kind, as pandas, polars and Arrow hold them.

use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use contractive_table::{Column, Frame as Held, TableSource, Unit, Values, frame_of_batches};
use numpy::{PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::failure::raise;
use crate::rows::{NAME, check_aligned, numbers_of};
use crate::work;

/// Rows of a table, column by column.
#[pyclass(frozen, module = "contractive._core")]
pub struct Frame {
    pub held: Held,
}

impl Frame {
    /// The rows as a table to be read.
    pub fn source(&self) -> TableSource<'_> {
        TableSource::Held { name: NAME, frame: &self.held }
    }
}

/// The name of Arrow's C stream.
const STREAM: &std::ffi::CStr = c"arrow_array_stream";

#[pymethods]
impl Frame {
    /// From columns: (name, kind, cells, which are missing or None, unit and zone or None).
    #[staticmethod]
    fn of_columns(columns: Vec<Bound<'_, PyAny>>) -> PyResult<Frame> {
        let columns = columns.iter().map(column).collect::<PyResult<Vec<Column>>>()?;
        Ok(Frame { held: Held { first_row: 0, columns } })
    }

    /// From what gives Arrow's C stream, read without the interpreter's lock: what streams may wait for threads that take it,
    /// such as those that read files by Python.
    #[staticmethod]
    fn of_arrow(py: Python<'_>, stream: &Bound<'_, PyCapsule>) -> PyResult<Frame> {
        let pointer = stream.pointer_checked(Some(STREAM))?.as_ptr().cast::<FFI_ArrowArrayStream>();
        // SAFETY: a capsule of this name holds an ArrowArrayStream, by Arrow's PyCapsule interface; `from_raw` moves it out
        // and leaves an empty one, whose release does nothing, so that nothing is freed twice.
        #[allow(unsafe_code)]
        let stream = unsafe { FFI_ArrowArrayStream::from_raw(pointer) };
        work::in_this_thread(py, || {
            let reader = RecordBatchStreamReader::try_new(stream).map_err(raise)?;
            let schema = reader.schema();
            let batches = reader.collect::<Result<Vec<_>, _>>().map_err(raise)?;
            batches.iter().try_for_each(check_batch)?;
            Ok(Frame { held: frame_of_batches(NAME, &schema, batches).map_err(raise)? })
        })
    }

    #[getter]
    fn n_rows(&self) -> usize {
        self.held.n_rows()
    }

    /// The cells of a column as text; None where they are missing.
    fn texts(&self, name: &str) -> PyResult<Vec<Option<String>>> {
        let column = self.held.column(name);
        let column = column.ok_or_else(|| PyValueError::new_err(format!("the table has no column `{name}`")))?;
        Ok((0..column.values.len()).map(|i| column.values.text(i)).collect())
    }

    #[getter]
    fn names(&self) -> Vec<String> {
        self.held.columns.iter().map(|column| column.name.clone()).collect()
    }
}

/// Refuses what Arrow's rules do not allow, before it is read as if it were allowed: text that is no UTF-8, places outside
/// of a dictionary. Other libraries pass it on without a look, pyarrow what a file of Parquet holds.
///
/// # Errors
/// `ValueError` naming the column.
fn check_batch(batch: &RecordBatch) -> PyResult<()> {
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let refused =
            |e| PyValueError::new_err(format!("column `{}` of {NAME} is no valid Arrow array: {e}", field.name()));
        column.to_data().validate_full().map_err(refused)?;
    }
    Ok(())
}

type Described<'py> =
    (String, String, Bound<'py, PyAny>, Option<PyReadonlyArray1<'py, bool>>, Option<(String, Option<String>)>);

fn column(described: &Bound<'_, PyAny>) -> PyResult<Column> {
    let (name, kind, cells, missing, time): Described<'_> = described.extract()?;
    let missing = missing.map(numbers_of).transpose()?.unwrap_or_default();
    let is_missing = |i: usize| missing.get(i).copied().unwrap_or(false);
    let values = match kind.as_str() {
        "number" => Values::Numbers(all(&cells, |i, x| if is_missing(i) { f64::NAN } else { x })?),
        "single" => Values::Singles(all(&cells, |i, x| if is_missing(i) { f32::NAN } else { x })?),
        "integer" => Values::Integers(all(&cells, |i, x| (!is_missing(i)).then_some(x))?),
        "unsigned" => Values::Unsigned(all(&cells, |i, x| (!is_missing(i)).then_some(x))?),
        "boolean" => Values::Booleans(all(&cells, |i, x| (!is_missing(i)).then_some(x))?),
        "text" => Values::Text(cells.extract()?),
        "time" => {
            let (unit, zone) = time.unwrap_or(("ns".into(), None));
            let values = all(&cells, |i, x| (!is_missing(i)).then_some(x))?;
            Values::Times { values, unit: unit_of(&unit)?, zone }
        }
        kind => return Err(PyValueError::new_err(format!("`{kind}` must be a kind of column"))),
    };
    Ok(Column { name, values })
}

fn unit_of(name: &str) -> PyResult<Unit> {
    match name {
        "D" => Ok(Unit::Day),
        "s" => Ok(Unit::Second),
        "ms" => Ok(Unit::Millisecond),
        "us" => Ok(Unit::Microsecond),
        "ns" => Ok(Unit::Nanosecond),
        name => Err(PyValueError::new_err(format!("the unit of a time must be D, s, ms, us or ns, got {name}"))),
    }
}

/// Every cell with its place, changed by `each`.
fn all<'py, T: numpy::Element + Copy, U>(cells: &Bound<'py, PyAny>, each: impl Fn(usize, T) -> U) -> PyResult<Vec<U>> {
    let cells: PyReadonlyArray1<'py, T> = cells.extract()?;
    check_aligned(&cells)?;
    let mut changed = Vec::with_capacity(cells.len());
    changed.extend(cells.as_array().iter().enumerate().map(|(i, x)| each(i, *x)));
    Ok(changed)
}
