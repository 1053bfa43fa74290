//! The rate of the product on the shapes of the workloads of docs/performance.md, beside multiply-adds in registers and the
//! `gemm` crate, with the instructions in use.
//!
//! docs/performance.md has the command, and what it gave. Rates are GFLOP/s on one thread, the best of several runs. The
//! `gemm` crate chooses its own instructions, whatever ours are limited to.

use std::time::Instant;

use gemm_common::Parallelism;

use super::{Destination, View, ViewMut, gemm, multiply_adds};
use crate::buffer::Buffer;
use crate::instructions;

/// A product as a step does it: rows and columns of C, the sum's length, distances between rows.
struct Shape {
    what: &'static str,
    m: usize,
    n: usize,
    k: usize,
    /// Whether A is the transpose of a matrix that lies by rows.
    a_is_transposed: bool,
    /// Distance between rows of the matrix that A is, or is the transpose of; 0 for dense.
    a_stride: usize,
    /// Distance between rows of B; 0 for dense.
    b_stride: usize,
}

const fn shape(what: &'static str, m: usize, n: usize, k: usize) -> Shape {
    Shape { what, m, n, k, a_is_transposed: false, a_stride: 0, b_stride: 0 }
}

const fn transposed(what: &'static str, m: usize, n: usize, k: usize, a_stride: usize, b_stride: usize) -> Shape {
    Shape { what, m, n, k, a_is_transposed: true, a_stride, b_stride }
}

const SHAPES: [Shape; 27] = [
    shape("512 cubed", 512, 512, 512),
    shape("1024 cubed", 1024, 1024, 1024),
    shape("a: into the first layer, a lane", 16, 64, 784),
    shape("a: into the second layer", 16, 32, 64),
    shape("a: out of the decoder", 16, 784, 64),
    shape("a: back through its last layer", 16, 64, 784),
    shape("a: rows of U W", 256, 64, 32),
    shape("a: U G", 256, 64, 64),
    transposed("a: K", 64, 64, 256, 0, 0),
    shape("a: back through W", 256, 32, 64),
    transposed("a: gradient of the second layer", 32, 64, 256, 0, 0),
    transposed("a: a block of the first layer's gradient", 64, 192, 128, 1680, 784),
    transposed("a: a block of the last layer's gradient", 192, 64, 128, 1680, 1680),
    shape("a: K W", 64, 192, 64),
    shape("b: into the layer, a lane", 64, 1000, 784),
    shape("b: out of it", 64, 784, 1000),
    transposed("b: a block of the gradient", 84, 192, 128, 1000, 784),
    shape("c: U W", 2048, 1024, 512),
    shape("c: U G", 2048, 1024, 1024),
    transposed("c: K", 1024, 1024, 2048, 0, 0),
    shape("c: back through W", 2048, 512, 1024),
    transposed("c: gradient of the second layer", 512, 1024, 2048, 0, 0),
    shape("d: into the first layer, a lane", 32, 64, 30),
    shape("d: U G", 512, 64, 64),
    shape("e: into the first layer, transposed", 512, 64, 20000),
    transposed("e: a block of the gradient", 84, 192, 64, 1168, 20000),
    shape("g: out of the decoder, a block", 96, 784, 64),
];

/// Multiply-adds in registers, GFLOP/s.
fn peak() -> f64 {
    let mut x = 0.5;
    let once = |_| {
        let start = Instant::now();
        2e-9 * multiply_adds(&mut x) as f64 / start.elapsed().as_secs_f64()
    };
    (0..50).map(once).fold(0.0, f64::max)
}

fn numbers(n: usize) -> Buffer {
    let mut buffer = Buffer::zeros(n);
    buffer.iter_mut().enumerate().for_each(|(i, v)| *v = (i % 1013) as f32 / 1013.0 - 0.5);
    buffer
}

/// The best rate of `work`, which does `operations`.
fn rate(operations: f64, mut work: impl FnMut()) -> f64 {
    work();
    let repeats = (2e7 / operations).ceil().max(1.0) as usize;
    let once = |_| {
        let start = Instant::now();
        (0..repeats).for_each(|_| work());
        1e-9 * operations * repeats as f64 / start.elapsed().as_secs_f64()
    };
    (0..15).map(once).fold(0.0, f64::max)
}

#[test]
#[ignore = "a measurement, right only on a machine that does nothing else"]
fn every_shape_timed() {
    let peak = peak();
    println!("{}: multiply-adds in registers {peak:.1} GFLOP/s", instructions::name());
    println!("| product | m | n | k | GFLOP/s | of the peak | `gemm` crate |\n|---|---|---|---|---|---|---|");
    for Shape { what, m, n, k, a_is_transposed, a_stride, b_stride } in SHAPES {
        let (a_rows, a_columns) = if a_is_transposed { (k, m) } else { (m, k) };
        let (a_stride, b_stride) = (a_stride.max(a_columns), b_stride.max(n));
        let (a, b, mut c) = (numbers(a_rows * a_stride), numbers(k * b_stride), numbers(m * n));
        let operations = 2.0 * (m * n * k) as f64;
        let A = View::strided(&a, a_rows, a_columns, a_stride);
        let A = if a_is_transposed { A.t() } else { A };
        let B = View::strided(&b, k, n, b_stride);
        let ours = rate(operations, || gemm(ViewMut::new(&mut c, m, n), Destination::Set, 1.0, A, B));
        let (a_row, a_column) = if a_is_transposed { (1, a_stride as isize) } else { (a_stride as isize, 1) };
        let theirs = rate(operations, || {
            // SAFETY: strides and sizes of the three matrices above; the result is not read.
            unsafe {
                gemm_f32::gemm::f32::get_gemm_fn()(
                    m,
                    n,
                    k,
                    c.as_mut_ptr(),
                    1,
                    n as isize,
                    false,
                    a.as_ptr(),
                    a_column,
                    a_row,
                    b.as_ptr(),
                    1,
                    b_stride as isize,
                    1.0,
                    1.0,
                    false,
                    false,
                    false,
                    Parallelism::None,
                );
            }
        });
        println!("| {what} | {m} | {n} | {k} | {ours:.1} | {:.0} % | {theirs:.1} |", 100.0 * ours / peak);
    }
}
