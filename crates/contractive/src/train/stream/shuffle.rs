//! The buffer through which rows are shuffled.

use contractive_core::random::{Purpose, Stream};

/// B rows, from which a random one leaves for each that comes.
pub(super) struct Shuffle {
    rows: Vec<f32>,
    n: usize,
    most: usize,
    d: usize,
    stream: Stream,
}

impl Shuffle {
    /// A buffer of `most` rows of `d` values; 0 keeps the order.
    pub fn new(seed: u64, epoch: usize, most: usize, d: usize) -> Self {
        let stream = Stream::new(seed, Purpose::Order, epoch as u64, 0);
        Shuffle { rows: Vec::with_capacity(most * d), n: 0, most, d, stream }
    }

    /// Begins another epoch, with the buffer empty.
    pub fn begin(&mut self, seed: u64, epoch: usize) {
        self.stream = Stream::new(seed, Purpose::Order, epoch as u64, 0);
        self.rows.clear();
        self.n = 0;
    }

    /// Takes a row; once the buffer is full, one goes to `out`.
    pub fn push(&mut self, row: &[f32], out: &mut Vec<f32>) {
        if self.most == 0 {
            out.extend_from_slice(row);
        } else if self.n < self.most {
            self.rows.extend_from_slice(row);
            self.n += 1;
        } else {
            let place = &mut self.rows[self.stream.below(self.n as u32) as usize * self.d..][..self.d];
            out.extend_from_slice(place);
            place.copy_from_slice(row);
        }
    }

    /// Gives a random row of those left; false when there is none.
    pub fn pop(&mut self, out: &mut Vec<f32>) -> bool {
        if self.n == 0 {
            return false;
        }
        let at = self.stream.below(self.n as u32) as usize * self.d;
        self.n -= 1;
        let last = self.n * self.d;
        out.extend_from_slice(&self.rows[at..at + self.d]);
        self.rows.copy_within(last..last + self.d, at);
        self.rows.truncate(last);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(n: usize, most: usize, epoch: usize) -> Vec<usize> {
        let (mut shuffle, mut out) = (Shuffle::new(3, epoch, most, 2), Vec::new());
        (0..n).for_each(|i| shuffle.push(&[i as f32, -(i as f32)], &mut out));
        while shuffle.pop(&mut out) {}
        out.chunks_exact(2).map(|row| row[0] as usize).collect()
    }

    #[test]
    fn every_row_comes_once_never_too_early_and_in_a_new_order_each_epoch() {
        for most in [0, 1, 7, 100, 1000] {
            let got = order(100, most, 0);
            let mut sorted = got.clone();
            sorted.sort_unstable();
            assert!(sorted.iter().copied().eq(0..100), "{most}");
            assert!(got.iter().enumerate().all(|(place, row)| *row <= place + most), "{most}");
            assert_eq!(got == sorted, most == 0 || most == 1, "{most}");
        }
        assert_eq!(order(100, 7, 0), order(100, 7, 0));
        assert_ne!(order(100, 7, 0), order(100, 7, 1));
    }

    #[test]
    fn a_buffer_of_all_rows_makes_every_order_equally_likely() {
        let mut counts = [[0; 4]; 4];
        for epoch in 0..4000 {
            order(4, 4, epoch).iter().enumerate().for_each(|(place, row)| counts[place][*row] += 1);
        }
        // 1000 expected, deviation 27
        assert!(counts.iter().flatten().all(|count| (860..1140).contains(count)), "{counts:?}");
    }

    #[test]
    fn rows_wait_for_a_buffer_on_average() {
        let (n, most) = (20_000, 200);
        let got = order(n, most, 0);
        let early = got.iter().enumerate().filter(|(place, _)| *place < n - 5 * most);
        let waits: Vec<f64> = early.map(|(place, row)| (place + most) as f64 - *row as f64).collect();
        let mean = waits.iter().sum::<f64>() / waits.len() as f64;
        assert!((mean - most as f64).abs() < 10.0, "{mean}"); // deviation 200/√19000 ≈ 1.5
    }
}
