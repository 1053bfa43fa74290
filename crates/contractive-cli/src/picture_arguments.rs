//! How pictures are read: flags of `cae train`.

use clap::Args;
use contractive::config::ImageSize;
use contractive_anomaly::images::{ImageSpec, PictureSize};
use contractive_pictures::{Colour, Fit};

use crate::errors::Usage;
use crate::picture_words::{colours, fits};
use crate::training_settings::Settings;

/// How pictures are made alike, and looked at.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PictureArguments {
    /// Of pictures: grey, rgb, or auto: in colour where any of the first pictures has colour [default: auto].
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_missing_value = "rgb", value_parser = colours(), help_heading = "Pictures")]
    colour: Option<String>,
    /// The size that pictures are brought to, such as 256x256 or 256, or `none` for their own [default: none;
    /// with --detector 256x256, with --whole 32x32].
    #[arg(long, value_name = "WxH", value_parser = size, help_heading = "Pictures")]
    image_size: Option<Wish>,
    /// What becomes of a picture of another aspect: keep (it is made so small that it lies within the size), pad (and black
    /// is put around it), crop (what lies beyond is cut off) or stretch [default: keep with
    /// --detector and --patch, stretch with --whole, else pad].
    #[arg(long, value_name = "HOW", value_parser = fits(), help_heading = "Pictures")]
    fit: Option<String>,
    /// Pass over broken pictures, and say which; else the first ends the reading.
    #[arg(long, help_heading = "Pictures")]
    pub(crate) skip_broken: bool,
    /// All pictures show the same parts at the same places: what is ordinary at one place may be odd at another.
    #[arg(long, requires = "detector", help_heading = "Pictures")]
    position_aware: bool,
    /// Look at each picture as a whole, not at its patches: for small pictures of one thing each, upright and in the middle, such as
    /// digits, clothes or a part on a stage. Odd is another outline.
    #[arg(long, requires = "detector", conflicts_with = "position_aware", help_heading = "Pictures")]
    whole: bool,
}

/// A size, or that of each picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish(Option<ImageSize>);

fn size(text: &str) -> Result<Wish, String> {
    if text == "none" {
        return Ok(Wish(None));
    }
    let size = text.parse::<ImageSize>();
    let size = size.map_err(|_| "give width and height in pixels, such as 256x192, one number for both, or none")?;
    Ok(Wish(Some(size)))
}

impl PictureArguments {
    /// The first flag given, of those that a table has no use for.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let flags = [
            (self.colour.is_some(), "--colour"),
            (self.image_size.is_some(), "--image-size"),
            (self.fit.is_some(), "--fit"),
            (self.skip_broken, "--skip-broken"),
            (self.position_aware, "--position-aware"),
            (self.whole, "--whole"),
        ];
        flags.into_iter().find_map(|(is_given, flag)| is_given.then_some(flag))
    }

    /// The flags as settings of a run.
    ///
    /// # Errors
    /// As [`Settings::put`].
    pub(crate) fn put(&self, settings: &mut Settings) -> Result<(), Usage> {
        let size = self.image_size.map(|Wish(size)| match size {
            Some(size) => size.to_string(),
            None => "none".to_owned(),
        });
        let words = [("data.colour", self.colour.clone()), ("data.image_size", size), ("data.fit", self.fit.clone())];
        settings.put_pictures(words, self.skip_broken)
    }

    /// What is looked at, with patches of these sides where they were chosen.
    pub(crate) fn spec(&self, patch: Option<usize>, stride: Option<usize>) -> ImageSpec {
        let mut spec = if self.whole { ImageSpec::whole() } else { ImageSpec::default() };
        if let Some(patch) = patch {
            spec = spec.with_patch(patch);
        }
        spec.stride = stride.unwrap_or(spec.stride);
        spec.colour = self.colour.as_deref().and_then(Colour::named).unwrap_or(spec.colour);
        spec.fit = self.fit.as_deref().and_then(Fit::named).unwrap_or(spec.fit);
        if let Some(Wish(size)) = self.image_size {
            spec.size = size.map(|ImageSize { width, height }| PictureSize { width, height });
        }
        if self.position_aware {
            spec.position = ImageSpec::POSITION_AWARE;
        }
        spec
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_one_number_or_two() {
        let of = |width, height| Ok(Wish(Some(ImageSize { width, height })));
        assert_eq!([size("64"), size("64x48"), size("64×48")], [of(64, 64), of(64, 48), of(64, 48)]);
        assert_eq!(size("none"), Ok(Wish(None)));
        for bad in ["", "0", "64x", "ax4", "-1x4"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
