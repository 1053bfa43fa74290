//! A model of patches, and pictures as it takes them.

use contractive_core::patches::PatchGrid;

use super::patches::Patches;
use super::{Model, ModelError};
use crate::data::{Dataset, PatchError};

impl Model {
    /// The model of patches `stride` pixels apart.
    ///
    /// # Errors
    /// [`ModelError::Patches`] where its rows are no square pictures, or the stride is not from 1 to their side.
    pub fn with_patches(mut self, stride: usize) -> Result<Model, ModelError> {
        let square = self.picture_shape.filter(|shape| shape.height == shape.width);
        let shape = square.ok_or_else(|| PatchError::NotPictures { what: "the model".into() })?;
        let grid = PatchGrid::new(shape, shape.height, stride).map_err(PatchError::from)?;
        self.patches = Some(Patches::of(&grid));
        Ok(self)
    }

    /// Rows as the model takes them: pictures as their patches where it is a model of patches, of any size that holds one.
    ///
    /// # Errors
    /// [`ModelError::Patches`] for pictures of other channels, or smaller than a patch, and rows that are no pictures.
    pub fn rows_of(&self, data: Dataset) -> Result<Dataset, ModelError> {
        let Some(Patches { patch, stride }) = self.patches else { return Ok(data) };
        if let (Some(row), Some(shape)) = (self.picture_shape, data.picture_shape())
            && row.channels != shape.channels
        {
            let (what, expected, got) = (data.name().to_owned(), row.channels, shape.channels);
            return Err(PatchError::Channels { what, expected, got }.into());
        }
        Ok(data.with_patches(patch, stride)?)
    }
}
