//! What can go wrong with a detector of pictures.

use std::path::PathBuf;

use thiserror::Error;

use crate::detector::DetectorError;
use contractive::model::ModelError;
use contractive_core::ArgumentError;
use contractive_pictures::PictureError;

/// Why pictures cannot be learnt from or scored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A setting outside its range.
    #[error("the {name} of a detector of pictures must be {must_be}, got {got}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its range in words.
        must_be: String,
        /// What was given.
        got: String,
    },
    /// Too few pictures to learn from.
    #[error("{data}: a detector of pictures needs at least {least} pictures to train on, got {got}")]
    TooFew {
        /// The data.
        data: String,
        /// Pictures needed.
        least: usize,
        /// Pictures there are.
        got: usize,
    },
    /// A picture that no patch fits into.
    #[error("{picture}: a picture must be at least {patch} × {patch} pixels, got {width} × {height}")]
    TooSmall {
        /// The picture.
        picture: String,
        /// Pixels of a patch's side.
        patch: usize,
        /// Its width.
        width: usize,
        /// Its height.
        height: usize,
    },
    /// A picture of other channels than those trained on.
    #[error("{picture}: the detector was trained on pictures of {expected} channels, this one has {got}")]
    Channels {
        /// The picture.
        picture: String,
        /// Channels trained on.
        expected: usize,
        /// Channels of the picture.
        got: usize,
    },
    /// A picture of another size than those trained on as wholes.
    #[error("{picture}: pictures that are looked at as wholes must all be of {} × {} pixels, got {} × {}", expected.0, expected.1, got.0, got.1)]
    Size {
        /// The picture.
        picture: String,
        /// Width and height of the first.
        expected: (usize, usize),
        /// Width and height of the picture.
        got: (usize, usize),
    },
    /// A result that is not finite.
    #[error(
        "{picture}: {what} must be finite, got {value}; the detector is damaged, or the picture beyond what it can tell"
    )]
    NotFinite {
        /// The picture.
        picture: String,
        /// What is not finite: the score, a pixel of the heat map.
        what: &'static str,
        /// ∞ or NaN.
        value: f64,
    },
    /// A file that cannot be read or written.
    #[error("cannot {verb} {}: {source}", path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A stored number that cannot be right.
    #[error("{}: {reason}; it is damaged or not a detector of pictures", path.display())]
    Stored {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Pictures that cannot be read.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The networks, their training or the threshold.
    #[error(transparent)]
    Detector(#[from] DetectorError),
}

impl From<ArgumentError> for ImageError {
    fn from(error: ArgumentError) -> Self {
        ImageError::Detector(error.into())
    }
}

impl From<ModelError> for ImageError {
    fn from(error: ModelError) -> Self {
        ImageError::Detector(error.into())
    }
}
