//! What is found in a folder or an archive.

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

/// What a walk through an archive finds.
pub(super) struct Found<P> {
    pub pictures: BTreeMap<String, (u64, P)>,
    pub passed_over: Vec<String>,
}

impl<P> Default for Found<P> {
    fn default() -> Self {
        Found { pictures: BTreeMap::new(), passed_over: Vec::new() }
    }
}

/// Names that are remembered for the message that there is no picture.
const MOST_REMEMBERED: usize = 10_000;

impl<P> Found<P> {
    /// A file of `size` bytes at `place`.
    pub fn add(&mut self, name: &str, size: u64, place: P) {
        match names::of_entry(name) {
            Some(name) if names::is_picture(&name) => drop(self.pictures.insert(name, (size, place))),
            Some(name) if self.passed_over.len() < MOST_REMEMBERED => self.passed_over.push(name),
            _ => {}
        }
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
