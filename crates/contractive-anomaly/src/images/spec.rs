//! How pictures are cut into patches, and patches become a score of each pixel and each picture.

use contractive_pictures::{Colour, Fit, PictureOptions, Size};
use serde::{Deserialize, Serialize};

use super::error::ImageError;

/// Largest side of a patch, in pixels.
const LARGEST_PATCH: usize = 64;
/// Largest factor that a picture is made smaller by.
const LARGEST_SCALE: usize = 16;
/// Largest side of a picture.
const LARGEST_SIDE: usize = 16_384;

/// What of a picture is looked at. Stored with the detector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageSpec {
    /// Pixels of a patch's side, from 2 to 64. Default 8.
    pub patch: usize,
    /// Pixels from patch to patch, from 1 to the patch's side. Default half the side.
    pub stride: usize,
    /// Factors that pictures are made smaller by before they are cut, ascending, from 1 to 16. Default 1 and 2.
    pub scales: Vec<usize>,
    /// The size that pictures are brought to. Default 256 × 256.
    pub size: Option<PictureSize>,
    /// What becomes of another aspect. Default keep.
    #[serde(with = "FitName")]
    pub fit: Fit,
    /// Grey or colour. Default auto.
    #[serde(with = "ColourName")]
    pub colour: Colour,
    /// What is taken out of each picture. Default standard: brightness and contrast of the whole picture do not count.
    pub picture_normalise: Normalise,
    /// What is taken out of each patch. Default nothing.
    pub patch_normalise: Normalise,
    /// Whether pictures are looked at as wholes, all of one size: the outline of the one thing that each shows in the same place.
    /// `patch` and `stride` are then those of the cells in which edges are counted; scales, `picture_normalise`,
    /// `patch_normalise`, `score`, `position` and `top_share` count for nothing. Default no.
    pub whole: bool,
    /// What a patch's score is made of.
    pub score: PatchScore,
    /// How much the place in the picture counts where neighbours are looked for, at least 0; 0 for pictures whose parts
    /// lie anywhere. At 1 a whole side of the picture counts as one standard deviation of each number of a feature.
    pub position: f64,
    /// Training patches, or whole pictures, kept to look for neighbours among, from 16 to 65,536. Default 2,000; of whole pictures
    /// 16,384.
    pub bank: usize,
    /// Neighbours whose mean distance counts, from 1 to 64. Default 1.
    pub neighbours: usize,
    /// Standard deviation of the weight that a patch's score has for its pixels, in sides of the patch, above 0: pixels in
    /// the middle take more of it than those at the rim.
    pub credit: f64,
    /// Standard deviation of the Gaussian that the map is smoothed by, in pixels, at least 0.
    pub smooth: f64,
    /// The share of a picture's pixels, those of the highest scores, whose mean is the picture's score, above 0 and at most 1.
    pub top_share: f64,
}

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureSize {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// What is taken out of pictures or patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalise {
    /// Nothing: brightness counts.
    None,
    /// The mean of each channel: brightness does not count.
    Mean,
    /// The mean of each channel, and then the standard deviation over all of them divides (at least 1/64 of the range of
    /// pixels, of patches of normalised pictures 1/64): neither brightness nor contrast counts.
    #[default]
    Standard,
}

impl Normalise {
    /// All, in the order of their documentation.
    pub const ALL: [Normalise; 3] = [Normalise::None, Normalise::Mean, Normalise::Standard];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Normalise::None => "none",
            Normalise::Mean => "mean",
            Normalise::Standard => "standard",
        }
    }
}

/// What the score of a patch is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchScore {
    /// The reconstruction error.
    Error,
    /// The distance of code, error and contrast to the nearest among those of training patches, whitened.
    #[default]
    Nearest,
}

impl PatchScore {
    /// All, in the order of their documentation.
    pub const ALL: [PatchScore; 2] = [PatchScore::Error, PatchScore::Nearest];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            PatchScore::Error => "error",
            PatchScore::Nearest => "nearest",
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Fit", rename_all = "snake_case")]
enum FitName {
    Keep,
    Pad,
    Crop,
    Stretch,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Colour", rename_all = "snake_case")]
enum ColourName {
    Auto,
    Grey,
    Rgb,
}

impl Default for ImageSpec {
    fn default() -> Self {
        ImageSpec {
            patch: 8,
            stride: 4,
            scales: vec![1, 2],
            size: Some(PictureSize { width: 256, height: 256 }),
            fit: Fit::Keep,
            colour: Colour::Auto,
            picture_normalise: Normalise::Standard,
            patch_normalise: Normalise::None,
            whole: false,
            score: PatchScore::default(),
            position: 0.0,
            bank: 2000,
            neighbours: 1,
            credit: 0.25,
            smooth: 2.0,
            top_share: 0.01,
        }
    }
}

impl ImageSpec {
    /// What `position` is where all pictures show the same parts at the same places: a tenth of the side of a picture counts as
    /// a fifth of a standard deviation of each number.
    pub const POSITION_AWARE: f64 = 2.0;

    /// Pictures as wholes: brought to 32 × 32 pixels, whatever their aspect.
    pub fn whole() -> Self {
        ImageSpec {
            whole: true,
            size: Some(PictureSize { width: 32, height: 32 }),
            fit: Fit::Stretch,
            scales: vec![1],
            bank: 16_384,
            ..ImageSpec::default()
        }
    }

    /// The layers of an encoder where none are chosen.
    pub fn hidden(&self) -> Vec<usize> {
        if self.whole { vec![256, 64] } else { vec![128, 12] }
    }

    /// Patches of another side, half of it apart.
    pub fn with_patch(self, patch: usize) -> Self {
        ImageSpec { patch, stride: (patch / 2).max(1), ..self }
    }

    /// How pictures are read for this detector; broken ones are passed over where it `skips_broken`.
    pub fn options(&self, skips_broken: bool) -> PictureOptions {
        let size = self.size.map(|PictureSize { width, height }| Size { width, height });
        PictureOptions { colour: self.colour, size, fit: self.fit, skip_broken: skips_broken }
    }

    /// Refuses settings outside their range.
    ///
    /// # Errors
    /// [`ImageError::Setting`].
    pub fn check(&self) -> Result<(), ImageError> {
        let check = |name, is_right: bool, must_be: &str, got: String| {
            if is_right { Ok(()) } else { Err(ImageError::Setting { name, must_be: must_be.into(), got }) }
        };
        let (patch, stride) = (self.patch, self.stride);
        check("patch", (2..=LARGEST_PATCH).contains(&patch), "from 2 to 64 pixels", patch.to_string())?;
        let must_be = format!("from 1 to the patch's {patch} pixels, so that every pixel is in a patch");
        check("stride", (1..=patch).contains(&stride), &must_be, stride.to_string())?;
        let ascend = self.scales.windows(2).all(|pair| pair[0] < pair[1]);
        let are_right =
            ascend && self.scales.first().is_some_and(|s| *s >= 1) && self.scales.iter().all(|s| *s <= LARGEST_SCALE);
        check("scales", are_right, "at least one factor from 1 to 16, ascending", format!("{:?}", self.scales))?;
        if let Some(PictureSize { width, height }) = self.size {
            let is_right = [width, height].iter().all(|side| (patch..=LARGEST_SIDE).contains(side));
            let must_be = format!("from the patch's {patch} to {LARGEST_SIDE} pixels a side");
            check("size", is_right, &must_be, format!("{width}x{height}"))?;
        }
        let number = |name, is_right: bool, must_be: &str, got: f64| check(name, is_right, must_be, got.to_string());
        number("position", self.position.is_finite() && self.position >= 0.0, "finite and at least 0", self.position)?;
        check("bank", (16..=65_536).contains(&self.bank), "from 16 to 65,536 patches", self.bank.to_string())?;
        check("neighbours", (1..=64).contains(&self.neighbours), "from 1 to 64", self.neighbours.to_string())?;
        number("credit", self.credit.is_finite() && self.credit > 0.0, "finite and above 0 sides", self.credit)?;
        number("smooth", (0.0..=256.0).contains(&self.smooth), "from 0 to 256 pixels", self.smooth)?;
        number("top_share", self.top_share > 0.0 && self.top_share <= 1.0, "above 0 and at most 1", self.top_share)
    }
}
