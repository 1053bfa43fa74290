//! Pictures seen as their patches: rows are (picture, place), gathered from the pictures as they are read out.

use std::sync::Arc;

use contractive_core::ArgumentError;
use contractive_core::patches::{PatchGrid, PictureShape};
use thiserror::Error;

use super::Dataset;

/// Why pictures have no such patches.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PatchError {
    /// Rows that are no pictures.
    #[error(
        "patches are of pictures, and the rows of {what} are none: their file must have the shape (N, H, W) or (N, H, W, 3)"
    )]
    NotPictures {
        /// What the rows are called.
        what: String,
    },
    /// Grey pictures for a model of colour, or the other way round.
    #[error("the pictures of {what} must have {expected}, got {got}", expected = channels(*expected), got = channels(*got))]
    Channels {
        /// What the pictures are called.
        what: String,
        /// Channels of the patches trained on.
        expected: usize,
        /// Channels of the pictures.
        got: usize,
    },
    /// A picture smaller than a patch.
    #[error("{what} has {got} pixels, fewer than a patch of {patch} a side")]
    Small {
        /// The picture.
        what: String,
        /// Pixels of a patch's side.
        patch: usize,
        /// The picture's shape.
        got: PictureShape,
    },
    /// A patch that does not fit the pictures, or leaves pixels between.
    #[error(transparent)]
    Grid(#[from] ArgumentError),
    /// More patches than rows are counted.
    #[error("{what} has {got} patches, and at most 4294967295 are counted; take a larger stride")]
    TooMany {
        /// What the pictures are called.
        what: String,
        /// Patches of all pictures.
        got: usize,
    },
}

fn channels(n: usize) -> String {
    match n {
        1 => "1 channel (grey)".into(),
        n => format!("{n} channels"),
    }
}

/// The pictures, and where their patches lie.
#[derive(Clone, PartialEq)]
pub(super) struct Patches {
    grid: PatchGrid,
    /// The pictures, whose storage is the patches' too.
    pictures: Dataset,
}

impl Patches {
    /// Copies patch `row` of all pictures' `values` into `out`.
    pub(super) fn gather<T: Copy>(&self, values: &[T], row: u32, out: &mut [T]) {
        let (picture, place) = (row as usize / self.grid.n_patches(), row as usize % self.grid.n_patches());
        let n = self.grid.shape().n_values();
        self.grid.gather(&values[picture * n..][..n], place, out);
    }

    /// The first patch with value `at` of all pictures' values, and which of its values that is.
    pub(super) fn row_with(&self, at: usize) -> (usize, usize) {
        let (shape, k) = (self.grid.shape(), self.grid.patch());
        let (picture, at) = (at / shape.n_values(), at % shape.n_values());
        let (y, x, c) = (at / shape.channels / shape.width, at / shape.channels % shape.width, at % shape.channels);
        let covers = |place: &usize| {
            let (top, left) = self.grid.place(*place);
            (top..top + k).contains(&y) && (left..left + k).contains(&x)
        };
        // Every pixel lies in a patch.
        let place = (0..self.grid.n_patches()).find(covers).unwrap_or(0);
        let (top, left) = self.grid.place(place);
        (picture * self.grid.n_patches() + place, ((y - top) * k + (x - left)) * shape.channels + c)
    }
}

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
