//! Row-major f32 views that carry their shape.

/// A read-only row-major matrix: row r is `values[r·columns .. (r+1)·columns]`.
#[derive(Debug, Clone, Copy)]
pub struct MatRef<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
}

impl<'a> MatRef<'a> {
    /// A view of `rows` × `columns` numbers.
    ///
    /// # Panics
    /// When `values.len() != rows · columns`: a bug in the caller.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a {rows} x {columns} matrix over {} numbers", values.len());
        MatRef { values, rows, columns }
    }

    /// All numbers, row after row.
    pub fn values(self) -> &'a [f32] {
        self.values
    }

    /// Number of rows N.
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(self) -> usize {
        self.columns
    }

    /// Row `r`.
    ///
    /// # Panics
    /// When `r` is not below [`MatRef::rows`].
    pub fn row(self, r: usize) -> &'a [f32] {
        &self.values[r * self.columns..(r + 1) * self.columns]
    }

    /// Rows `range` as a matrix.
    ///
    /// # Panics
    /// When the range leaves the matrix.
    pub fn slice(self, range: std::ops::Range<usize>) -> MatRef<'a> {
        MatRef::new(&self.values[range.start * self.columns..range.end * self.columns], range.len(), self.columns)
    }
}
