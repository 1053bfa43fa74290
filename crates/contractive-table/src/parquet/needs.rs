//! What reading takes in memory, by the headers of all pages, before any of them is unpacked.

use std::collections::VecDeque;

use parquet::errors::Result;

use super::pages::{Pages, Weight};

/// Rows a batch are tried as they are wanted, and as these parts of that: batches hold the pages that their texts lie in.
const PARTS: [usize; 4] = [1, 8, 64, 1024];

/// What reading some columns takes beside its frames, by the rows a batch that [`Needs::of`] tells.
#[derive(Debug, Clone)]
pub(super) struct Needs {
    wanted: usize,
    /// The pages of all columns at a time.
    together: [u64; PARTS.len()],
    /// The most that pages of one column take at a time, and which it is.
    alone: [(u64, usize); PARTS.len()],
    /// The most that goes from one page to the next.
    step: u64,
    packed: u64,
}

/// What reading takes with a number of rows a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need {
    pub rows: usize,
    /// All columns at a time.
    pub together: u64,
    /// One column at a time.
    pub alone: u64,
    /// The place of that which takes most.
    pub column: usize,
}

impl Needs {
    pub fn new(wanted: usize) -> Self {
        Needs { wanted, together: Default::default(), alone: Default::default(), step: 0, packed: 0 }
    }

    /// Takes in the column at `place` through all of its `chunks`.
    pub fn add(&mut self, place: usize, chunks: impl Iterator<Item = Pages>, is_viewed: bool) -> Result<()> {
        let mut windows = PARTS.map(|part| Window::new((self.wanted / part).max(1) as u64, is_viewed));
        let (mut entries, mut before, mut pair) = (0, 0, 0);
        for mut pages in chunks {
            // The page before is held while one is unpacked, in the same row group.
            let mut last = 0;
            while let Some(page) = pages.weigh()? {
                windows.iter_mut().for_each(|window| window.add(page));
                self.packed = self.packed.max(page.packed);
                entries = entries.max(page.entries);
                before = before.max(last);
                pair = pair.max(page.bytes.saturating_add(last));
                last = page.bytes;
            }
        }
        self.step = self.step.max(before);
        for (i, window) in windows.iter().enumerate() {
            let all = window.most.saturating_add(entries);
            self.together[i] = self.together[i].saturating_add(all);
            let alone = if is_viewed { all.saturating_add(before) } else { pair.saturating_add(entries) };
            if alone > self.alone[i].0 {
                self.alone[i] = (alone, place);
            }
        }
        Ok(())
    }

    /// From many rows a batch to few.
    pub fn of(&self) -> impl Iterator<Item = Need> + '_ {
        PARTS.iter().enumerate().map(|(i, part)| Need {
            rows: (self.wanted / part).max(1),
            together: self.together[i].saturating_add(self.step).saturating_add(self.packed),
            alone: self.alone[i].0.saturating_add(self.packed),
            column: self.alone[i].1,
        })
    }
}

/// The pages of a column that are held at a time.
struct Window {
    rows: u64,
    is_viewed: bool,
    pages: VecDeque<(u64, u64)>,
    /// Rows and bytes of these.
    sums: (u64, u64),
    /// Bytes of the dictionary at hand.
    dictionary: u64,
    most: u64,
}

impl Window {
    fn new(rows: u64, is_viewed: bool) -> Self {
        Window { rows, is_viewed, pages: VecDeque::new(), sums: (0, 0), dictionary: 0, most: 0 }
    }

    fn add(&mut self, page: Weight) {
        if page.is_dictionary && self.is_viewed {
            // The one before may be held by a batch that began in the row group before.
            let before = std::mem::replace(&mut self.dictionary, page.bytes);
            self.pages.push_back((0, before));
            self.sums.1 += before;
        } else if page.rows > 0 && self.is_viewed {
            self.pages.push_back((page.rows, page.bytes));
            self.sums = (self.sums.0 + page.rows, self.sums.1 + page.bytes);
        } else {
            self.most = self.most.max(page.bytes);
        }
        // A batch may hold the end of the first page, and begins that of the last.
        while let Some(&(rows, bytes)) = self.pages.front()
            && (self.sums.0 - rows).saturating_sub(page.rows) >= self.rows
        {
            self.pages.pop_front();
            self.sums = (self.sums.0 - rows, self.sums.1 - bytes);
        }
        self.most = self.most.max(self.sums.1 + self.dictionary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(rows: u64, is_viewed: bool, pages: &[(u64, u64)]) -> u64 {
        let mut window = Window::new(rows, is_viewed);
        for &(rows, bytes) in pages {
            let is_dictionary = rows == 0;
            window.add(Weight { rows, is_dictionary, bytes, entries: 0, packed: 0 });
        }
        window.most
    }

    #[test]
    fn pages_that_a_batch_of_texts_may_touch_are_held_together() {
        let pages = [(10, 100), (10, 100), (10, 100), (10, 500)];
        assert_eq!(most(10, false, &pages), 500);
        // Row 9 to row 19: two pages; of 11 rows three.
        assert_eq!((most(10, true, &pages), most(11, true, &pages), most(21, true, &pages)), (600, 700, 800));
        assert_eq!(most(1000, true, &pages), 800);
    }

    #[test]
    fn dictionaries_stay_while_their_pages_are_read() {
        let pages = [(0, 7), (10, 1), (10, 1), (10, 1), (0, 9), (10, 1)];
        assert_eq!((most(1, false, &pages), most(1, true, &pages), most(100, true, &pages)), (9, 18, 20));
    }
}
