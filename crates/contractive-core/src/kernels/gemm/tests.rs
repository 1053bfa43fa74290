//! The product against three loops in f64 and against the `gemm` crate.

use super::*;
use crate::kernels::trial::numbers;

/// Shapes that meet every tile: rows left over by six, panels of one to four vectors, less than a vector, several blocks
/// of k, none.
#[cfg(not(miri))]
const SHAPES: [[usize; 3]; 12] = [
    [1, 1, 1],
    [5, 7, 19],
    [6, 64, 256],
    [17, 48, 300],
    [13, 130, 64],
    [30, 300, 257],
    [24, 272, 513],
    [2, 16, 5],
    [11, 33, 7],
    [4, 3, 0],
    [0, 5, 3],
    [3, 0, 4],
];

/// Shapes whose pieces are copied where those of their halves are not: A turned for many panels, A transposed, several
/// groups of rows, B far apart.
#[cfg(not(miri))]
const COPIED: [[usize; 3]; 3] = [[199, 1100, 260], [400, 270, 300], [27, 300, 20]];

/// The smallest shapes that meet the same, for an interpreter.
#[cfg(miri)]
const SHAPES: [[usize; 3]; 8] =
    [[1, 1, 1], [5, 7, 19], [13, 18, 6], [7, 9, 257], [2, 16, 5], [4, 3, 0], [0, 5, 3], [3, 0, 4]];
#[cfg(miri)]
const COPIED: [[usize; 3]; 4] = [[199, 5, 3], [27, 257, 2], [18, 33, 3], [2, 129, 257]];

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// C of `m` rows in records of n + 3, by [`gemm`].
fn by_the_page(m: usize, n: usize, k: usize, a: &[f32], b: &[f32], a_t: bool, into: Destination<'_, f32>) -> Vec<f32> {
    let A = if a_t { View::new(a, k, m).t() } else { View::new(a, m, k) };
    let mut c = vec![0.25_f32; m * (n + 3)];
    gemm(ViewMut::strided(&mut c, m, n, n + 3), into, 0.5, A, View::new(b, k, n));
    c
}

#[test]
fn agrees_with_three_loops_and_leaves_the_neighbours_alone() {
    for [m, n, k] in SHAPES {
        let (a, b, bias) = (numbers(1, m * k), numbers(2, k * n), numbers(3, n));
        for a_t in [false, true] {
            for into in [Destination::Set, Destination::Add, Destination::Bias(&bias)] {
                let c = by_the_page(m, n, k, &a, &b, a_t, into);
                for i in 0..m {
                    for j in 0..n {
                        let from_a = |p: usize| f64::from(if a_t { a[p * m + i] } else { a[i * k + p] });
                        let terms: Vec<f64> = (0..k).map(|p| from_a(p) * f64::from(b[p * n + j])).collect();
                        let before = match into {
                            Destination::Set => 0.0,
                            Destination::Add => 0.25,
                            Destination::Bias(bias) => f64::from(bias[j]),
                        };
                        let want = 0.5 * terms.iter().sum::<f64>() + before;
                        let size = 1.0 + terms.iter().map(|t| t.abs()).sum::<f64>();
                        let got = f64::from(c[i * (n + 3) + j]);
                        assert!(
                            (got - want).abs() < 1e-6 * size,
                            "({m}, {n}, {k}), entry ({i}, {j}): {got} not {want}"
                        );
                    }
                    assert_eq!(c[i * (n + 3) + n..(i + 1) * (n + 3)], [0.25; 3], "the neighbours are left alone");
                }
            }
        }
    }
}

/// The bits of an entry do not depend on which block of C it is computed in, nor on B's distance between rows, nor on what
/// is copied.
#[test]
fn blocks_of_the_result_have_the_bits_of_the_whole() {
    for [m, n, k] in SHAPES.into_iter().chain(COPIED) {
        let (a, b, bias) = (numbers(4, m * k), numbers(5, k * n), numbers(3, n));
        for (a_t, into) in [false, true]
            .into_iter()
            .flat_map(|a_t| [Destination::Set, Destination::Add, Destination::Bias(&bias)].map(|into| (a_t, into)))
        {
            let whole = by_the_page(m, n, k, &a, &b, a_t, into);
            let A = if a_t { View::new(&a, k, m).t() } else { View::new(&a, m, k) };
            let rows_of_a = |rows: std::ops::Range<usize>| A.t().columns_in(rows).t();
            let mut cut = vec![0.25_f32; m * (n + 3)];
            for (rows, columns) in [(m / 3, n / 2), (m, n / 3)] {
                cut.fill(0.25);
                let view = ViewMut::strided(&mut cut, m, n, n + 3);
                let (left, right) = view.split_columns(columns);
                for (block, from, width) in [(left, 0, columns), (right, columns, n - columns)] {
                    let B = View::new(&b, k, n).columns_in(from..from + width);
                    let (top, bottom) = block.split_rows(rows);
                    let into = match into {
                        Destination::Bias(bias) => Destination::Bias(&bias[from..from + width]),
                        other => other,
                    };
                    gemm(top, into, 0.5, rows_of_a(0..rows), B);
                    gemm(bottom, into, 0.5, rows_of_a(rows..m), B);
                }
                let what = format!("({m}, {n}, {k}) cut at ({rows}, {columns}), transposed: {a_t}, {into:?}");
                assert!(bits(&cut) == bits(&whole), "{what}");
            }
        }
    }
}

#[test]
fn a_symmetric_product_is_the_whole_one() {
    let shapes = [(1, 3), (17, 9), (64, 300), (70, 20), (200, 40), (395, 70)];
    for (m, k) in shapes.into_iter().take(if cfg!(miri) { 2 } else { 6 }) {
        let a = numbers(6, k * m);
        let A = View::new(&a, k, m);
        let mut whole = vec![0.0; m * m];
        gemm(ViewMut::new(&mut whole, m, m), Destination::Set, 2.0, A.t(), A);
        for into in [Destination::Add, Destination::Set] {
            let mut half = vec![0.0; m * m];
            gemm_upper(ViewMut::new(&mut half, m, m), into, 2.0, A.t(), A);
            mirror(&mut half, m);
            assert!(bits(&half) == bits(&whole), "{m} x {m} over {k}, {into:?}");
        }
    }
}

/// An independent implementation, on sizes where three loops would be slow.
#[test]
#[cfg_attr(miri, ignore = "too large for an interpreter")]
fn agrees_with_the_gemm_crate() {
    let (m, n, k) = (130, 200, 700);
    let (a, b) = (numbers(7, m * k), numbers(8, k * n));
    let mut ours = vec![0.0_f32; m * n];
    gemm(ViewMut::new(&mut ours, m, n), Destination::Set, 1.0, View::new(&a, m, k), View::new(&b, k, n));
    let mut theirs = vec![0.0_f32; m * n];
    // SAFETY: dense row-major matrices of these sizes; the result is not read.
    unsafe {
        gemm_f32::gemm::f32::get_gemm_fn()(
            m,
            n,
            k,
            theirs.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.as_ptr(),
            1,
            k as isize,
            b.as_ptr(),
            1,
            n as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm_common::Parallelism::None,
        );
    }
    let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "{worst}");
}

#[test]
fn in_f64_it_keeps_its_digits() {
    let (m, n, k) = (7, 21, 33);
    let wide = |seed, count| numbers(seed, count).iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let (a, b) = (wide(9, k * m), wide(10, k * n));
    let mut c = vec![0.0; m * n];
    gemm(ViewMut::new(&mut c, m, n), Destination::Set, 1.0, View::new(&a, k, m).t(), View::new(&b, k, n));
    for i in 0..m {
        for j in 0..n {
            let want: f64 = (0..k).map(|p| a[p * m + i] * b[p * n + j]).sum();
            assert!((c[i * n + j] - want).abs() < 1e-13);
        }
    }
}

#[test]
#[should_panic(expected = "side by side")]
fn a_transposed_second_factor_is_refused() {
    let (a, b, mut c) = ([0.0_f32; 6], [0.0_f32; 6], [0.0_f32; 4]);
    gemm(ViewMut::new(&mut c, 2, 2), Destination::Set, 1.0, View::new(&a, 2, 3), View::new(&b, 2, 3).t());
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
