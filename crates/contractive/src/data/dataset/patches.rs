//! Pictures seen as their patches: rows are (picture, place), gathered from the pictures as they are read out.

use contractive_core::ArgumentError;
use contractive_core::patches::{PatchGrid, PictureShape};
use thiserror::Error;

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
pub(super) struct Patches<D> {
    pub(super) grid: PatchGrid,
    /// The pictures, whose storage is the patches' too.
    pub(super) pictures: D,
}

impl<D> Patches<D> {
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
