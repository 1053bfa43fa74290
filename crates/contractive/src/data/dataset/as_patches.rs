//! A data set of pictures as one of their patches, and back.

use std::sync::Arc;

use contractive_core::patches::{PatchGrid, PictureShape};

use super::Dataset;
use super::patches::{PatchError, Patches};

impl Dataset {
    /// The patches of these pictures as rows: patch `i` of picture `p` is row p·P + i, P patches a picture, with the label of
    /// its picture. Nothing is copied: a patch is gathered when it is read out. Of patches, those of their pictures.
    ///
    /// # Errors
    /// [`PatchError`]: rows that are no pictures, a patch larger than they are, a stride larger than the patch.
    pub fn with_patches(self, patch: usize, stride: usize) -> Result<Dataset, PatchError> {
        let pictures = self.into_pictures();
        let what = || pictures.name().to_owned();
        let shape = pictures.picture_shape.ok_or_else(|| PatchError::NotPictures { what: what() })?;
        let grid = PatchGrid::new(shape, patch, stride)?;
        let n_rows = pictures.n_rows.saturating_mul(grid.n_patches());
        if u32::try_from(n_rows).is_err() {
            return Err(PatchError::TooMany { what: what(), got: n_rows });
        }
        let each = |label: &i64| std::iter::repeat_n(*label, grid.n_patches());
        let labels = pictures.labels.as_ref().map(|labels| labels.iter().flat_map(each).collect());
        Ok(Dataset {
            name: pictures.name.clone(),
            storage: Arc::clone(&pictures.storage),
            n_rows,
            n_features: grid.n_features(),
            picture_shape: Some(PictureShape { height: patch, width: patch, channels: shape.channels }),
            labels,
            class_names: pictures.class_names.clone(),
            feature_names: None,
            sha256: pictures.sha256.clone(),
            notes: pictures.notes.clone(),
            encoding: None,
            carried: Arc::default(),
            patches: Some(Arc::new(Patches { grid, pictures })),
        })
    }

    /// Where the patches lie, when rows are patches of pictures.
    pub fn patch_grid(&self) -> Option<&PatchGrid> {
        self.patches.as_ref().map(|patches| &patches.grid)
    }

    /// Rows that belong together: the patches of a picture, else 1.
    pub fn rows_a_picture(&self) -> usize {
        self.patch_grid().map_or(1, PatchGrid::n_patches)
    }

    /// The whole pictures where rows are patches of them, with their labels and what goes along; else the rows themselves.
    /// Nothing is copied.
    pub fn pictures(&self) -> &Dataset {
        self.patches.as_ref().map_or(self, |patches| &patches.pictures)
    }

    /// As [`Dataset::pictures`].
    pub fn into_pictures(self) -> Dataset {
        match self.patches {
            None => self,
            Some(patches) => patches.pictures.clone(),
        }
    }
}
