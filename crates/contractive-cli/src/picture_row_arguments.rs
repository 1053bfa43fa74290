//! How pictures of a folder or an archive are made alike for a model: flags of the commands that use one.

use clap::Args;
use contractive::config::ImageSize;
use contractive_pictures::{Colour, Fit, PictureOptions, Size};

use crate::picture_words::{colours, fits};

/// How pictures are read.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PictureRowArguments {
    /// Of a folder or an archive of pictures: red, green and blue, or grey; auto: colour where any of those looked at has
    /// some [default:
    /// that of the model].
    #[arg(long, value_name = "NAME", value_parser = colours(), help_heading = "Pictures")]
    pub(crate) colour: Option<String>,
    /// Of a folder or an archive of pictures: width and height that they are brought to, in pixels, or one number for both
    /// [default: that of training].
    #[arg(long, value_name = "WxH", value_parser = image_size, help_heading = "Pictures")]
    pub(crate) image_size: Option<ImageSize>,
    /// What becomes of pictures of another aspect than --image-size: pad (black around), crop (what lies beyond is cut off),
    /// stretch, or keep (made to lie within it; sizes may then differ, for --patch) [default: that of training].
    #[arg(long, value_name = "HOW", value_parser = fits(), help_heading = "Pictures")]
    pub(crate) fit: Option<String>,
    /// Pass over broken pictures, and say how many and which; without this the first is an error.
    #[arg(long, help_heading = "Pictures")]
    pub(crate) skip_broken: bool,
}

fn image_size(text: &str) -> Result<ImageSize, String> {
    text.parse()
}

impl PictureRowArguments {
    /// The first flag given, with its value: what is of pictures must not be passed over with other data.
    pub(crate) fn first(&self) -> Option<&'static str> {
        let all = [
            ("--colour", self.colour.is_some()),
            ("--image-size", self.image_size.is_some()),
            ("--fit", self.fit.is_some()),
            ("--skip-broken", self.skip_broken),
        ];
        all.into_iter().find_map(|(flag, is_given)| is_given.then_some(flag))
    }

    /// Whether it was said how pictures of several sizes or aspects are made alike.
    pub(crate) fn is_made_alike(&self) -> bool {
        self.image_size.is_some() || self.fit.is_some()
    }

    /// As [`PictureRowArguments::first`], of what says how pictures are made alike.
    pub(crate) fn first_but_broken(&self) -> Option<&'static str> {
        PictureRowArguments { skip_broken: false, ..self.clone() }.first()
    }

    /// The options, those not given as in `otherwise`.
    pub(crate) fn options(&self, otherwise: PictureOptions) -> PictureOptions {
        let colour = self.colour.as_deref().and_then(Colour::named).unwrap_or(otherwise.colour);
        let fit = self.fit.as_deref().and_then(Fit::named).unwrap_or(otherwise.fit);
        let size = self.image_size.map(|size| Size { width: size.width, height: size.height });
        let skip_broken = self.skip_broken || otherwise.skip_broken;
        PictureOptions { colour, size: size.or(otherwise.size), fit, skip_broken }
    }
}
