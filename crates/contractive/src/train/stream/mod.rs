//! Training rows that stay in their file: for tables larger than memory.
//!
//! One pass over the file before training ([`survey`](Survey)) counts its rows, learns the scaling, and keeps a bounded
//! sample: validation rows, and some training rows for the report. In each epoch a thread of its own reads the file
//! ahead by chunks, scales the rows, shuffles them through a bounded buffer, and hands blocks to the training loop.
//!
//! **Held out:** row i is held out for validation when a hash of (seed, i) falls below the share. Where more rows are
//! held out than the sample may hold, those of the lowest hashes are measured; none of the others is trained on.
//!
//! **Order:** the buffer holds B rows. Each row read takes the place of a random one in it, which goes to the training
//! loop. A row thus comes after a wait of B rows on average, geometrically distributed; never more than B rows before
//! its place in the file. With B as many as the rows of the file, every order is equally likely; with fewer, rows that
//! lie many B apart never meet in a batch. A file sorted by time or class should be shuffled once before, or given a
//! buffer of a good part of it.
//!
//! **Same seed, same bits:** the order depends on the seed, the epoch and B alone, so a resumed run reads the epoch anew
//! up to its step and goes on with the bits of one never interrupted.

mod file_rows;
mod reader;
mod shuffle;
mod survey;

use std::path::{Path, PathBuf};

use contractive_core::statistics::Statistics;
use contractive_table::ReadOptions;

use super::TrainError;
use crate::config::TrainConfig;
use crate::data::Dataset;

pub(super) use reader::Streamed;
use survey::Survey;

/// Bytes of rows that the shuffle buffer takes where no number of rows is set …
const BUFFER_BYTES: usize = 64 << 20;
/// … and the rows it takes at most then, and at least.
const BUFFER_ROWS: (usize, usize) = (1 << 16, 1 << 10);

/// Training rows in a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StreamedRows {
    path: PathBuf,
    options: ReadOptions,
    label_column: Option<String>,
    n_features: usize,
    /// Whether images of bytes are divided by 255; known once all bytes were seen.
    pub(crate) divides: bool,
    /// Rows of the file that are looked at at most.
    most_rows: u64,
    seed: u64,
    validation: f64,
    /// Rows that the shuffle buffer holds; 0 for the file's order.
    pub(crate) shuffle_rows: usize,
    /// Rows trained on.
    pub(crate) n_training: usize,
    /// Rows held out, those not measured included.
    pub(crate) n_validation: usize,
}

/// What the first pass gives to [`super::Prepared`].
pub(super) struct Surveyed {
    pub rows: StreamedRows,
    /// The rows kept in memory.
    pub data: Dataset,
    /// Those of them that are trained on, ascending.
    pub train_rows: Vec<u32>,
    /// Those of them that are held out, ascending.
    pub validation_rows: Vec<u32>,
    pub statistics: Statistics,
    /// (row of the file, column, value) of the first value outside [0, 1].
    pub first_outside: Option<(usize, usize, f32)>,
}

/// Goes through the file of a configuration once.
pub(super) fn survey(config: &TrainConfig, path: &Path) -> Result<Surveyed, TrainError> {
    let text = config.data.text();
    let options = ReadOptions { array: config.data.array.clone(), text, ..ReadOptions::default() };
    let seed = config.training.seed;
    let validation = config.data.validation;
    let label_column = config.data.label_column.clone();
    let most_rows = config.data.rows.map_or(u64::MAX, |rows| rows as u64);
    let mut rows = StreamedRows {
        path: path.to_path_buf(),
        options,
        label_column,
        n_features: 0,
        divides: true,
        most_rows,
        seed,
        validation,
        shuffle_rows: 0,
        n_training: 0,
        n_validation: 0,
    };
    let survey = Survey::of(&mut rows)?;
    let row_bytes = size_of::<f32>() * rows.n_features;
    let by_default = (BUFFER_BYTES / row_bytes.max(1)).clamp(BUFFER_ROWS.1, BUFFER_ROWS.0);
    rows.shuffle_rows = match (config.training.shuffle, config.data.shuffle_rows) {
        (false, _) => 0,
        (true, wanted) => wanted.unwrap_or(by_default).min(rows.n_training),
    };
    survey.finish(rows)
}

/// Whether row `row` of the file is held out.
fn is_held_out(seed: u64, row: u64, share: f64) -> bool {
    // 2⁶⁴ · share; a share below 1 never reaches 2⁶⁴.
    hash(seed, row) < (share * 18_446_744_073_709_551_616.0) as u64
}

/// A hash of (seed, row): two rounds of SplitMix64's finaliser.
fn hash(seed: u64, row: u64) -> u64 {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    mix(mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)).wrapping_add(row.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_held_out_is_the_one_asked_for() {
        for share in [0.0, 0.1, 0.5] {
            let n = (0..100_000).filter(|row| is_held_out(7, *row, share)).count() as f64;
            // Five standard deviations.
            assert!((n - 1e5 * share).abs() <= 5.0 * (1e5 * share * (1.0 - share)).sqrt(), "{share}: {n}");
        }
        let of = |seed| (0..1000).filter(|row| is_held_out(seed, *row, 0.1)).collect::<Vec<_>>();
        assert_ne!(of(1), of(2));
    }
}
