//! How pictures of a folder or an archive are made alike, as settings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a pixel is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureColour {
    /// Red, green and blue where any of the pictures looked at has colour, else grey.
    #[default]
    Auto,
    /// One number: luma.
    Grey,
    /// Red, green and blue.
    Rgb,
}

/// What becomes of a picture of another aspect than `data.image_size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureFit {
    /// It is made so small that it lies within the size and keeps its aspect: sizes may differ, for patches.
    Keep,
    /// It lies within the size, black around it.
    Pad,
    /// It covers the size, and what lies beyond is cut off.
    Crop,
    /// Each side is scaled by itself.
    Stretch,
}

/// Width and height in pixels, each at least 1: "64x48", or one number for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSize {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for ImageSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |text: &str| text.trim().parse::<usize>().ok().filter(|side| *side > 0);
        let (width, height) = text.split_once(['x', 'X', '×']).unwrap_or((text, text));
        match (side(width), side(height)) {
            (Some(width), Some(height)) => Ok(ImageSize { width, height }),
            _ => Err(format!(
                "width and height are given in pixels, such as 64x48, or one number for both; got `{text}`"
            )),
        }
    }
}

impl Serialize for ImageSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ImageSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Side(u64),
            Text(String),
        }
        let text = match Given::deserialize(deserializer)? {
            Given::Side(side) => side.to_string(),
            Given::Text(text) => text,
        };
        text.parse().map_err(de::Error::custom)
    }
}
