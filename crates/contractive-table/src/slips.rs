//! A word in a column of numbers: a slip that makes text of the column.

use serde::{Deserialize, Serialize};

use crate::csv::number_or_missing;

/// Counts the numbers and words of a column of text.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Slips {
    /// Cells that are numbers.
    pub n_numbers: usize,
    n_words: usize,
    first_word: Option<(u64, String)>,
}

impl Slips {
    /// Takes note of `count` cells of this text, the first of them in row `row`, from 0.
    pub fn see(&mut self, row: u64, text: &str, count: usize) {
        match number_or_missing(text.as_bytes()) {
            Some(x) => self.n_numbers += if x.is_nan() { 0 } else { count },
            None => {
                self.n_words += count;
                self.first_word.get_or_insert_with(|| (row, text.to_owned()));
            }
        }
    }

    /// Takes note of what was seen of the cells that come after.
    pub fn append(&mut self, more: Slips) {
        self.n_numbers += more.n_numbers;
        self.n_words += more.n_words;
        self.first_word = self.first_word.take().or(more.first_word);
    }

    /// The first word and its row.
    pub fn first_word(&self) -> Option<(u64, &str)> {
        self.first_word.as_ref().map(|(row, text)| (*row, text.as_str()))
    }

    /// The first word and its row, where most cells are numbers.
    pub fn slip(&self) -> Option<(u64, &str)> {
        let is_slip = self.n_words < self.n_numbers;
        self.first_word().filter(|_| is_slip)
    }
}
