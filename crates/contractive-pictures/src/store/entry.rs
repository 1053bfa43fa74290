//! What is found in a folder or an archive.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use crate::error::PictureError;
use crate::limits::MOST_PICTURES;
use crate::names;

/// The number of each picture's class, and the classes' names.
pub(crate) type Labels = (Vec<i64>, Vec<String>);

/// A picture that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name, relative, parts joined by `/`.
    pub name: String,
    /// Bytes of its file.
    pub size: u64,
}

/// The pictures of a store, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entries {
    /// Each by its name.
    Named(Vec<Entry>),
    /// `n` pictures of `size` bytes each, whose names are their numbers: an array can hold more of them than there is memory for names.
    Numbered { n: usize, size: u64 },
}

impl Entries {
    /// Pictures.
    pub fn len(&self) -> usize {
        match self {
            Entries::Named(entries) => entries.len(),
            Entries::Numbered { n, .. } => *n,
        }
    }

    /// The name of picture `i`.
    ///
    /// # Panics
    /// If there is no such picture.
    pub fn name(&self, i: usize) -> Cow<'_, str> {
        match self {
            Entries::Named(entries) => Cow::Borrowed(&entries[i].name),
            Entries::Numbered { n, .. } => {
                assert!(i < *n, "there are {n} pictures, and none of number {i}");
                Cow::Owned(i.to_string())
            }
        }
    }

    /// Bytes of the file of picture `i`.
    pub fn size(&self, i: usize) -> u64 {
        match self {
            Entries::Named(entries) => entries[i].size,
            Entries::Numbered { size, .. } => *size,
        }
    }

    /// Labels by the folders of the names.
    pub fn labels(&self) -> Option<Labels> {
        match self {
            Entries::Named(entries) => names::labels(entries.iter().map(|entry| entry.name.as_str())),
            Entries::Numbered { .. } => None,
        }
    }
}

/// What a walk through an archive finds.
pub(super) struct Found<P> {
    pictures: BTreeMap<String, (u64, P)>,
    passed_over: Vec<String>,
    /// Bytes that may be held, and how many are left of them.
    most: u64,
    left: u64,
}

/// Names that are remembered for the message that there is no picture.
const MOST_REMEMBERED: usize = 10_000;
/// What is held of an entry beside its name.
const AN_ENTRY: usize = 160;

impl<P> Found<P> {
    /// Nothing yet, and at most so many bytes of names and places.
    pub fn within(most: u64) -> Self {
        Found { pictures: BTreeMap::new(), passed_over: Vec::new(), most, left: most }
    }

    /// A file of `size` bytes at `place`; or why there can be no more.
    pub fn add(&mut self, name: &str, size: u64, place: P) -> Result<(), String> {
        match names::of_entry(name) {
            Some(name) if names::is_picture(&name) => {
                self.take(name.len())?;
                self.pictures.insert(name, (size, place));
            }
            Some(name) if self.passed_over.len() < MOST_REMEMBERED => {
                self.take(name.len())?;
                self.passed_over.push(name);
            }
            _ => {}
        }
        Ok(())
    }

    /// Accounts for an entry with `bytes` of names.
    pub fn take(&mut self, bytes: usize) -> Result<(), String> {
        let refused =
            || format!("the names of its entries take more than the {} bytes that its size allows", self.most);
        self.left = self.left.checked_sub((bytes + AN_ENTRY) as u64).ok_or_else(refused)?;
        Ok(())
    }

    /// The pictures, sorted, and their places. A folder that all lie in and that has the archive's own name is no part of their names.
    pub fn pictures(self, path: &Path) -> Result<(Vec<Entry>, Vec<P>), PictureError> {
        if self.pictures.is_empty() {
            let found = names::counted(self.passed_over.iter().map(String::as_str));
            return Err(PictureError::NoPictures { path: path.to_path_buf(), found });
        }
        if self.pictures.len() > MOST_PICTURES {
            return Err(PictureError::TooMany { path: path.to_path_buf(), most: MOST_PICTURES });
        }
        let own = format!("{}/", names::of_archive(path));
        let is_wrapped = self.pictures.keys().all(|name| name.starts_with(&own));
        let entry = |(name, (size, place)): (String, (u64, P))| {
            let name = if is_wrapped { name[own.len()..].to_owned() } else { name };
            (Entry { name, size }, place)
        };
        Ok(self.pictures.into_iter().map(entry).unzip())
    }
}
