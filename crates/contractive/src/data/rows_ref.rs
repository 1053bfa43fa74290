//! Rows for a model: a data set, or numbers that a program has already.

use super::Dataset;

/// Rows to be encoded, borrowed.
///
/// ```
/// use contractive::data::RowsRef;
///
/// let values = [0.5_f32, 1.0, 0.25, 0.75, 0.0, 1.0];
/// let rows = RowsRef::from((&values[..], [2, 3])); // two rows of three features
/// assert_eq!(rows.len(), 2);
/// ```
#[derive(Debug, Clone, Copy)]
pub enum RowsRef<'a> {
    /// A data set.
    Dataset(&'a Dataset),
    /// Row-major values.
    Values {
        /// The values, `shape[0] · shape[1]` of them.
        values: &'a [f32],
        /// Rows and features.
        shape: [usize; 2],
    },
}

impl<'a> RowsRef<'a> {
    /// What the rows are called in messages.
    pub fn name(&self) -> &'a str {
        match self {
            RowsRef::Dataset(data) => data.name(),
            RowsRef::Values { .. } => "the rows",
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            RowsRef::Dataset(data) => data.len(),
            RowsRef::Values { shape, .. } => shape[0],
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> From<&'a Dataset> for RowsRef<'a> {
    fn from(data: &'a Dataset) -> Self {
        RowsRef::Dataset(data)
    }
}

impl<'a> From<(&'a [f32], [usize; 2])> for RowsRef<'a> {
    fn from((values, shape): (&'a [f32], [usize; 2])) -> Self {
        RowsRef::Values { values, shape }
    }
}

impl<'a> From<(&'a Vec<f32>, [usize; 2])> for RowsRef<'a> {
    fn from((values, shape): (&'a Vec<f32>, [usize; 2])) -> Self {
        RowsRef::Values { values, shape }
    }
}
