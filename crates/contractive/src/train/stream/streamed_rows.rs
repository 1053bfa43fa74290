//! Training rows that stay in their file, and which of its rows are held out.

use std::path::PathBuf;

use contractive_table::ReadOptions;

use super::identity::FileIdentity;
#[cfg(feature = "pictures")]
use super::streamed_pictures::StreamedPictures;
use crate::config::ImageSize;
use crate::train::error::TrainError;

/// Training rows in a file.
#[derive(Debug, Clone)]
pub(crate) struct StreamedRows {
    pub(super) path: PathBuf,
    /// The file that was surveyed.
    pub(super) identity: FileIdentity,
    pub(super) options: ReadOptions,
    /// Where it is a folder or an archive of pictures.
    #[cfg(feature = "pictures")]
    pub(super) pictures: Option<StreamedPictures>,
    pub(super) label_column: Option<String>,
    pub(super) n_features: usize,
    /// Whether images of bytes are divided by 255; known once all bytes were seen.
    pub(crate) divides: bool,
    /// Rows of the file that are looked at at most.
    pub(super) most_rows: u64,
    pub(super) seed: u64,
    pub(super) validation: f64,
    /// Rows that the shuffle buffer holds; 0 for the file's order.
    pub(crate) shuffle_rows: usize,
    /// Rows trained on.
    pub(crate) n_training: usize,
    /// Rows held out, those not measured included.
    pub(crate) n_validation: usize,
}

impl StreamedRows {
    /// Of pictures that differ in size their median width and height.
    pub fn median_size(&self) -> Option<ImageSize> {
        #[cfg(feature = "pictures")]
        if let Some(pictures) = self.pictures.as_ref().filter(|pictures| pictures.source.shape().is_none()) {
            return pictures.source.median_size().map(|(width, height)| ImageSize { width, height });
        }
        None
    }

    /// Where they stay.
    pub(super) fn in_words(&self) -> &'static str {
        #[cfg(feature = "pictures")]
        if self.pictures.is_some() {
            return "pictures stay where they lie";
        }
        "rows stay in the file"
    }

    /// Refuses a file that is not the one surveyed.
    pub(super) fn check_unchanged(&self) -> Result<(), TrainError> {
        match FileIdentity::of(&self.path)? == self.identity {
            true => Ok(()),
            false => Err(TrainError::Changed { path: self.path.clone() }),
        }
    }

    /// Refuses a file that was written to while its rows were read. Another one of its name is for the next epoch to refuse:
    /// what is open stays what it was.
    pub(super) fn check_not_rewritten(&self) -> Result<(), TrainError> {
        match FileIdentity::of(&self.path).is_ok_and(|now| now.is_rewritten(&self.identity)) {
            false => Ok(()),
            true => Err(TrainError::Changed { path: self.path.clone() }),
        }
    }
}

/// Whether row `row` of the file is held out.
pub(super) fn is_held_out(seed: u64, row: u64, share: f64) -> bool {
    // 2⁶⁴ · share; a share below 1 never reaches 2⁶⁴.
    hash(seed, row) < (share * 18_446_744_073_709_551_616.0) as u64
}

/// A hash of (seed, row): two rounds of SplitMix64's finaliser.
pub(super) fn hash(seed: u64, row: u64) -> u64 {
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
