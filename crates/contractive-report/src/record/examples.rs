//! What is shown as it is: rows beside their reconstructions, and the first layer's weights.

use contractive_core::patches::PictureShape;
use serde::{Deserialize, Serialize};

use crate::analysis::Activity;
use contractive::Error;
use contractive::data::Dataset;
use contractive::model::{Model, PictureSession};
use contractive::preprocess::ScaledRows;

/// Images shown, and rows of a table.
const IMAGES: usize = 40;
const TABLE_ROWS: usize = 12;
/// Filters shown.
const FILTERS: usize = 64;
/// Larger images are averaged down to at most this many pixels a side.
const MOST_SIDE: usize = 64;
/// Whole pictures of a model of patches that are shown, and pixels of their longer side at most.
const PICTURES: (usize, usize) = (10, 192);
/// Most features of a table's row that a profile shows.
const MOST_FEATURES: usize = 1_000;

/// A row beside its reconstruction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The row as given: brightness 0 to 1 for images, else in the network's units.
    pub original: Vec<f32>,
    /// What the autoencoder makes of it.
    pub reconstruction: Vec<f32>,
    /// Mean over features of the squared error, in the network's units and over all features.
    pub error: f64,
    /// Its label, where rows have labels.
    pub label: Option<i64>,
}

/// Rows beside their reconstructions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Examples {
    /// The shape as shown, where rows are images.
    pub picture_shape: Option<PictureShape>,
    /// Whether they are whole pictures of a model of patches.
    #[serde(default)]
    pub are_whole: bool,
    /// The rows; classes take turns where there are labels.
    pub rows: Vec<Example>,
}

/// The first layer's weights.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Filters {
    /// The shape as shown, where rows are images.
    pub picture_shape: Option<PictureShape>,
    /// Which unit each filter is; those that move most come first.
    pub units: Vec<usize>,
    /// One filter a unit.
    pub weights: Vec<Vec<f32>>,
    /// Units of the first layer in all.
    pub of: usize,
}

impl Examples {
    pub(super) fn choose(model: &Model, data: &Dataset) -> Result<Self, Error> {
        let wanted = if model.picture_shape().is_some() { IMAGES } else { TABLE_ROWS };
        let chosen = in_turns(data, wanted);
        let shown = data.select(&chosen);
        let d = shown.n_features();
        let restored = model.reconstruct(&shown, 1)?;
        let mut originals = shown.to_vec();
        let mut reconstructions: Vec<f32> = restored.iter().map(|value| *value as f32).collect();
        let rows: Vec<u32> = (0..shown.len() as u32).collect();
        let x_hat = match model.preprocessing().counts().is_none() {
            true => model.preprocessing().scaled_rows(&restored),
            // Restored counts have a sum of their own, which they must not be divided by.
            false => model.outputs(&shown, 1)?,
        };
        let mut x = Vec::new();
        ScaledRows { data: &shown, preprocessing: model.preprocessing() }.gather(&rows, &mut x);
        if model.picture_shape().is_none() {
            // Features of any size share an axis in the network's units.
            (originals, reconstructions) = (x.clone(), x_hat.clone());
        }
        let reduced = Reduced::of(model.picture_shape(), d, MOST_SIDE);
        let rows = (0..shown.len()).map(|r| {
            let row = r * d..(r + 1) * d;
            let squares = x[row.clone()].iter().zip(&x_hat[row.clone()]);
            Example {
                original: reduced.apply(&originals[row.clone()]),
                reconstruction: reduced.apply(&reconstructions[row.clone()]),
                error: squares.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>() / d as f64,
                label: shown.labels().map(|labels| labels[r]),
            }
        });
        Ok(Examples { picture_shape: reduced.shape(), are_whole: false, rows: rows.collect() })
    }

    /// Whole pictures, those with the numbers `of`, beside what a model of patches makes of them; `None` of rows that are no
    /// patches.
    pub(super) fn of_pictures(
        model: &Model,
        data: &Dataset,
        of: &[u32],
        threads: usize,
    ) -> Result<Option<Self>, Error> {
        let Some(mut session) = PictureSession::new(model, data, threads)? else { return Ok(None) };
        let (shown, shape) = (data.pictures().select(of), session.grid().shape());
        let reduced = Reduced::of(Some(shape), shape.n_values(), PICTURES.1);
        let mut rows = Vec::new();
        for row in in_turns(&shown, PICTURES.0) {
            let mut original = vec![0.0; shape.n_values()];
            shown.fill(&[row], &mut original);
            let restored: Vec<f32> =
                session.reconstruct(of[row as usize] as usize)?.into_iter().map(|value| value as f32).collect();
            let squares = original.iter().zip(&restored).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
            rows.push(Example {
                error: squares.sum::<f64>() / shape.n_values() as f64,
                original: reduced.apply(&original),
                reconstruction: reduced.apply(&restored),
                label: shown.labels().map(|labels| labels[row as usize]),
            });
        }
        Ok(Some(Examples { picture_shape: reduced.shape(), are_whole: true, rows }))
    }
}

impl Filters {
    pub(super) fn choose(model: &Model, activity: &Activity) -> Self {
        let weights = model.parameters().encoder_weight(0);
        let units: Vec<usize> = activity.liveliest_first().into_iter().take(FILTERS).collect();
        let reduced = Reduced::of(model.picture_shape(), weights.columns(), MOST_SIDE);
        Filters {
            picture_shape: reduced.shape(),
            weights: units.iter().map(|&unit| reduced.apply(weights.row(unit))).collect(),
            units,
            of: weights.rows(),
        }
    }
}

/// How rows too large to show are made smaller: the means of blocks, or the first features.
enum Reduced {
    Images { shape: PictureShape, block: usize },
    First(usize),
}

impl Reduced {
    fn of(shape: Option<PictureShape>, d: usize, most_side: usize) -> Self {
        match shape {
            Some(shape) => Reduced::Images { shape, block: shape.height.max(shape.width).div_ceil(most_side).max(1) },
            None => Reduced::First(d.min(MOST_FEATURES)),
        }
    }

    fn shape(&self) -> Option<PictureShape> {
        match *self {
            Reduced::Images { shape, block } => Some(PictureShape {
                height: shape.height.div_ceil(block),
                width: shape.width.div_ceil(block),
                channels: shape.channels,
            }),
            Reduced::First(_) => None,
        }
    }

    fn apply(&self, row: &[f32]) -> Vec<f32> {
        let (PictureShape { height, width, channels }, block) = match *self {
            Reduced::First(n) => return row[..n].to_vec(),
            Reduced::Images { block: 1, .. } => return row.to_vec(),
            Reduced::Images { shape, block } => (shape, block),
        };
        let mut small = Vec::new();
        for top in (0..height).step_by(block) {
            for left in (0..width).step_by(block) {
                let (bottom, right) = ((top + block).min(height), (left + block).min(width));
                for c in 0..channels {
                    let line = |y: usize| (left..right).map(move |x| row[(y * width + x) * channels + c]).sum::<f32>();
                    let sum: f32 = (top..bottom).map(line).sum();
                    small.push(sum / ((bottom - top) * (right - left)) as f32);
                }
            }
        }
        small
    }
}

/// `n` rows at most: the first of each class, then the second of each, and so on; without labels the first rows.
fn in_turns(data: &Dataset, n: usize) -> Vec<u32> {
    let Some(labels) = data.labels() else { return (0..data.len().min(n) as u32).collect() };
    let mut classes: std::collections::BTreeMap<i64, Vec<u32>> = std::collections::BTreeMap::new();
    for (row, label) in labels.iter().enumerate() {
        let of_class = classes.entry(*label).or_default();
        if of_class.len() < n {
            of_class.push(row as u32);
        }
    }
    let turns = (0..n).flat_map(|turn| classes.values().filter_map(move |rows| rows.get(turn).copied()));
    turns.take(n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_take_turns() {
        let data = Dataset::from_f32("x", 1, vec![0.0; 7]).unwrap();
        assert_eq!(in_turns(&data, 3), [0, 1, 2]);
        let labelled = data.with_labels(vec![2, 2, 0, 1, 0, 1, 2]).unwrap();
        assert_eq!(in_turns(&labelled, 5), [2, 3, 0, 4, 5]);
        assert_eq!(in_turns(&labelled, 99).len(), 7);
    }

    #[test]
    fn large_images_are_averaged_down_and_their_edges_kept() {
        let reduced = Reduced::of(Some(PictureShape::grey(65, 128)), 65 * 128, MOST_SIDE);
        assert_eq!(reduced.shape(), Some(PictureShape::grey(33, 64)));
        let mut image = vec![0.5; 65 * 128];
        image[64 * 128..].fill(1.0);
        let small = reduced.apply(&image);
        assert_eq!(small.len(), 33 * 64);
        assert_eq!((small[0], small[32 * 64]), (0.5, 1.0));
        assert_eq!(Reduced::of(None, 2000, MOST_SIDE).apply(&[0.0; 2000]).len(), 1000);
    }
}
