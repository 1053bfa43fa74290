//! Pictures in a folder and the folders within it.
//!
//! Links are followed: those to files wherever they lead, those to folders once, so that circles end. What is no file is not opened.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use contractive_table::Format;
use contractive_table::opening::{identity, open_regular};

use super::entry::Entry;
use crate::error::{PictureError, PictureFault};
use crate::limits::{MOST_FILE, MOST_PICTURES};
use crate::names;

/// A folder whose pictures are known.
#[derive(Debug)]
pub(crate) struct FolderStore {
    root: PathBuf,
    is_single: bool,
    /// Paths of those whose names are not what the file system calls them.
    others: BTreeMap<usize, PathBuf>,
    /// Tables at its top, passed over.
    tables: Vec<String>,
}

impl FolderStore {
    /// Finds the pictures.
    pub fn list(root: &Path) -> Result<(Self, Vec<Entry>), PictureError> {
        let mut walk = Walk::default();
        walk.all(root)?;
        if walk.found.is_empty() {
            let found = names::counted(walk.passed_over.iter().map(String::as_str));
            return Err(PictureError::NoPictures { path: root.to_path_buf(), found });
        }
        walk.found.sort();
        let mut others = BTreeMap::new();
        let entry = |(i, (name, path)): (usize, (String, PathBuf))| {
            // A file that cannot be looked at is met again when it is read, and named then.
            let size = fs::metadata(&path).map_or(0, |file| file.len());
            if path != root.join(&name) {
                others.insert(i, path);
            }
            Entry { name, size }
        };
        let entries = walk.found.into_iter().enumerate().map(entry).collect();
        let is_table = |name: &String| !name.contains('/') && Format::of(name).is_some();
        let mut tables: Vec<String> = walk.passed_over.into_iter().filter(is_table).collect();
        tables.sort();
        Ok((FolderStore { root: root.to_path_buf(), is_single: false, others, tables }, entries))
    }

    /// One picture.
    pub fn single(path: &Path) -> Result<(Self, Entry), PictureError> {
        let size = fs::metadata(path).map_err(|e| PictureError::io("open", path, e))?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (root, others) = (PathBuf::new(), BTreeMap::from([(0, path.to_path_buf())]));
        Ok((FolderStore { root, is_single: true, others, tables: Vec::new() }, Entry { name, size }))
    }

    /// Names of tables at its top.
    pub fn tables(&self) -> &[String] {
        &self.tables
    }

    /// Whether it is one picture, given by its own path.
    pub fn is_single(&self) -> bool {
        self.is_single
    }

    /// Opens picture `i`, of this name, and tells its size.
    pub fn open(&self, i: usize, name: &str) -> Result<(BufReader<File>, u64), PictureFault> {
        let file = open_regular(self.others.get(&i).unwrap_or(&self.root.join(name)))?;
        let size = file.metadata()?.len();
        Ok((BufReader::with_capacity(1 << 14, file), size))
    }

    /// All bytes of picture `i`, of this name.
    pub fn bytes(&self, i: usize, name: &str, reserve: &mut dyn FnMut(u64)) -> Result<Vec<u8>, PictureFault> {
        let (stream, size) = self.open(i, name)?;
        reserve(size.min(MOST_FILE));
        all_of(stream.into_inner(), size)
    }
}

/// All bytes of a file of about `size`.
pub(super) fn all_of(mut stream: impl Read, size: u64) -> Result<Vec<u8>, PictureFault> {
    if size > MOST_FILE {
        return Err(PictureFault::FileSize { size, most: MOST_FILE });
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size as usize + 1).map_err(|_| std::io::Error::from(std::io::ErrorKind::OutOfMemory))?;
    stream.by_ref().take(MOST_FILE + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        size if size > MOST_FILE => Err(PictureFault::FileSize { size, most: MOST_FILE }),
        _ => Ok(bytes),
    }
}

/// Pictures in a folder, looked through until there are `enough`; of one that cannot be read those found before.
pub(crate) fn count_pictures(root: &Path, enough: usize) -> usize {
    let mut walk = Walk { enough: Some(enough), ..Walk::default() };
    // What is wrong is said when the folder is read.
    let _ = walk.all(root);
    walk.found.len()
}

/// Folders under way.
#[derive(Default)]
struct Walk {
    enough: Option<usize>,
    found: Vec<(String, PathBuf)>,
    passed_over: Vec<String>,
    /// Folders to come: their names and paths. Links come last, so that a folder that is also linked to is met under its own name.
    folders: VecDeque<(String, PathBuf)>,
    links: VecDeque<(String, PathBuf)>,
    seen: HashSet<(u64, u64)>,
}

/// Names that are remembered for the message that there is no picture.
const MOST_REMEMBERED: usize = 10_000;

impl Walk {
    fn all(&mut self, root: &Path) -> Result<(), PictureError> {
        self.folders.push_back((String::new(), root.to_path_buf()));
        while let Some((prefix, folder)) = self.folders.pop_front().or_else(|| self.links.pop_front()) {
            let failed = |e| PictureError::io("list", &folder, e);
            if identity(&fs::metadata(&folder).map_err(failed)?).is_some_and(|identity| !self.seen.insert(identity)) {
                continue;
            }
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let part = entry.file_name().to_string_lossy().into_owned();
                if !names::is_hidden(&part) {
                    let name = if prefix.is_empty() { part } else { format!("{prefix}/{part}") };
                    self.entry(name, entry.path(), entry.file_type().map_err(failed)?);
                }
            }
            if self.found.len() > MOST_PICTURES {
                return Err(PictureError::TooMany { path: root.to_path_buf(), most: MOST_PICTURES });
            }
            if self.enough.is_some_and(|enough| self.found.len() >= enough) {
                break;
            }
        }
        Ok(())
    }

    fn entry(&mut self, name: String, path: PathBuf, kind: fs::FileType) {
        if kind.is_dir() {
            self.folders.push_back((name, path));
        } else if kind.is_symlink() && path.is_dir() {
            // Where the system does not tell folders apart, a circle could not be seen.
            if cfg!(unix) {
                self.links.push_back((name, path));
            }
        } else if names::is_picture(&name) {
            self.found.push((name, path));
        } else if self.passed_over.len() < MOST_REMEMBERED {
            self.passed_over.push(name);
        }
    }
}
