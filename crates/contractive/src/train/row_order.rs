//! The order in which rows are trained on.

use contractive_core::random::Stream;

/// Rows in an order of their own each pass, taken batch by batch; a pass ends with what is left over.
#[derive(Debug, Clone, Default)]
pub struct RowOrder {
    order: Vec<u32>,
    at: usize,
}

impl RowOrder {
    /// Begins a pass over `rows`, shuffled by `stream` where there is one: the order depends on the two alone.
    pub fn begin(&mut self, rows: &[u32], stream: Option<Stream>) {
        self.order.clear();
        self.order.extend_from_slice(rows);
        if let Some(mut stream) = stream {
            stream.shuffle(&mut self.order);
        }
        self.at = 0;
    }

    /// Passes over the next `n` rows.
    pub fn skip(&mut self, n: usize) {
        self.at = self.order.len().min(self.at + n);
    }

    /// The next `batch_size` rows, or as many as are left: none where the pass is over.
    pub fn next_batch(&mut self, batch_size: usize) -> &[u32] {
        let from = self.at;
        self.skip(batch_size);
        &self.order[from..self.at]
    }

    /// Whether all rows of the pass were taken.
    pub fn is_over(&self) -> bool {
        self.at == self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive_core::random::Purpose;

    #[test]
    fn a_pass_takes_every_row_once_and_a_resumed_one_goes_on_where_it_was() {
        let rows: Vec<u32> = (0..10).map(|i| 3 * i).collect();
        let stream = || Some(Stream::new(7, Purpose::Order, 2, 0));
        let (mut whole, mut resumed) = (RowOrder::default(), RowOrder::default());
        assert!(whole.is_over());
        whole.begin(&rows, stream());
        let mut seen: Vec<Vec<u32>> = Vec::new();
        while !whole.is_over() {
            seen.push(whole.next_batch(4).to_vec());
        }
        assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
        resumed.begin(&rows, stream());
        resumed.skip(8);
        assert_eq!(resumed.next_batch(4), seen[2]);
        let mut all = seen.concat();
        assert_ne!(all, rows);
        all.sort_unstable();
        assert_eq!(all, rows);
    }
}
