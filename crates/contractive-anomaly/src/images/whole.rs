//! Pictures as wholes: small ones of one thing each, which lies in the same place in all.
//!
//! With x the [oriented gradients](super::gradients) of a picture, less their mean over training pictures and in units of their
//! spread (one for all numbers), x̂ its reconstruction by contractive autoencoders (their mean):
//!
//! ```text
//! y(x)  = [x̂, 2(x − x̂)]
//! score = (v − median)/(q₉₅ − median),  v the mean distance of y to the k nearest ones of training pictures
//! map   : |x − x̂|² of a cell, in units of ordinary pictures' cells, as the score is
//! ```
//!
//! y is the picture itself, seen with the eyes of the autoencoder: what leads away from ordinary pictures counts
//! double. Ordinary pictures are training pictures that neither a network nor the bank has seen.

use contractive::data::{Dataset, split_validation};
use contractive::encoding::EncodingError;
use contractive::model::Model;
use contractive::preprocess::Scale as Scaling;
use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::matrix::MatRef;
use contractive_core::nearest::{Bank, NearestScratch};
use contractive_core::patches::{PatchGrid, PictureShape};
use contractive_core::random::{Purpose, Stream};
use contractive_pictures::Picture;

use super::error::ImageError;
use super::features::engines;
use super::gradients::{DIRECTIONS, append_row, cells, row_width};
use super::map::HeatMap;
use super::scale::TailUnit;
use super::spec::ImageSpec;
use crate::detector::{Detector, DetectorError, DetectorSettings, TrainOptions};

/// What a residual counts, beside a reconstruction.
const RESIDUAL_WEIGHT: f32 = 2.0;
/// Most bytes of rows learnt from.
const MOST_BYTES: usize = 64 << 20;
/// Pictures that pass through the networks together.
const CHUNK: usize = 256;

/// What is learnt of whole pictures.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Whole {
    pub(super) shape: PictureShape,
    pub(super) grid: PatchGrid,
    pub(super) models: Vec<Model>,
    /// Of rows of gradients: their mean (d), and what they are divided by.
    pub(super) mean: Vec<f32>,
    pub(super) spread: f32,
    /// y of training pictures, (n, 2d).
    pub(super) bank: Bank,
    /// Units of distances, and of cells' squared residuals.
    pub(super) unit: TailUnit,
    pub(super) of_cells: TailUnit,
    pub(super) neighbours: usize,
}

/// Rows of gradients of pictures of one size.
pub(super) struct WholeRows {
    shape: PictureShape,
    grid: PatchGrid,
    rows: Vec<f32>,
}

impl WholeRows {
    /// None yet, of pictures like `first`, called `name`.
    pub(super) fn like(first: &Picture, name: &str, spec: &ImageSpec) -> Result<Self, ImageError> {
        let PictureShape { height, width, .. } = first.shape;
        if height.min(width) < spec.patch {
            return Err(ImageError::TooSmall { picture: name.to_owned(), patch: spec.patch, width, height });
        }
        let grid = cells(first.shape, spec.patch, spec.stride)?;
        Ok(WholeRows { shape: first.shape, grid, rows: Vec::new() })
    }

    /// Most pictures that there is room for.
    pub(super) fn most(&self) -> usize {
        (MOST_BYTES / (size_of::<f32>() * row_width(&self.grid))).max(1)
    }

    /// Adds a picture.
    pub(super) fn push(&mut self, picture: &Picture, name: &str) -> Result<(), ImageError> {
        same_shape(self.shape, picture, name)?;
        append_row(picture, &self.grid, &mut self.rows);
        Ok(())
    }
}

fn same_shape(expected: PictureShape, picture: &Picture, name: &str) -> Result<(), ImageError> {
    let (picture, got) = (name.to_owned(), picture.shape);
    if got.channels != expected.channels {
        return Err(ImageError::Channels { picture, expected: expected.channels, got: got.channels });
    }
    if got != expected {
        let [expected, got] = [expected, got].map(|shape| (shape.width, shape.height));
        return Err(ImageError::Size { picture, expected, got });
    }
    Ok(())
}

impl Whole {
    /// Learns from rows, at least two.
    pub(super) fn learn(
        what: &str,
        of: WholeRows,
        spec: &ImageSpec,
        settings: &DetectorSettings,
        options: &TrainOptions<'_>,
    ) -> Result<Whole, ImageError> {
        let d = row_width(&of.grid);
        let WholeRows { shape, grid, mut rows } = of;
        let (mean, spread) = standard(&rows, d);
        centre(&mut rows, &mean, spread);
        let name = format!("the pictures of {what}");
        let data =
            Dataset::from_f32(&name, d, rows.clone()).map_err(EncodingError::from).map_err(DetectorError::from)?;
        let models = Detector::networks(&data, Scaling::None, settings, options)?;
        drop(data);
        let (mut train, ordinary) = split_validation(rows.len() / d, settings.validation, settings.seed);
        let mut stream = Stream::new(settings.seed, Purpose::Analysis, 13, 0);
        stream.shuffle(&mut train);
        train.truncate(spec.bank);
        let some =
            |of: &[u32]| -> Vec<f32> { of.iter().flat_map(|r| &rows[*r as usize * d..][..d]).copied().collect() };
        let (train, ordinary) = (some(&train), some(&ordinary));
        drop(rows);
        let unit = TailUnit::default();
        let bank = Bank::new(vec![0.0; 2 * d], 2 * d);
        let neighbours = spec.neighbours;
        let mut whole = Whole { shape, grid, models, mean, spread, bank, unit, of_cells: unit, neighbours };
        let mut seen = Vec::with_capacity(2 * train.len());
        whole.seeing()?.see(&train, &mut seen)?;
        whole.bank = Bank::new(seen, 2 * d);
        let (mut distances, mut residuals) = (Vec::new(), Vec::new());
        let mut seen = Vec::new();
        whole.seeing()?.see(&ordinary, &mut seen)?;
        whole.distances(&seen, &mut NearestScratch::default(), &mut distances);
        seen.chunks_exact(2 * d).for_each(|y| residuals.extend(of_cells(&y[d..])));
        whole.unit = TailUnit::of(&mut distances);
        whole.of_cells = TailUnit::of(&mut residuals);
        Ok(whole)
    }

    /// Mean distances of rows of y to their nearest ones in the bank, added to `out`.
    fn distances(&self, seen: &[f32], scratch: &mut NearestScratch, out: &mut Vec<f64>) {
        let width = self.bank.n_features();
        let queries = MatRef::new(seen, seen.len() / width, width);
        self.bank.mean_distances(queries, self.neighbours, scratch, out);
    }

    fn seeing(&self) -> Result<Seeing<'_>, ImageError> {
        let engines = engines(&self.models)?;
        Ok(Seeing { models: &self.models, engines, width: self.mean.len(), code: vec![], output: vec![] })
    }

    /// What scores pictures, in one thread.
    pub(super) fn scorer(&self) -> Result<WholeScorer<'_>, ImageError> {
        Ok(WholeScorer { whole: self, seeing: self.seeing()?, row: vec![], seen: vec![], nearest: Default::default() })
    }
}

/// The networks at work: from x to y.
struct Seeing<'a> {
    models: &'a [Model],
    engines: Vec<CpuEngine>,
    /// d.
    width: usize,
    code: Vec<f32>,
    output: Vec<f32>,
}

impl Seeing<'_> {
    /// y of rows (n, d), added to `out`, (n, 2d).
    fn see(&mut self, rows: &[f32], out: &mut Vec<f32>) -> Result<(), ImageError> {
        rows.chunks(CHUNK * self.width).try_for_each(|some| self.see_some(some, out))
    }

    fn see_some(&mut self, rows: &[f32], out: &mut Vec<f32>) -> Result<(), ImageError> {
        let d = self.width;
        let (n, from) = (rows.len() / d, out.len());
        out.resize(from + 2 * rows.len(), 0.0);
        let share = 1.0 / self.models.len() as f32;
        for (engine, model) in self.engines.iter_mut().zip(self.models) {
            self.code.resize(n * model.architecture().code_size(), 0.0);
            self.output.resize(n * d, 0.0);
            engine.encode(MatRef::new(rows, n, d), &mut self.code)?;
            engine.decode(MatRef::new(&self.code, n, model.architecture().code_size()), &mut self.output)?;
            for (y, restored) in out[from..].chunks_exact_mut(2 * d).zip(self.output.chunks_exact(d)) {
                y.iter_mut().zip(restored).for_each(|(to, x)| *to += share * x);
            }
        }
        for (y, x) in out[from..].chunks_exact_mut(2 * d).zip(rows.chunks_exact(d)) {
            let (restored, residual) = y.split_at_mut(d);
            residual.iter_mut().zip(x).zip(restored).for_each(|((to, x), r)| *to = RESIDUAL_WEIGHT * (x - *r));
        }
        Ok(())
    }
}

/// What a thread scores pictures with.
pub(super) struct WholeScorer<'a> {
    whole: &'a Whole,
    seeing: Seeing<'a>,
    row: Vec<f32>,
    seen: Vec<f32>,
    nearest: NearestScratch,
}

impl WholeScorer<'_> {
    /// The score of a picture, called `name` in messages, and its map.
    pub(super) fn score(
        &mut self,
        picture: &Picture,
        name: &str,
        spec: &ImageSpec,
    ) -> Result<(f64, HeatMap), ImageError> {
        let whole = self.whole;
        same_shape(whole.shape, picture, name)?;
        self.row.clear();
        append_row(picture, &whole.grid, &mut self.row);
        centre(&mut self.row, &whole.mean, whole.spread);
        self.seen.clear();
        self.seeing.see(&self.row, &mut self.seen)?;
        let mut distance = Vec::with_capacity(1);
        whole.distances(&self.seen, &mut self.nearest, &mut distance);
        let cells: Vec<f64> =
            of_cells(&self.seen[whole.mean.len()..]).map(|residual| whole.of_cells.units(residual)).collect();
        let mut map = HeatMap::new(picture.shape);
        map.add(&whole.grid, &cells, 1, spec.credit, 1.0);
        map.smooth(spec.smooth);
        Ok((whole.unit.units(distance[0]), map))
    }
}

/// Squared residuals of cells, of weighted ones.
fn of_cells(residual: &[f32]) -> impl Iterator<Item = f64> {
    residual.chunks_exact(DIRECTIONS).map(|cell| cell.iter().map(|v| f64::from(*v).powi(2)).sum())
}

/// The mean of each column of rows (n, d), and the standard deviation of all numbers about them.
fn standard(rows: &[f32], d: usize) -> (Vec<f32>, f32) {
    let n = (rows.len() / d) as f64;
    let mut mean = vec![0.0_f64; d];
    rows.chunks_exact(d).for_each(|row| mean.iter_mut().zip(row).for_each(|(m, x)| *m += f64::from(*x) / n));
    let squares = rows.chunks_exact(d).flat_map(|row| row.iter().zip(&mean)).map(|(x, m)| (f64::from(*x) - m).powi(2));
    let deviation = (squares.sum::<f64>() / rows.len() as f64).sqrt();
    // Pictures that are all alike have none.
    let spread = if deviation > 1e-9 { deviation } else { 1.0 };
    (mean.into_iter().map(|m| m as f32).collect(), spread as f32)
}

fn centre(rows: &mut [f32], mean: &[f32], spread: f32) {
    rows.chunks_exact_mut(mean.len()).for_each(|row| {
        row.iter_mut().zip(mean).for_each(|(x, m)| *x = (*x - m) / spread);
    });
}
