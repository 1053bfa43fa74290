//! The section `[data]`: which data, and how they are read.

use serde::{Deserialize, Serialize};

use super::pictures::{ImageSize, PictureColour, PictureFit};
use crate::data::{ColumnOptions, TextOptions};
use crate::encoding::MissingRule;
use crate::preprocess::{LibrarySize, Scale};

/// The section `[data]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A registered name or a path, as `DataSpec` of the crate `contractive-datasets` reads it. Default `strokes`.
    pub spec: String,
    /// Only the first rows of the training part; all by default (`"none"` in a layer unsets it).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Column of a table that holds labels, not features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// Columns of a table to learn from; by default all that are nothing else. Text is a category, a feature a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// Columns of a table that are carried along with its rows, cell for cell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Columns of numbers that are categories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categorical: Vec<String>,
    /// What becomes of missing cells of a table: `refuse`, or the training rows' `mean` or `median`. Default `refuse`.
    #[serde(skip_serializing_if = "is_refuse")]
    pub missing: MissingRule,
    /// Array of an NPZ archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
    /// Whether the rows are the columns of the file. Default false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub transpose: bool,
    /// Whether the first line of a text table names its columns. By default it does unless it is all
    /// numbers other than 0, 1, 2, …, which pandas writes above columns without names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// What stands before the fraction of a text table's numbers, `.` or `,`. By default a point; where semicolons part the
    /// cells, what a column's first fraction has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<char>,
    /// What parts the thousands of a text table's numbers: `,`, `.`, `_`, a space or an apostrophe. By default nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thousands: Option<char>,
    /// Of pictures in a folder or an archive: `auto`, `grey` or `rgb`. Left out: `auto`, colour where there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<PictureColour>,
    /// Of pictures in a folder or an archive: width and height that they are brought to, such as "64x48", or one number for
    /// both. Left out: all have one size, or with `patch` each its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<ImageSize>,
    /// Of pictures in a folder or an archive, what becomes of other aspects than that of `image_size`: `keep`, `pad`, `crop` or
    /// `stretch`. Left out: `pad`, and with `patch` `keep`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<PictureFit>,
    /// Whether broken pictures of a folder or an archive are counted and passed over. Default false: the first is an error.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub skip_broken: bool,
    /// Pixels of a patch's side: pictures are trained on patch by patch, as a convolution sees them. By default (`"none"`) on
    /// whole pictures.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "super::one_patch::deserialize")]
    pub patch: Option<usize>,
    /// Pixels from patch to patch, from 1 to `patch`. Left out: half of `patch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// Share of the training rows (of patches: of the pictures) held out for validation, at least 0 and below 1. Default
    /// 0.1; 0 holds out none.
    pub validation: f64,
    /// Whether the rows stay in their file and are read anew each epoch: for tables larger than memory. Default false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// Rows of the buffer through which a stream is shuffled, at least 1. By default as many as 64 MiB hold, at most
    /// 65,536 and at least 1,024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shuffle_rows: Option<usize>,
    /// What the sum of each row becomes before features are scaled: `median`, of the sums of the training rows, or a number.
    /// By default (`"none"`) rows are not divided by their sums.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library_size: Option<LibrarySize>,
    /// Whether log(1 + x) is taken before features are scaled, and after `library_size`. Default false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub log1p: bool,
    /// How features are scaled, learnt on the training rows. Left out, or `"auto"`: none for images (already in [0, 1]);
    /// for tables `minmax` with a cross-entropy loss, else `standard`. A stream takes no `robust` and no `quantile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
}

fn is_refuse(rule: &MissingRule) -> bool {
    *rule == MissingRule::Refuse
}

impl DataConfig {
    /// What the columns of a table are for.
    pub fn column_options(&self) -> ColumnOptions {
        ColumnOptions {
            columns: self.columns.clone(),
            keys: self.keys.clone(),
            categories: self.categorical.clone(),
            missing: self.missing,
        }
    }

    /// Pixels of a patch's side, and from patch to patch, where pictures are seen as patches.
    pub fn patches(&self) -> Option<(usize, usize)> {
        self.patch.map(|patch| (patch, self.stride.unwrap_or((patch / 2).max(1))))
    }

    /// How a text table is spelled.
    pub fn text(&self) -> TextOptions {
        TextOptions { header: self.header, decimal: self.decimal, thousands: self.thousands }
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        DataConfig {
            spec: "strokes".into(),
            rows: None,
            label_column: None,
            columns: None,
            keys: Vec::new(),
            categorical: Vec::new(),
            missing: MissingRule::Refuse,
            array: None,
            transpose: false,
            colour: None,
            image_size: None,
            fit: None,
            skip_broken: false,
            patch: None,
            stride: None,
            header: None,
            decimal: None,
            thousands: None,
            validation: 0.1,
            stream: false,
            shuffle_rows: None,
            library_size: None,
            log1p: false,
            scale: None,
        }
    }
}
