//! Pictures of a folder or an archive as rows, decoded ahead and cut into patches as they come.

use contractive_core::patches::{PatchGrid, PictureShape};
use contractive_core::random::{Purpose, Stream};
use contractive_pictures::{Picture, PictureSource, Pictures};

use super::streamed_pictures::StreamedPictures;
use super::streamed_rows::{StreamedRows, is_held_out};
use crate::data::PatchError;
use crate::train::error::TrainError;

/// Bytes of rows a chunk, as numbers of 64 bits.
const CHUNK: usize = 4 << 20;
/// Threads that decode, at most: more would wait for the training.
const MOST_THREADS: usize = 4;

/// A walk through pictures.
pub(super) struct PictureRows {
    pictures: Pictures,
    names: PictureSource,
    patch: Option<(usize, usize)>,
    /// The picture at hand, with its patches and the next of them.
    at_hand: Option<(u32, Picture, Option<PatchGrid>, usize)>,
    /// The number of the picture that the rows last given are of.
    group: u64,
}

impl PictureRows {
    /// All pictures in their order.
    pub fn all(of: &StreamedPictures, most: u64) -> Self {
        Self::in_order(of, of.all(most))
    }

    /// Those trained on in epoch `epoch`, in an order of its own where rows are shuffled.
    pub fn of_epoch(of: &StreamedPictures, rows: &StreamedRows, epoch: usize) -> Self {
        let mut order = of.all(rows.most_rows);
        order.retain(|picture| !is_held_out(rows.seed, u64::from(*picture), rows.validation));
        if rows.shuffle_rows > 0 {
            Stream::new(rows.seed, Purpose::Order, epoch as u64, 1).shuffle(&mut order);
        }
        Self::in_order(of, order)
    }

    fn in_order(of: &StreamedPictures, order: Vec<u32>) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(MOST_THREADS);
        let pictures = of.source.stream(order, threads);
        PictureRows { pictures, names: of.source.clone(), patch: of.patch, at_hand: None, group: 0 }
    }

    /// The number of the picture that the rows last given are of: they are held out together.
    pub fn group(&self) -> u64 {
        self.group
    }

    /// The next rows, all of one picture, in [0, 1]; false at the end.
    pub fn next(&mut self, values: &mut Vec<f64>) -> Result<bool, TrainError> {
        let scaled = |pixel: &u8| f64::from(f32::from(*pixel) / 255.0);
        if self.at_hand.is_none() {
            let Some(next) = self.pictures.next() else { return Ok(false) };
            let (index, picture) = next?;
            let grid = self.patch.map(|of| self.grid(index, picture.shape, of)).transpose()?;
            self.at_hand = Some((index, picture, grid, 0));
        }
        let Some((index, picture, grid, at)) = &mut self.at_hand else { return Ok(false) };
        self.group = u64::from(*index);
        let Some(grid) = grid else {
            values.extend(picture.pixels.iter().map(scaled));
            self.at_hand = None;
            return Ok(true);
        };
        let d = grid.n_features();
        let end = grid.n_patches().min(*at + (CHUNK / (size_of::<f64>() * d)).max(1));
        let mut patch = vec![0; d];
        for i in *at..end {
            grid.gather(&picture.pixels, i, &mut patch);
            values.extend(patch.iter().map(scaled));
        }
        *at = end;
        if end == grid.n_patches() {
            self.at_hand = None;
        }
        Ok(true)
    }

    fn grid(&self, index: u32, shape: PictureShape, (patch, stride): (usize, usize)) -> Result<PatchGrid, TrainError> {
        if shape.height.min(shape.width) < patch {
            let what = self.names.name(index as usize).into_owned();
            return Err(PatchError::Small { what, patch, got: shape }.into());
        }
        Ok(PatchGrid::new(shape, patch, stride).map_err(PatchError::from)?)
    }
}
