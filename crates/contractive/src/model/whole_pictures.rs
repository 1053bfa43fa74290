//! A model of patches on whole pictures: what it makes of one, as the mean of the patches that overlap, and the penalty of
//! the picture, the sum over its patches.

use contractive_core::patches::{OverlapMean, PatchGrid};
use serde::{Deserialize, Serialize};

use super::{Model, ModelError, Session};
use crate::data::Dataset;

/// A model of patches ready for the pictures of one data set, whose rows are their patches
/// ([`Dataset::with_patches`]).
pub struct PictureSession<'a> {
    session: Session<'a>,
    data: &'a Dataset,
    grid: &'a PatchGrid,
}

/// A picture, judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JudgedPicture {
    /// Mean over pixels and channels of the squared error of its reconstruction, in the units of the data.
    pub mse: f64,
    /// ‖J‖²_F of the picture's code map, exact: Σ over its patches of theirs.
    pub penalty: f64,
}

/// A model of patches on whole pictures: means over these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PictureEvaluation {
    /// Number of pictures.
    pub pictures: usize,
    /// Rows of pixels of a picture.
    pub height: usize,
    /// Pixels a row.
    pub width: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Pixels of a patch's side.
    pub patch: usize,
    /// Pixels from patch to patch.
    pub stride: usize,
    /// Patches of a picture.
    pub patches: usize,
    /// Whether the patches are those of a convolution: all places one stride apart.
    pub is_convolution: bool,
    /// Mean squared error a pixel and channel of the pictures' reconstructions, in the units of the data.
    pub mse: f64,
    /// The largest such error of a picture, and which it is, from 0.
    pub largest_mse: f64,
    /// See [`PictureEvaluation::largest_mse`].
    pub largest_mse_picture: usize,
    /// ‖J‖²_F of a picture's code map, exact: Σ over its patches of theirs.
    pub penalty: f64,
}

impl<'a> PictureSession<'a> {
    /// Makes `model` ready for the pictures whose patches the rows of `data` are; `None` where its rows are no patches.
    ///
    /// # Errors
    /// [`ModelError::Argument`] for 0 threads.
    pub fn new(model: &'a Model, data: &'a Dataset, threads: usize) -> Result<Option<Self>, ModelError> {
        let Some(grid) = data.patch_grid() else { return Ok(None) };
        Ok(Some(PictureSession { session: model.session(threads)?, data, grid }))
    }

    /// Where the patches lie.
    pub fn grid(&self) -> &PatchGrid {
        self.grid
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.data.pictures().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The reconstruction of a picture, (H, W, C), in the units of the data: each pixel is the mean of the patches over it.
    ///
    /// # Errors
    /// As [`Session::encode`].
    ///
    /// # Panics
    /// If there is no such picture.
    pub fn reconstruct(&mut self, picture: usize) -> Result<Vec<f64>, ModelError> {
        let patches = self.session.reconstruct(&self.patches(picture))?;
        Ok(self.mean(&patches))
    }

    /// The picture whose patches these are: each pixel is the mean of those over it.
    fn mean(&self, patches: &[f64]) -> Vec<f64> {
        let mut mean = OverlapMean::new(self.grid, self.grid.shape().channels);
        for (i, patch) in patches.chunks_exact(self.grid.n_features()).enumerate() {
            mean.add(i, patch);
        }
        mean.finish()
    }

    /// ‖J‖²_F of each patch of a picture, exact. Rows of the Jacobian of the picture's code map that belong to different
    /// places have no number in common, so that their sum is ‖J‖²_F of the map.
    ///
    /// # Errors
    /// As [`Session::encode`].
    ///
    /// # Panics
    /// If there is no such picture.
    pub fn penalties(&mut self, picture: usize) -> Result<Vec<f64>, ModelError> {
        self.session.jacobian_squares(&self.patches(picture))
    }

    /// Both, in numbers; the patches pass through the encoder once.
    ///
    /// # Errors
    /// As [`Session::encode`].
    ///
    /// # Panics
    /// If there is no such picture.
    pub fn judge(&mut self, picture: usize) -> Result<JudgedPicture, ModelError> {
        let (patches, squares) = self.session.reconstruct_with_squares(&self.patches(picture))?;
        let restored = self.mean(&patches);
        let mut sum = 0.0;
        self.data.pictures().for_each_row(&[picture as u32], |original| {
            sum = original.iter().zip(&restored).map(|(x, x_hat)| (x - x_hat).powi(2)).sum();
        });
        Ok(JudgedPicture { mse: sum / restored.len() as f64, penalty: squares.iter().sum() })
    }

    fn patches(&self, picture: usize) -> Dataset {
        let n = self.grid.n_patches();
        let rows: Vec<u32> = (picture * n..(picture + 1) * n).map(|row| row as u32).collect();
        self.data.select(&rows)
    }
}

/// Judges `model` on the pictures whose patches the rows of `data` are, one by one: `visit` gets each with its number, from
/// 0. `None` where the rows are no patches, or there are none.
///
/// # Errors
/// As [`Session::encode`], and what `visit` gives.
pub fn evaluate_pictures<E: From<ModelError>>(
    model: &Model,
    data: &Dataset,
    threads: usize,
    mut visit: impl FnMut(usize, JudgedPicture) -> Result<(), E>,
) -> Result<Option<PictureEvaluation>, E> {
    let Some(mut session) = PictureSession::new(model, data, threads)? else { return Ok(None) };
    let n = session.len();
    if n == 0 {
        return Ok(None);
    }
    let (mut mse, mut penalty, mut largest) = (0.0, 0.0, (f64::NEG_INFINITY, 0));
    for picture in 0..n {
        let judged = session.judge(picture)?;
        mse += judged.mse;
        penalty += judged.penalty;
        if judged.mse > largest.0 {
            largest = (judged.mse, picture);
        }
        visit(picture, judged)?;
    }
    let (grid, shape) = (session.grid(), session.grid().shape());
    Ok(Some(PictureEvaluation {
        pictures: n,
        height: shape.height,
        width: shape.width,
        channels: shape.channels,
        patch: grid.patch(),
        stride: grid.stride(),
        patches: grid.n_patches(),
        is_convolution: grid.is_convolution(),
        mse: mse / n as f64,
        largest_mse: largest.0,
        largest_mse_picture: largest.1,
        penalty: penalty / n as f64,
    }))
}
