//! The machine's limits: multiply-adds in registers alone, one large matrix product, and a pass through memory.
//!
//! The first is a limit, no program reaches it; the second is what good code reaches, memory included. Two threads of a
//! virtual machine may share one core: the first shows it, as far less than twice one thread's rate.

use std::sync::Barrier;
use std::time::Instant;

use contractive_core::matrix::{MatRef, multiply_adds, product};

/// f32 operations a second of multiply-adds in registers, with the instructions in use, on `threads` threads at once, for
/// about `seconds`.
pub fn multiply_add_rate(threads: usize, seconds: f64) -> f64 {
    together(threads, seconds, |_| {
        let mut x = 0.5_f32;
        move || {
            let done = multiply_adds(&mut x);
            std::hint::black_box(x);
            2.0 * done as f64
        }
    })
}

/// f32 operations a second of a product of two `n` × `n` matrices, its rows cut among `threads` threads, for about
/// `seconds` and at least one product.
pub fn product_rate(threads: usize, n: usize, seconds: f64) -> f64 {
    let number = |i: usize| (i % 1013) as f32 / 1013.0 - 0.5;
    let [a, b]: [Vec<f32>; 2] = [0, 1].map(|k| (0..n * n).map(|i| number(i * (7 + k))).collect());
    together(threads, seconds, |thread| {
        let (first, last) = (thread * n / threads, (thread + 1) * n / threads);
        let (a, b, rows) = (&a[first * n..last * n], &b[..], last - first);
        let mut c = vec![0.0_f32; rows * n];
        move || {
            product(&mut c, MatRef::new(a, rows, n), MatRef::new(b, n, n));
            std::hint::black_box(&c);
            2.0 * (rows * n * n) as f64
        }
    })
}

/// Numbers of each of the two arrays that a thread passes through: 64 MiB together, beyond the caches that it has to itself.
const PASSED: usize = 1 << 23;

/// Bytes a second of y ← 0.75 y + x over arrays that no cache holds, on `threads` threads at once, for about `seconds` and
/// at least one pass: two numbers read and one written, as an optimiser does.
pub fn memory_rate(threads: usize, seconds: f64) -> f64 {
    together(threads, seconds, |_| {
        let (x, mut y) = (vec![0.25_f32; PASSED], vec![1.0_f32; PASSED]);
        move || {
            y.iter_mut().zip(&x).for_each(|(y, x)| *y = 0.75 * *y + x);
            std::hint::black_box(&y);
            (3 * size_of::<f32>() * PASSED) as f64
        }
    })
}

/// Sum over threads of operations a second: each repeats its work, which says how many operations it was, until the time
/// is up. All start together after one round that is not counted.
fn together<W: FnMut() -> f64>(threads: usize, seconds: f64, work: impl Fn(usize) -> W + Sync) -> f64 {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let one = |thread: usize| {
            let mut round = work(thread);
            round();
            start.wait();
            let (begin, mut operations) = (Instant::now(), 0.0);
            loop {
                operations += round();
                let passed = begin.elapsed().as_secs_f64();
                if passed >= seconds {
                    return operations / passed;
                }
            }
        };
        let others: Vec<_> = (1..threads).map(|t| scope.spawn(move || one(t))).collect();
        let mine = one(0);
        // A thread that panicked counts for nothing; the panic itself was printed.
        others.into_iter().map(|t| t.join().unwrap_or(0.0)).sum::<f64>() + mine
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_positive_with_any_number_of_threads() {
        for threads in [1, 2, 3] {
            assert!(multiply_add_rate(threads, 0.0) > 0.0);
            assert!(product_rate(threads, 7, 0.0) > 0.0);
            assert!(memory_rate(threads, 0.0) > 0.0);
        }
    }
}
