//! How pictures are made alike.

/// What a pixel is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Colour {
    /// Three channels where any of up to 16 pictures, evenly over the list, has colour (a pixel whose channels differ by more than 8),
    /// else one.
    #[default]
    Auto,
    /// One channel: luma, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
    Grey,
    /// Three channels: red, green, blue.
    Rgb,
}

impl Colour {
    /// All, in the order of their documentation.
    pub const ALL: [Colour; 3] = [Colour::Auto, Colour::Grey, Colour::Rgb];

    /// The name used in files, in Python and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Colour::Auto => "auto",
            Colour::Grey => "grey",
            Colour::Rgb => "rgb",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|colour| colour.name() == name)
    }
}

/// What becomes of a picture whose aspect is not that of the size asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fit {
    /// It is made so small that it lies within the size, and keeps its own aspect; smaller ones stay as they are. Pictures then differ in
    /// size: for models of patches.
    Keep,
    /// It is scaled until it lies within the size, in the middle, and black is put around it.
    #[default]
    Pad,
    /// It is scaled until it covers the size, and what lies beyond is cut off on both sides alike.
    Crop,
    /// It is scaled to the size, each side by itself.
    Stretch,
}

impl Fit {
    /// All, in the order of their documentation.
    pub const ALL: [Fit; 4] = [Fit::Keep, Fit::Pad, Fit::Crop, Fit::Stretch];

    /// The name used in files, in Python and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Fit::Keep => "keep",
            Fit::Pad => "pad",
            Fit::Crop => "crop",
            Fit::Stretch => "stretch",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fit| fit.name() == name)
    }
}

/// Width and height in pixels, each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// How pictures are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PictureOptions {
    /// Grey or colour.
    pub colour: Colour,
    /// The size that they are brought to; without one all must have one size, or, with [`Fit::Keep`], stay as they are.
    pub size: Option<Size>,
    /// What becomes of other aspects.
    pub fit: Fit,
    /// Whether broken files are counted and passed over; else the first ends the reading.
    pub skip_broken: bool,
}
