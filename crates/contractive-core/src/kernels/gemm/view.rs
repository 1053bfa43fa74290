//! Matrices as views of slices, each checked against its slice when it is made.
//!
//! A view for reading has two strides, so that a transpose costs nothing. A view for writing can be cut into blocks of
//! rows or columns, which different threads may then fill: it is a pointer underneath, because the rows of two blocks of
//! columns interleave in memory.

use std::marker::PhantomData;

/// A read-only strided view: entry (i, j) is `data[i·row_stride + j·column_stride]`.
#[derive(Debug, Clone, Copy)]
pub struct View<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

/// A writable strided view: entry (i, j) is `data[i·row_stride + j]`.
#[derive(Debug)]
pub struct ViewMut<'a, T> {
    data: *mut T,
    rows: usize,
    columns: usize,
    row_stride: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: a view is a mutable borrow of its entries, which no other view shares; it may go where `&mut [T]` may.
unsafe impl<T: Send> Send for ViewMut<'_, T> {}
// SAFETY: through `&ViewMut` only sizes can be read.
unsafe impl<T: Sync> Sync for ViewMut<'_, T> {}

/// Number of entries a slice needs to hold a view.
fn extent(rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> usize {
    if rows == 0 || columns == 0 {
        return 0;
    }
    let last = (rows - 1).checked_mul(row_stride).zip((columns - 1).checked_mul(column_stride));
    // A view past the end of memory fits no slice; without the check the sum would wrap to one that fits.
    let needed = last.and_then(|(down, across)| down.checked_add(across)?.checked_add(1));
    needed.unwrap_or(usize::MAX)
}

impl<'a, T> View<'a, T> {
    /// A dense row-major matrix.
    ///
    /// # Panics
    /// When `data` is shorter than rows · columns.
    pub fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        View::strided(data, rows, columns, columns)
    }

    /// A row-major matrix whose rows lie `row_stride` entries apart.
    ///
    /// # Panics
    /// When `data` is too short.
    pub fn strided(data: &'a [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        let needed = extent(rows, columns, row_stride, 1);
        assert!(data.len() >= needed, "a {rows} x {columns} view needs {needed} entries, got {}", data.len());
        View { data, rows, columns, row_stride, column_stride: 1 }
    }

    pub(super) fn as_ptr(&self) -> *const T {
        self.data.as_ptr()
    }

    pub(super) fn row_stride(&self) -> usize {
        self.row_stride
    }

    pub(super) fn column_stride(&self) -> usize {
        self.column_stride
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Whether the columns lie side by side, so that a row is a slice.
    pub fn is_by_rows(&self) -> bool {
        self.column_stride == 1 || self.columns <= 1
    }

    /// Columns `columns` alone.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn columns_in(self, columns: std::ops::Range<usize>) -> Self {
        assert!(columns.start <= columns.end && columns.end <= self.columns, "columns {columns:?} of {}", self.columns);
        let skipped = if self.rows == 0 { 0 } else { columns.start * self.column_stride };
        View { data: self.data.get(skipped..).unwrap_or_default(), columns: columns.len(), ..self }
    }

    /// The transpose, without moving anything.
    pub fn t(self) -> Self {
        View {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

impl<'a, T> ViewMut<'a, T> {
    /// A dense row-major matrix.
    ///
    /// # Panics
    /// When `data` is shorter than rows · columns.
    pub fn new(data: &'a mut [T], rows: usize, columns: usize) -> Self {
        ViewMut::strided(data, rows, columns, columns)
    }

    /// A row-major matrix whose rows lie `row_stride` entries apart.
    ///
    /// # Panics
    /// When `data` is too short or rows overlap.
    pub fn strided(data: &'a mut [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        let needed = extent(rows, columns, row_stride, 1);
        assert!(data.len() >= needed, "a {rows} x {columns} view needs {needed} entries, got {}", data.len());
        assert!(row_stride >= columns || rows <= 1, "rows of {columns} entries overlap at a stride of {row_stride}");
        ViewMut { data: data.as_mut_ptr(), rows, columns, row_stride, slice: PhantomData }
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut T {
        self.data
    }

    pub(super) fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The same entries, for a shorter time.
    pub fn reborrow(&mut self) -> ViewMut<'_, T> {
        ViewMut { slice: PhantomData, ..*self }
    }

    /// Row `i`.
    ///
    /// # Panics
    /// When there is none.
    pub fn row(&mut self, i: usize) -> &mut [T] {
        assert!(i < self.rows, "row {i} of {}", self.rows);
        // SAFETY: entries (i, 0..columns) lie in the slice by the check in `strided`, and are borrowed from `self`, which
        // shares them with no other view. Without columns the pointer is not moved.
        unsafe {
            let start = if self.columns == 0 { self.data } else { self.data.add(i * self.row_stride) };
            std::slice::from_raw_parts_mut(start, self.columns)
        }
    }

    /// The first `at` rows and the rest.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn split_rows(self, at: usize) -> (Self, Self) {
        assert!(at <= self.rows, "{at} of {} rows", self.rows);
        // wrapping: a part without rows points nowhere, and has nothing to read.
        let below = self.data.wrapping_add(at * self.row_stride);
        (ViewMut { rows: at, ..self }, ViewMut { data: below, rows: self.rows - at, ..self })
    }

    /// The first `at` columns and the rest.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn split_columns(self, at: usize) -> (Self, Self) {
        assert!(at <= self.columns, "{at} of {} columns", self.columns);
        let right = self.data.wrapping_add(at);
        (ViewMut { columns: at, ..self }, ViewMut { data: right, columns: self.columns - at, ..self })
    }
}
