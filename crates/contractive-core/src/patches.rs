//! Patches of a picture: square windows of its pixels as rows, and pixels from what rows say of them.
//!
//! ```text
//! picture x (H, W, C), row-major, channels last; patch k × k at (t, l): x[t+u, l+v, c], row u·k·C + v·C + c, d = k·k·C
//! ```
//!
//! Tops are 0, s, 2s, …, and H − k where the last of these leaves pixels out; lefts likewise. Without such a last one the
//! patches are those of a convolution with kernel k, stride s and no padding. An output at a place depends on the pixels of
//! its patch alone, so that its row of the picture's Jacobian holds that of the patch, and zeros: ‖J‖²_F of the picture is Σ
//! over places of ‖J‖²_F of the patch.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::ArgumentError;

/// Height, width and channels of a picture, each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PictureShape {
    /// Rows of pixels, H.
    pub height: usize,
    /// Pixels a row, W.
    pub width: usize,
    /// Numbers a pixel, C: 1 of grey pictures, 3 of colour (red, green, blue).
    pub channels: usize,
}

impl PictureShape {
    /// A shape of one channel.
    pub fn grey(height: usize, width: usize) -> Self {
        PictureShape { height, width, channels: 1 }
    }

    /// Whether a picture has so many numbers; sizes that no integer holds have not.
    pub fn holds(&self, n_values: usize) -> bool {
        let pixels = self.height.checked_mul(self.width);
        pixels.and_then(|pixels| pixels.checked_mul(self.channels)) == Some(n_values)
    }

    /// Numbers of a picture, H·W·C.
    pub fn n_values(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Pixels of a picture, H·W.
    pub fn n_pixels(&self) -> usize {
        self.height * self.width
    }
}

/// As people write it: "28 × 28", and "64 × 48 × 3" in colour.
impl fmt::Display for PictureShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.height, self.width)?;
        if self.channels == 1 { Ok(()) } else { write!(f, " × {}", self.channels) }
    }
}

/// The places of the patches on pictures of one shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchGrid {
    shape: PictureShape,
    patch: usize,
    stride: usize,
    tops: Vec<usize>,
    lefts: Vec<usize>,
    is_convolution: bool,
}

impl PatchGrid {
    /// Patches of `patch` × `patch` pixels, `stride` apart, both at least 1.
    ///
    /// # Errors
    /// [`ArgumentError::Size`] where one is 0, the stride is larger than the patch (pixels between would not be seen), or the
    /// patch is larger than the picture.
    pub fn new(shape: PictureShape, patch: usize, stride: usize) -> Result<Self, ArgumentError> {
        let within = |what: &str, least: usize, most: usize, got: usize| match got {
            _ if got < least => Err(size_error(format!("{what}, at least"), least, got)),
            _ if got > most => Err(size_error(format!("{what}, at most"), most, got)),
            _ => Ok(()),
        };
        within("the channels of a picture", 1, usize::MAX, shape.channels)?;
        within("a patch", 1, shape.height.min(shape.width), patch)?;
        within("the way from patch to patch", 1, patch, stride)?;
        let (tops, lefts) = (starts(shape.height, patch, stride), starts(shape.width, patch, stride));
        let is_convolution = [shape.height, shape.width].iter().all(|n| (n - patch).is_multiple_of(stride));
        Ok(PatchGrid { shape, patch, stride, tops, lefts, is_convolution })
    }

    /// The pictures' shape.
    pub fn shape(&self) -> PictureShape {
        self.shape
    }

    /// Pixels from one patch to the next, s; to the last of a line it may be fewer.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Pixels of a patch's side, k.
    pub fn patch(&self) -> usize {
        self.patch
    }

    /// Patches of a picture.
    pub fn n_patches(&self) -> usize {
        self.tops.len() * self.lefts.len()
    }

    /// Rows and columns of patches.
    pub fn n_rows_columns(&self) -> (usize, usize) {
        (self.tops.len(), self.lefts.len())
    }

    /// Numbers of a patch, d = k·k·C.
    pub fn n_features(&self) -> usize {
        self.patch * self.patch * self.shape.channels
    }

    /// Top rows of the rows of patches, ascending.
    pub fn tops(&self) -> &[usize] {
        &self.tops
    }

    /// Left columns of the columns of patches, ascending.
    pub fn lefts(&self) -> &[usize] {
        &self.lefts
    }

    /// Whether all places are one stride apart, as those of a convolution are.
    pub fn is_convolution(&self) -> bool {
        self.is_convolution
    }

    /// Top row and left column of patch `i`, row by row of patches.
    pub fn place(&self, i: usize) -> (usize, usize) {
        (self.tops[i / self.lefts.len()], self.lefts[i % self.lefts.len()])
    }

    /// Copies patch `i` of `picture` (H, W, C) into `out` (d).
    ///
    /// # Panics
    /// If a length is another, or there is no such patch.
    pub fn gather<T: Copy>(&self, picture: &[T], i: usize, out: &mut [T]) {
        let (run, line) = (self.patch * self.shape.channels, self.shape.width * self.shape.channels);
        assert_eq!(picture.len(), self.shape.n_values(), "a picture of the grid's shape");
        let (top, left) = self.place(i);
        for (u, out) in out.chunks_exact_mut(run).enumerate() {
            out.copy_from_slice(&picture[(top + u) * line + left * self.shape.channels..][..run]);
        }
    }
}

/// Where patches begin along a side of `n` pixels.
fn starts(n: usize, patch: usize, stride: usize) -> Vec<usize> {
    let last = n - patch;
    let mut starts: Vec<usize> = (0..=last).step_by(stride).collect();
    if starts.last() != Some(&last) {
        starts.push(last);
    }
    starts
}

fn size_error(what: String, expected: usize, got: usize) -> ArgumentError {
    ArgumentError::Size { what, unit: "pixels", expected, got }
}

/// Pixels as the mean of what the patches over them say.
#[derive(Debug, Clone)]
pub struct OverlapMean<'a> {
    grid: &'a PatchGrid,
    channels: usize,
    sums: Vec<f64>,
    weights: Vec<f64>,
}

impl<'a> OverlapMean<'a> {
    /// Of `channels` numbers a pixel: those of the pictures, or 1 for a map.
    pub fn new(grid: &'a PatchGrid, channels: usize) -> Self {
        let n = grid.shape.n_pixels();
        OverlapMean { grid, channels, sums: vec![0.0; n * channels], weights: vec![0.0; n] }
    }

    /// Adds patch `i`, (k, k, channels), every pixel with weight 1.
    pub fn add(&mut self, i: usize, patch: &[f64]) {
        self.add_weighted(i, |_, _| 1.0, |at| patch[at]);
    }

    /// Adds one number for all pixels of patch `i`, weighted by `weight` of the pixel's row and column in the patch.
    pub fn add_number(&mut self, i: usize, number: f64, weight: impl Fn(usize, usize) -> f64) {
        self.add_weighted(i, weight, |_| number);
    }

    fn add_weighted(&mut self, i: usize, weight: impl Fn(usize, usize) -> f64, value: impl Fn(usize) -> f64) {
        let ((top, left), k) = (self.grid.place(i), self.grid.patch);
        for u in 0..k {
            for v in 0..k {
                let (pixel, w) = ((top + u) * self.grid.shape.width + left + v, weight(u, v));
                self.weights[pixel] += w;
                for c in 0..self.channels {
                    self.sums[pixel * self.channels + c] += w * value((u * k + v) * self.channels + c);
                }
            }
        }
    }

    /// The means, (H, W, channels); 0 where no patch was added.
    pub fn finish(mut self) -> Vec<f64> {
        for (pixel, weight) in self.sums.chunks_exact_mut(self.channels).zip(&self.weights) {
            let divisor = if *weight > 0.0 { *weight } else { 1.0 };
            pixel.iter_mut().for_each(|sum| *sum /= divisor);
        }
        self.sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(height: usize, width: usize, channels: usize) -> PictureShape {
        PictureShape { height, width, channels }
    }

    #[test]
    fn patches_lie_where_a_convolutions_do_and_the_last_reach_the_edge() {
        let grid = PatchGrid::new(shape(7, 6, 1), 3, 2).unwrap();
        assert_eq!((grid.n_rows_columns(), grid.is_convolution()), ((3, 3), false));
        assert_eq!((grid.place(0), grid.place(5), grid.place(8)), ((0, 0), (2, 3), (4, 3)));
        assert!(PatchGrid::new(shape(7, 7, 1), 3, 2).unwrap().is_convolution());
        let picture: Vec<usize> = (0..42).collect();
        let mut patch = [0; 9];
        grid.gather(&picture, 5, &mut patch);
        assert_eq!(patch, [15, 16, 17, 21, 22, 23, 27, 28, 29]);
    }

    #[test]
    fn sizes_that_make_no_grid_are_refused() {
        for (patch, stride) in [(0, 1), (4, 0), (9, 1), (3, 4)] {
            assert!(matches!(PatchGrid::new(shape(8, 9, 3), patch, stride), Err(ArgumentError::Size { .. })));
        }
        assert!(PatchGrid::new(shape(8, 9, 0), 3, 1).is_err());
    }

    proptest! {
        #[test]
        fn the_patches_of_a_picture_give_it_back(
            (height, width, channels, patch) in (1..12usize, 1..12usize, 1..4usize, 1..6usize), stride in 1..6usize,
        ) {
            prop_assume!(patch <= height.min(width) && stride <= patch);
            let grid = PatchGrid::new(shape(height, width, channels), patch, stride).unwrap();
            let picture: Vec<f64> = (0..grid.shape().n_values()).map(|i| i as f64).collect();
            let (mut mean, mut row) = (OverlapMean::new(&grid, channels), vec![0.0; grid.n_features()]);
            for i in 0..grid.n_patches() {
                grid.gather(&picture, i, &mut row);
                mean.add(i, &row);
            }
            prop_assert_eq!(mean.finish(), picture);
        }
    }
}
