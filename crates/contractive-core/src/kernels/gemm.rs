//! C = alpha·A·B + beta·C over strided views; the arithmetic is the `gemm` crate's, chosen for the machine at run time.
//!
//! Views carry shape and strides, so a transpose costs nothing and a column block of a wider matrix is a view. This file
//! holds the kernels' only `unsafe`: each view is checked against its slice when it is made.
#![allow(unsafe_code)] // the gemm kernels take raw pointers

use gemm_common::Parallelism;

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
    data: &'a mut [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
}

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
        ViewMut { data, rows, columns, row_stride }
    }
}

/// A number that the kernels multiply: f32 in the engine, f64 where a difference would drown in rounding.
pub trait Element: Copy + sealed::Sealed {
    /// 1.
    const ONE: Self;
    /// The kernel chosen for this machine.
    #[doc(hidden)]
    fn kernel() -> Kernel<Self>;
}

/// The `gemm` crate's signature: m, n, k; C with its strides and whether it is read; A, B with theirs; factors of C and
/// of A·B; three conjugations; parallelism.
#[rustfmt::skip]
type Kernel<T> = unsafe fn(
    usize, usize, usize, *mut T, isize, isize, bool, *const T, isize, isize, *const T, isize, isize, T, T,
    bool, bool, bool, Parallelism,
);

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Element for f32 {
    const ONE: f32 = 1.0;
    fn kernel() -> Kernel<f32> {
        gemm_f32::gemm::f32::get_gemm_fn()
    }
}

impl Element for f64 {
    const ONE: f64 = 1.0;
    fn kernel() -> Kernel<f64> {
        gemm_f64::gemm::f64::get_gemm_fn()
    }
}

/// Whether the product replaces what is there or is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Into {
    /// C = alpha·A·B; C is not read.
    Set,
    /// C += alpha·A·B.
    Add,
}

/// C = alpha·A·B, or C += alpha·A·B, on the calling thread. Same shapes and strides, same bits.
///
/// # Panics
/// When the shapes do not fit each other.
pub fn gemm<T: Element>(C: ViewMut<'_, T>, into: Into, alpha: T, A: View<'_, T>, B: View<'_, T>) {
    assert_eq!((A.rows, A.columns, B.columns), (C.rows, B.rows, C.columns), "shapes of C (m, n) = A (m, k) B (k, n)");
    // The kernels want a column-major result; a row-major C is the transpose of one: Cᵀ = Bᵀ Aᵀ.
    let (lhs, rhs) = (B.t(), A.t());
    let (m, n, k) = (C.columns, C.rows, A.columns);
    let stride = |s: usize| s as isize;
    // SAFETY: `View::strided` and `ViewMut::strided` checked that every entry (i, j) of each view lies in its slice, and
    // transposing keeps the set of entries; the shapes fit by the assertion above. C is borrowed mutably, so it overlaps
    // neither A nor B, and its rows do not overlap each other by the check in `ViewMut::strided`. C is read only with
    // `Into::Add`.
    unsafe {
        T::kernel()(
            m,
            n,
            k,
            C.data.as_mut_ptr(),
            stride(C.row_stride),
            1,
            into == Into::Add,
            lhs.data.as_ptr(),
            stride(lhs.column_stride),
            stride(lhs.row_stride),
            rhs.data.as_ptr(),
            stride(rhs.column_stride),
            stride(rhs.row_stride),
            T::ONE,
            alpha,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every combination of transposes against three loops, with C a block of a wider matrix.
    #[test]
    fn agrees_with_three_loops() {
        let (m, n, k) = (5, 7, 19);
        let number = |i: usize| ((i * 37 % 101) as f32 - 50.0) / 50.0;
        let a: Vec<f32> = (0..m * k).map(number).collect();
        let b: Vec<f32> = (0..k * n).map(|i| number(i + 13)).collect();
        for (a_t, b_t, into) in [(false, false, Into::Set), (true, false, Into::Add), (false, true, Into::Add)] {
            let at = |i: usize, p: usize| if a_t { a[p * m + i] } else { a[i * k + p] };
            let bt = |p: usize, j: usize| if b_t { b[j * k + p] } else { b[p * n + j] };
            let A = if a_t { View::new(&a, k, m).t() } else { View::new(&a, m, k) };
            let B = if b_t { View::new(&b, n, k).t() } else { View::new(&b, k, n) };
            let mut c = vec![0.25_f32; m * (n + 2)];
            gemm(ViewMut::strided(&mut c, m, n, n + 2), into, 0.5, A, B);
            for i in 0..m {
                for j in 0..n {
                    let sum: f32 = (0..k).map(|p| at(i, p) * bt(p, j)).sum();
                    let want = 0.5 * sum + if into == Into::Add { 0.25 } else { 0.0 };
                    assert!((c[i * (n + 2) + j] - want).abs() < 1e-5);
                }
                assert_eq!(c[i * (n + 2) + n..(i + 1) * (n + 2)], [0.25, 0.25], "the neighbours are left alone");
            }
        }
    }

    #[test]
    #[should_panic(expected = "needs 18446744073709551615 entries")]
    fn a_view_whose_extent_overflows_is_refused() {
        ViewMut::strided(&mut [0.0_f32; 0], 1 << 33, 1 << 31, 1 << 31);
    }

    #[test]
    #[should_panic(expected = "needs 12 entries")]
    fn a_view_beyond_its_slice_is_refused() {
        View::new(&[0.0_f32; 11], 3, 4);
    }
}
