//! What networks and pixels tell of a patch: its feature.
//!
//! With x a patch of normalised pixels, z what the networks take of it, ẑ its reconstruction, h its codes of all networks one
//! after the other:
//!
//! ```text
//! error     = mean over networks and numbers of (ẑ − z)²
//! roughness = (ln(error + 10⁻⁴), ln(deviation of x about its mean + 0.02))
//! feature   = [h, roughness, mean of the roughness of the next finer scale's patches that lie on this one]
//! ```
//!
//! Error and contrast go hand in hand in ordinary patches. Where something is blurred both are low, as they are in many
//! smooth patches, but not together with that code, nor beneath that roughness of the coarser scale: whitened, what departs
//! from going together is a direction of its own. The finest scale has no finer one, and a shorter feature.

use std::ops::Range;

use contractive::model::Model;
use contractive_core::engine::{CpuEngine, Engine};
use contractive_core::matrix::MatRef;
use contractive_core::{Loss, Objective, Penalty};

use super::error::ImageError;
use super::rows::{Cut, PatchRows};

/// What is added to an error and to a deviation before their logarithms are taken: below, differences are those of rounding.
const LEAST_ERROR: f64 = 1e-4;
const LEAST_DEVIATION: f64 = 0.02;
/// Rows that are read together.
pub(super) const CHUNK: usize = 512;
/// Numbers of a roughness.
const OF_ROUGHNESS: usize = 2;

/// How hard a patch is to restore and how much its pixels differ, as logarithms.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Roughness {
    error: f32,
    contrast: f32,
}

/// The networks of one scale.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PatchNetworks {
    pub(super) rows: PatchRows,
    pub(super) models: Vec<Model>,
}

impl PatchNetworks {
    /// Numbers of a feature.
    pub(super) fn feature_width(&self) -> usize {
        let code: usize = self.models.iter().map(|m| m.architecture().code_size()).sum();
        code + OF_ROUGHNESS * if self.rows.is_finest { 1 } else { 2 }
    }

    /// What reads features, in one thread.
    pub(super) fn reader(&self) -> Result<FeatureReader<'_>, ImageError> {
        Ok(FeatureReader {
            networks: self,
            engines: engines(&self.models)?,
            scaled: vec![],
            code: vec![],
            outputs: vec![],
            features: vec![],
            errors: vec![],
        })
    }
}

/// An engine of one thread for each network.
pub(super) fn engines(models: &[Model]) -> Result<Vec<CpuEngine>, ImageError> {
    let objective = Objective::new(Loss::Mse, Penalty::None, 0.0);
    models.iter().map(|model| Ok(model.engine_for(&objective, 1)?)).collect()
}

/// What a thread reads features with.
pub(super) struct FeatureReader<'a> {
    networks: &'a PatchNetworks,
    engines: Vec<CpuEngine>,
    scaled: Vec<f32>,
    code: Vec<f32>,
    outputs: Vec<f32>,
    /// Of the rows last read, row-major (n, width).
    features: Vec<f32>,
    /// Mean squared errors of the rows last read.
    errors: Vec<f64>,
}

impl FeatureReader<'_> {
    /// Reads the features and errors of rows (n, d). `beneath` is the mean roughness of the finer patches on each of them; of
    /// the finest scale, or where only the rows' own roughness is asked for, it is empty.
    pub(super) fn read(&mut self, rows: &[f32], beneath: &[Roughness]) -> Result<(), ImageError> {
        let d = self.networks.rows.n_features();
        let (n, width) = (rows.len() / d, self.networks.feature_width());
        self.features.clear();
        self.features.resize(n * width, 0.0);
        self.errors.clear();
        self.errors.resize(n, 0.0);
        let from = self.read_codes(rows)?;
        let rows = rows.chunks_exact(d).zip(&self.errors);
        for (i, (feature, (x, error))) in self.features.chunks_exact_mut(width).zip(rows).enumerate() {
            feature[from] = libm::log(error + LEAST_ERROR) as f32;
            feature[from + 1] = libm::log(deviation(x) + LEAST_DEVIATION) as f32;
            if let Some(Roughness { error, contrast }) = beneath.get(i) {
                feature[from + OF_ROUGHNESS..].copy_from_slice(&[*error, *contrast]);
            }
        }
        Ok(())
    }

    /// Puts rows through the networks: codes to the features, and errors. Returns where in a feature the codes end.
    fn read_codes(&mut self, rows: &[f32]) -> Result<usize, ImageError> {
        let models = &self.networks.models;
        let (d, width) = (self.networks.rows.n_features(), self.networks.feature_width());
        let n = rows.len() / d;
        let share = 1.0 / (models.len() * d) as f64;
        let mut from = 0;
        for (engine, model) in self.engines.iter_mut().zip(models) {
            let k = model.architecture().code_size();
            self.scaled.clear();
            self.scaled.extend_from_slice(rows);
            model.preprocessing().apply(&mut self.scaled);
            self.code.resize(n * k, 0.0);
            self.outputs.resize(n * d, 0.0);
            engine.encode(MatRef::new(&self.scaled, n, d), &mut self.code)?;
            engine.decode(MatRef::new(&self.code, n, k), &mut self.outputs)?;
            for (feature, code) in self.features.chunks_exact_mut(width).zip(self.code.chunks_exact(k)) {
                feature[from..from + k].copy_from_slice(code);
            }
            from += k;
            let restored = self.scaled.chunks_exact(d).zip(self.outputs.chunks_exact(d));
            for (error, (z, y)) in self.errors.iter_mut().zip(restored) {
                let squares: f32 = z.iter().zip(y).map(|(z, y)| (y - z) * (y - z)).sum();
                *error += share * f64::from(squares);
            }
        }
        Ok(from)
    }

    /// Features of the rows last read, and mean squared errors.
    pub(super) fn each(&self) -> impl Iterator<Item = (&[f32], f64)> {
        self.features.chunks_exact(self.networks.feature_width()).zip(self.errors.iter().copied())
    }

    /// The roughness of the rows last read.
    pub(super) fn roughness(&self) -> impl Iterator<Item = Roughness> {
        let width = self.networks.feature_width();
        let beneath = if self.networks.rows.is_finest { 0 } else { OF_ROUGHNESS };
        let at = width - beneath - OF_ROUGHNESS;
        self.features.chunks_exact(width).map(move |f| Roughness { error: f[at], contrast: f[at + 1] })
    }
}

/// The standard deviation of all numbers of a patch about their one mean.
fn deviation(row: &[f32]) -> f64 {
    let n = row.len() as f64;
    let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    (row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// Which patches of a finer cut lie on patches of a coarser one of the same picture: those whose middles are nearer to its
/// middle than its rim is. There is at least one, since patches of the finer leave no pixel out.
pub(super) struct Beneath {
    columns: usize,
    /// For each row of coarse patches the rows of finer ones, and the same across.
    down: Vec<Range<usize>>,
    across: Vec<Range<usize>>,
    finer_columns: usize,
}

impl Beneath {
    pub(super) fn new(coarser: &Cut<'_>, finer: &Cut<'_>) -> Self {
        let (of_coarse, of_finer) = (&coarser.grid, &finer.grid);
        let sides = [(of_coarse.patch(), coarser.scale()), (of_finer.patch(), finer.scale())];
        Beneath {
            columns: of_coarse.lefts().len(),
            down: inside(of_coarse.tops(), of_finer.tops(), sides),
            across: inside(of_coarse.lefts(), of_finer.lefts(), sides),
            finer_columns: of_finer.lefts().len(),
        }
    }

    /// The finer patches on coarse patch `i`.
    pub(super) fn patches(&self, i: usize) -> impl Iterator<Item = usize> {
        let (down, across) = (self.down[i / self.columns].clone(), self.across[i % self.columns].clone());
        let finer_columns = self.finer_columns;
        down.flat_map(move |r| across.clone().map(move |c| r * finer_columns + c))
    }

    /// The mean roughness of the finer patches on coarse patch `i`, of those of all finer ones.
    pub(super) fn mean(&self, i: usize, of_finer: &[Roughness]) -> Roughness {
        let add = |(n, error, contrast): (f32, f32, f32), j: usize| {
            (n + 1.0, error + of_finer[j].error, contrast + of_finer[j].contrast)
        };
        let (n, error, contrast) = self.patches(i).fold((0.0, 0.0, 0.0), add);
        Roughness { error: error / n, contrast: contrast / n }
    }
}

/// For each coarse patch that begins at the pixel `coarse[i]` of its scale: which of the finer ones, that begin at `finer`, lie on
/// it. `sides` are (pixels of a side, scale) of both.
fn inside(coarse: &[usize], finer: &[usize], sides: [(usize, usize); 2]) -> Vec<Range<usize>> {
    let [of_coarse, of_finer] = sides;
    // Twice the middle, in pixels of the picture.
    let middle = |start: usize, (side, scale): (usize, usize)| (2 * start + side) * scale;
    let reach = of_coarse.0 * of_coarse.1;
    let on = |start: &usize| {
        let at = middle(*start, of_coarse);
        let first = finer.partition_point(|f| middle(*f, of_finer) + reach <= at);
        let end = finer.partition_point(|f| middle(*f, of_finer) < at + reach);
        first..end
    };
    coarse.iter().map(on).collect()
}

#[cfg(test)]
mod tests {
    use contractive_core::patches::PictureShape;
    use contractive_pictures::Picture;
    use proptest::prelude::*;

    use super::*;
    use crate::images::ImageSpec;

    fn cuts(spec: &ImageSpec, height: usize, width: usize) -> (Vec<PatchRows>, Picture) {
        let shape = PictureShape { height, width, channels: 1 };
        let pixels = (0..height * width).map(|i| (i * 7 % 251) as u8).collect();
        (PatchRows::of(spec, 1), Picture { shape, pixels })
    }

    #[test]
    fn three_by_three_patches_of_half_the_side_lie_on_one_of_the_next_scale() {
        let spec = ImageSpec { scales: vec![1, 2], ..ImageSpec::default() }.with_patch(8);
        let (rows, picture) = cuts(&spec, 48, 64);
        let [finer, coarser] = [0, 1].map(|i| rows[i].cut(&picture, String::new).unwrap().unwrap());
        let beneath = Beneath::new(&coarser, &finer);
        // 11 × 15 finer ones; the second of the second row of coarse ones begins at pixel (8, 8).
        let columns = coarser.grid.n_rows_columns().1;
        let on: Vec<usize> = beneath.patches(columns + 1).collect();
        assert_eq!(on, [32, 33, 34, 47, 48, 49, 62, 63, 64]);
        let some: Vec<Roughness> = (0..165).map(|i| Roughness { error: i as f32, contrast: 1.0 }).collect();
        assert_eq!(beneath.mean(columns + 1, &some), Roughness { error: 48.0, contrast: 1.0 });
    }

    #[test]
    fn the_deviation_is_of_all_numbers_about_one_mean() {
        assert_eq!(deviation(&[1.0, 3.0, 1.0, 3.0]), 1.0);
        assert_eq!(deviation(&[0.5; 7]), 0.0);
    }

    proptest! {
        #[test]
        fn every_coarse_patch_has_a_finer_one_on_it(
            patch in 2_usize..12, stride in 1_usize..12, a in 1_usize..5, more in 1_usize..5,
            height in 1_usize..90, width in 1_usize..90,
        ) {
            let spec = ImageSpec { patch, stride: stride.min(patch), scales: vec![a, a + more], ..ImageSpec::default() };
            let (rows, picture) = cuts(&spec, height, width);
            let cut = |i: usize| rows[i].cut(&picture, String::new);
            if let (Ok(Some(finer)), Ok(Some(coarser))) = (cut(0), cut(1)) {
                let beneath = Beneath::new(&coarser, &finer);
                for i in 0..coarser.grid.n_patches() {
                    prop_assert!(beneath.patches(i).next().is_some());
                    prop_assert!(beneath.patches(i).all(|j| j < finer.grid.n_patches()));
                }
            }
        }
    }
}
