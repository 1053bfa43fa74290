//! What the settings of pictures ask of their reader.

use contractive_pictures::{Colour, Fit, PictureOptions, Size};
use serde::Serialize;

use super::data::DataConfig;
use super::pictures::{PictureColour, PictureFit};

impl DataConfig {
    /// How pictures of a folder or an archive are read. Where nothing is said of the fit, patches are taken of pictures of
    /// their own size, and whole pictures are padded.
    pub fn picture_options(&self) -> PictureOptions {
        PictureOptions {
            colour: match self.colour.unwrap_or_default() {
                PictureColour::Auto => Colour::Auto,
                PictureColour::Grey => Colour::Grey,
                PictureColour::Rgb => Colour::Rgb,
            },
            size: self.image_size.map(|size| Size { width: size.width, height: size.height }),
            fit: match self.fit {
                Some(PictureFit::Keep) => Fit::Keep,
                None if self.patch.is_some() => Fit::Keep,
                Some(PictureFit::Pad) | None => Fit::Pad,
                Some(PictureFit::Crop) => Fit::Crop,
                Some(PictureFit::Stretch) => Fit::Stretch,
            },
            skip_broken: self.skip_broken,
        }
    }

    /// Whether any setting of pictures in folders and archives is given; with its name and what it is set to.
    pub fn first_of_pictures(&self) -> Option<(&'static str, String)> {
        fn word(word: impl Serialize) -> String {
            serde_json::to_value(word).ok().and_then(|word| Some(word.as_str()?.to_owned())).unwrap_or_default()
        }
        [
            ("data.colour", self.colour.map(word)),
            ("data.image_size", self.image_size.map(|size| size.to_string())),
            ("data.fit", self.fit.map(word)),
            ("data.skip_broken", self.skip_broken.then(|| "true".into())),
        ]
        .into_iter()
        .find_map(|(name, got)| Some((name, got?)))
    }
}
