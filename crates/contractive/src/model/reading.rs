//! How pictures of folders and archives were made alike for a model.

use crate::config::{ImageSize, PictureFit};

/// How pictures of folders and archives were made alike in training, as far as a model does not say by its shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PictureReading {
    /// Of a model of patches, what pictures were brought to; whole ones have the size of a row.
    pub size: Option<ImageSize>,
    /// What became of another aspect.
    pub fit: Option<PictureFit>,
    /// Of a model of patches whose pictures differed in size: their median width and height.
    pub median_size: Option<ImageSize>,
}
