//! What is known of a registered data set.

use crate::part::Part;

/// A data set known by name.
#[derive(Debug, PartialEq, Eq)]
pub struct Registered {
    /// The name a user types.
    pub name: &'static str,
    /// One line on what it holds.
    pub description: &'static str,
    /// Terms of use and where it comes from.
    pub licence: &'static str,
    /// Rows and columns of its images, in pixels.
    pub image_shape: (usize, usize),
    /// What labels 0, 1, … stand for.
    pub class_names: &'static [&'static str],
    /// Rows of each part, (train, test); those drawn by default for a built-in set.
    pub rows: (usize, usize),
    /// The files of each part; none when the set is built in.
    pub parts: &'static [PartFiles],
}

/// The files of one part.
#[derive(Debug, PartialEq, Eq)]
pub struct PartFiles {
    /// The part.
    pub part: Part,
    /// The images, IDX compressed with gzip.
    pub images: RegisteredFile,
    /// The labels, IDX compressed with gzip.
    pub labels: RegisteredFile,
}

/// One published file.
#[derive(Debug, PartialEq, Eq)]
pub struct RegisteredFile {
    /// Its name.
    pub name: &'static str,
    /// Its official address; `None` when there is none.
    pub url: Option<&'static str>,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 sum, in hexadecimal.
    pub sha256: &'static str,
    /// Its published MD5 sum, in hexadecimal, for comparison with other tools.
    pub md5: Option<&'static str>,
}

impl Registered {
    /// Whether the set is drawn from a seed and needs no files.
    pub fn is_built_in(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether every file has an official address to download it from.
    pub fn can_be_downloaded(&self) -> bool {
        !self.is_built_in() && self.files().all(|file| file.url.is_some())
    }

    /// All files of all parts.
    pub fn files(&self) -> impl Iterator<Item = &'static RegisteredFile> + use<> {
        self.parts.iter().flat_map(|part| [&part.images, &part.labels])
    }

    pub(super) fn files_of(&self, part: Part) -> Option<&'static PartFiles> {
        self.parts.iter().find(|files| files.part == part)
    }
}
