//! The built-in data set `strokes`: images like handwritten digits, drawn from a seed.
//!
//! Every image is 28×28, white on black, centred, with labels 0 to 9. A skeleton of the digit is chosen, a hand moves
//! along it, and a pen leaves ink. Row i depends on (seed, part, i) alone: any subset is the prefix of a larger one.

mod hand;
mod pen;
mod skeleton;

#[cfg(test)]
mod tests;

use contractive::data::Dataset;
use contractive_table::checksum::Sha256Sum;

use crate::error::DatasetError;
use crate::part::Part;

/// Rows and columns of each image, in pixels.
pub const SIDE: usize = 28;

/// The seed of the named data set; changing it, or anything here that moves a pixel, makes another data set.
pub const SEED: u64 = 2011;

/// Rows of a part unless asked otherwise: 10,000 for training, 2,000 for testing.
pub fn default_rows(part: Part) -> usize {
    match part {
        Part::Train => 10_000,
        Part::Test => 2_000,
    }
}

/// The most rows of a part: 60,000 for training, 10,000 for testing.
pub fn max_rows(part: Part) -> usize {
    match part {
        Part::Train => 60_000,
        Part::Test => 10_000,
    }
}

/// Draws image `row` of a part into `pixels`, which must hold 28·28 bytes, and returns its label, 0 to 9.
///
/// # Panics
///
/// If `pixels` is of another length.
pub fn draw_row(seed: u64, part: Part, row: u32, pixels: &mut [u8]) -> u8 {
    assert_eq!(pixels.len(), SIDE * SIDE, "an image of strokes has {} pixels", SIDE * SIDE);
    let stream = match part {
        Part::Train => 0,
        Part::Test => 1 << 32,
    };
    let drawing = hand::draw(&mut hand::Dice::new(seed, stream | u64::from(row)), SIDE as f64);
    pen::rasterise(&drawing, SIDE, pixels);
    drawing.label
}

/// Draws the first `rows` images of a part.
///
/// # Errors
///
/// [`DatasetError::RowCount`] when `rows` is zero or more than [`max_rows`].
pub fn generate(seed: u64, part: Part, rows: usize) -> Result<Dataset, DatasetError> {
    let name = format!("strokes:{part}");
    if rows == 0 || rows > max_rows(part) {
        return Err(DatasetError::RowCount { name, asked: rows, most: max_rows(part) });
    }
    let mut pixels = vec![0; rows * SIDE * SIDE];
    let mut sum = Sha256Sum::new();
    let mut labels = Vec::with_capacity(rows);
    for (row, image) in pixels.chunks_exact_mut(SIDE * SIDE).enumerate() {
        labels.push(i64::from(draw_row(seed, part, row as u32, image)));
        sum.update(image);
    }
    Ok(Dataset::from_u8_images(name, SIDE, SIDE, pixels)?.with_labels(labels)?.with_sha256(sum.finish()))
}
