//! Patches of a picture as rows of numbers.
//!
//! Pixels x of 8 bits become x/255. At scale s a pixel is the mean of s × s of them (fewer at the right and lower edge). Then the
//! picture is normalised, and then every patch.

use contractive_core::patches::{PatchGrid, PictureShape};
use contractive_pictures::Picture;

use super::error::ImageError;
use super::spec::{ImageSpec, Normalise};

/// Least standard deviation that is divided by: a step of 8 bits more or less in a flat patch is no shape.
const LEAST_DEVIATION: f32 = 1.0 / 64.0;

/// Numbers of a place.
pub(super) const PLACE: usize = 2;

/// How patches of one scale are cut.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PatchRows {
    pub(super) scale: usize,
    pub(super) patch: usize,
    pub(super) stride: usize,
    pub(super) channels: usize,
    of_picture: Normalise,
    of_patch: Normalise,
    /// Whether no scale is finer. A picture too small for it is an error; any other is left out of such a picture.
    pub(super) is_finest: bool,
}

/// A picture with its patches at one scale.
pub(super) struct Cut<'a> {
    rows: &'a PatchRows,
    pub(super) grid: PatchGrid,
    values: Vec<f32>,
}

impl PatchRows {
    /// One of every scale.
    pub(super) fn of(spec: &ImageSpec, channels: usize) -> Vec<PatchRows> {
        let ImageSpec { patch, stride, picture_normalise, patch_normalise, .. } = *spec;
        let of = |(i, scale): (usize, &usize)| PatchRows {
            scale: *scale,
            patch,
            stride,
            channels,
            of_picture: picture_normalise,
            of_patch: patch_normalise,
            is_finest: i == 0,
        };
        spec.scales.iter().enumerate().map(of).collect()
    }

    /// Numbers of a patch.
    pub(super) fn n_features(&self) -> usize {
        self.patch * self.patch * self.channels
    }

    /// The patches of `picture`; `None` where it is too small for this scale.
    pub(super) fn cut(&self, picture: &Picture, name: impl Fn() -> String) -> Result<Option<Cut<'_>>, ImageError> {
        if picture.shape.channels != self.channels {
            let (expected, got) = (self.channels, picture.shape.channels);
            return Err(ImageError::Channels { picture: name(), expected, got });
        }
        let (shape, mut values) = reduced(picture, self.scale);
        if shape.height.min(shape.width) < self.patch {
            let PictureShape { width, height, .. } = picture.shape;
            let error = || ImageError::TooSmall { picture: name(), patch: self.patch * self.scale, width, height };
            return if self.is_finest { Err(error()) } else { Ok(None) };
        }
        normalise(&mut values, self.channels, self.of_picture);
        Ok(Some(Cut { rows: self, grid: PatchGrid::new(shape, self.patch, self.stride)?, values }))
    }
}

impl Cut<'_> {
    /// What the picture was made smaller by.
    pub(super) fn scale(&self) -> usize {
        self.rows.scale
    }

    /// The row of patch `i`, left in `out`.
    pub(super) fn row(&self, i: usize, out: &mut Vec<f32>) {
        out.resize(self.rows.n_features(), 0.0);
        self.grid.gather(&self.values, i, out);
        normalise(out, self.rows.channels, self.rows.of_patch);
    }

    /// The rows of some `patches`, left in `out`, row-major.
    pub(super) fn rows(&self, patches: impl ExactSizeIterator<Item = usize>, out: &mut Vec<f32>) {
        let d = self.rows.n_features();
        out.resize(patches.len() * d, 0.0);
        for (i, row) in patches.zip(out.chunks_exact_mut(d)) {
            self.grid.gather(&self.values, i, row);
            normalise(row, self.rows.channels, self.rows.of_patch);
        }
    }

    /// The place of the middle of patch `i`, down and across, in sides of the picture.
    pub(super) fn place(&self, i: usize) -> [f32; PLACE] {
        let ((top, left), shape, half) = (self.grid.place(i), self.grid.shape(), self.rows.patch as f32 / 2.0);
        [(top as f32 + half) / shape.height as f32, (left as f32 + half) / shape.width as f32]
    }
}

/// The picture made smaller by `scale`.
fn reduced(picture: &Picture, scale: usize) -> (PictureShape, Vec<f32>) {
    let PictureShape { height, width, channels } = picture.shape;
    if scale == 1 {
        return (picture.shape, picture.pixels.iter().map(|x| f32::from(*x) / 255.0).collect());
    }
    let shape = PictureShape { height: height.div_ceil(scale), width: width.div_ceil(scale), channels };
    let mut sums = vec![0_u32; shape.n_values()];
    for (y, line) in picture.pixels.chunks_exact(width * channels).enumerate() {
        let to = &mut sums[y / scale * shape.width * channels..][..shape.width * channels];
        for (x, pixel) in line.chunks_exact(channels).enumerate() {
            to[x / scale * channels..][..channels].iter_mut().zip(pixel).for_each(|(sum, v)| *sum += u32::from(*v));
        }
    }
    let side = |i: usize, n: usize| scale.min(n - i * scale);
    let line = shape.width * channels;
    let mean = |(i, sum): (usize, &u32)| {
        let n = side(i / line, height) * side(i % line / channels, width);
        *sum as f32 / (255.0 * n as f32)
    };
    (shape, sums.iter().enumerate().map(mean).collect())
}

/// Takes out of a picture or a patch what does not count.
fn normalise(row: &mut [f32], channels: usize, how: Normalise) {
    if how == Normalise::None {
        return;
    }
    let n = (row.len() / channels) as f64;
    for c in 0..channels {
        let mean = (row.iter().skip(c).step_by(channels).map(|x| f64::from(*x)).sum::<f64>() / n) as f32;
        row.iter_mut().skip(c).step_by(channels).for_each(|x| *x -= mean);
    }
    if how == Normalise::Standard {
        let squares: f64 = row.iter().map(|x| f64::from(x * x)).sum();
        let factor = 1.0 / ((squares / row.len() as f64).sqrt() as f32).max(LEAST_DEVIATION);
        row.iter_mut().for_each(|x| *x *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(height: usize, width: usize, channels: usize) -> Picture {
        let shape = PictureShape { height, width, channels };
        Picture { shape, pixels: (0..shape.n_values()).map(|i| (i * 7 % 256) as u8).collect() }
    }

    #[test]
    fn a_smaller_picture_is_the_mean_of_its_pixels() {
        let one = Picture {
            shape: PictureShape { height: 3, width: 3, channels: 1 },
            pixels: vec![0, 255, 51, 255, 0, 51, 102, 0, 204],
        };
        let (shape, values) = reduced(&one, 2);
        assert_eq!((shape.height, shape.width), (2, 2));
        assert_eq!(values, [0.5, 0.2, 0.2, 0.8]);
    }

    #[test]
    fn normalised_patches_have_no_brightness_and_no_contrast() {
        let spec = ImageSpec { patch_normalise: Normalise::Standard, ..ImageSpec::default() }.with_patch(8);
        let rows = &PatchRows::of(&spec, 3)[0];
        let picture = picture(20, 21, 3);
        let cut = rows.cut(&picture, String::new).unwrap().unwrap();
        let mut row = Vec::new();
        cut.row(5, &mut row);
        for c in 0..3 {
            assert!(row.iter().skip(c).step_by(3).sum::<f32>().abs() < 1e-3);
        }
        let mut all = Vec::new();
        cut.rows(5..7, &mut all);
        assert_eq!(row, all[..192]);
        let mut flat = vec![0.3; 12];
        normalise(&mut flat, 3, Normalise::Standard);
        assert!(flat.iter().all(|x| x.abs() < 1e-4));
    }

    #[test]
    fn small_pictures_are_an_error_at_the_first_scale_and_left_out_at_others() {
        let rows = PatchRows::of(&ImageSpec::default().with_patch(16), 1);
        let small = picture(20, 40, 1);
        assert!(rows[0].cut(&small, String::new).unwrap().is_some());
        assert!(rows[1].cut(&small, String::new).unwrap().is_none());
        assert!(matches!(rows[0].cut(&picture(15, 40, 1), String::new), Err(ImageError::TooSmall { .. })));
        assert!(matches!(rows[0].cut(&picture(20, 40, 3), String::new), Err(ImageError::Channels { .. })));
    }
}
