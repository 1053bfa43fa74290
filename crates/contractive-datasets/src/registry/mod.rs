//! The registered data sets: what they are called, where they are found, and the sums they must have.
//!
//! A set's files are looked for in `data_dir/NAME`, in `data_dir` itself, in `$CONTRACTIVE_DATA_DIR/NAME`, and in the
//! user's cache; then they are downloaded into the cache. Every file is checked against its published sum before use.

mod catalogue;
mod download;
mod folders;
mod set;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use contractive::data::{Dataset, dataset_of_array};
use contractive_table::TableError;
use contractive_table::array::read_idx;
use contractive_table::checksum::sha256_of_file;

use crate::error::DatasetError;
use crate::part::Part;
use crate::strokes;

use download::Manner;

pub use folders::{Source, cache_dir};
pub use set::{PartFiles, Registered, RegisteredFile};

/// Told about a download: (file, bytes done, bytes in all).
pub type Progress<'a> = &'a mut dyn FnMut(&str, u64, u64);

/// Every registered data set.
pub fn all() -> &'static [Registered] {
    &catalogue::ALL
}

/// The data set of this name.
pub fn find(name: &str) -> Option<&'static Registered> {
    all().iter().find(|set| set.name == name)
}

/// The registered name most like `name`, if any is like it.
pub fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let likeness = |set: &Registered| strsim::jaro_winkler(&name, set.name);
    let best = all().iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) > 0.8).then_some(best.name)
}

/// The error for a name that is not registered.
pub(crate) fn unknown(text: &str) -> DatasetError {
    let name = text.rsplit_once(':').map_or(text, |(name, _)| name);
    let known = all().iter().map(|set| set.name).collect();
    DatasetError::UnknownName { name: text.to_string(), nearest: nearest(name), known }
}

/// Where a part's files lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The images.
    pub images: PathBuf,
    /// The labels.
    pub labels: PathBuf,
}

/// Finds a part's files without downloading or reading them; `None` for a built-in set.
///
/// # Errors
///
/// [`DatasetError::UnknownName`]; [`DatasetError::NotFound`] listing the folders searched.
pub fn locate(name: &str, part: Part, source: &Source) -> Result<Option<Located>, DatasetError> {
    let set = find(name).ok_or_else(|| unknown(name))?;
    match set.files_of(part) {
        Some(files) => locate_files(set, files, source).map(Some),
        None => Ok(None),
    }
}

fn locate_files(set: &Registered, files: &PartFiles, source: &Source) -> Result<Located, DatasetError> {
    let searched = folders::search(set.name, source.data_dir.as_deref());
    let found = searched.iter().find_map(|folder| {
        let located =
            Located { images: folder.path.join(files.images.name), labels: folder.path.join(files.labels.name) };
        let is_there = located.images.is_file() && located.labels.is_file();
        // MNIST and Fashion-MNIST have files of the same names: a folder that is not named after the set may be another's.
        let is_ours = || folder.is_named || sha256_of_file(&located.labels).is_ok_and(|sum| sum == files.labels.sha256);
        (is_there && is_ours()).then_some(located)
    });
    found.ok_or_else(|| DatasetError::NotFound {
        name: set.name,
        files: vec![files.images.name, files.labels.name],
        searched: searched.into_iter().map(|folder| folder.path).collect(),
        can_be_downloaded: set.can_be_downloaded(),
        is_offline: source.offline,
    })
}

/// Where one file lies that has no partner in its folder. In a folder that is not named after the set only its sum says
/// that it is the set's.
fn find_alone(set: &Registered, file: &RegisteredFile, source: &Source) -> Option<PathBuf> {
    folders::search(set.name, source.data_dir.as_deref()).into_iter().find_map(|folder| {
        let path = folder.path.join(file.name);
        let is_ours = || folder.is_named || sha256_of_file(&path).is_ok_and(|sum| sum == file.sha256);
        (path.is_file() && is_ours()).then_some(path)
    })
}

/// Downloads what a set lacks into `into/NAME/`, and returns the paths of all its files.
///
/// Files already there with the right sum are kept; any other is replaced. Each is taken over TLS alone, wherever a server
/// leads to, written beside its place, checked, and only then moved there. A transfer that is cut goes on where it ended. A
/// download that fails leaves no folder that was made for it.
///
/// # Errors
///
/// [`DatasetError::UnknownName`], [`DatasetError::NotFound`] when there is no official download, [`DatasetError::Network`],
/// [`DatasetError::Checksum`], [`DatasetError::Io`].
pub fn fetch(name: &str, into: &Path, progress: Progress<'_>) -> Result<Vec<PathBuf>, DatasetError> {
    let set = find(name).ok_or_else(|| unknown(name))?;
    let folder = into.join(set.name);
    let manner = Manner::default();
    set.files().map(|file| fetch_file(set, file, &folder, &manner, progress)).collect()
}

fn fetch_file(
    set: &Registered,
    file: &RegisteredFile,
    folder: &Path,
    manner: &Manner,
    progress: Progress<'_>,
) -> Result<PathBuf, DatasetError> {
    let target = folder.join(file.name);
    if target.is_file() && sha256_of_file(&target)? == file.sha256 {
        progress(file.name, file.size, file.size);
        return Ok(target);
    }
    let url = file.url.ok_or_else(|| DatasetError::NotFound {
        name: set.name,
        files: vec![file.name],
        searched: vec![folder.to_path_buf()],
        can_be_downloaded: false,
        is_offline: false,
    })?;
    let absent: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    std::fs::create_dir_all(folder).map_err(|e| DatasetError::io("create", folder, e))?;
    let expected = download::Expected { size: file.size, sha256: file.sha256 };
    match download::download(url, expected, &target, manner, &mut |done| progress(file.name, done, file.size)) {
        Ok(()) => Ok(target),
        Err(e) => {
            // The folders made for it go again; one that someone else has put something into stays.
            for folder in absent {
                let _ = std::fs::remove_dir(folder);
            }
            Err(e)
        }
    }
}

/// What is known of one file of a set.
#[derive(Clone, Debug)]
pub struct FileStatus {
    /// The file.
    pub file: &'static RegisteredFile,
    /// Where it was found, in the folders that [`locate`] searches; alone, where none holds it with its partner.
    pub path: Option<PathBuf>,
    /// Its state.
    pub state: FileState,
}

/// Whether a file is there and sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// It is in none of the folders.
    Missing,
    /// It has the published sum.
    Sound,
    /// It has other bytes.
    Wrong {
        /// The SHA-256 sum of the bytes found.
        got: String,
    },
}

/// Checks every file of a set against its published sum; a built-in set has none. Downloads nothing.
///
/// # Errors
///
/// [`DatasetError::UnknownName`]; [`DatasetError::Io`] when a file cannot be read.
pub fn verify(name: &str, source: &Source) -> Result<Vec<FileStatus>, DatasetError> {
    let set = find(name).ok_or_else(|| unknown(name))?;
    let mut statuses = Vec::new();
    for files in set.parts {
        let (images, labels) = match locate_files(set, files, source) {
            Ok(Located { images, labels }) => (Some(images), Some(labels)),
            // One of the two may be there all the same.
            Err(_) => (find_alone(set, &files.images, source), find_alone(set, &files.labels, source)),
        };
        for (file, path) in [(&files.images, images), (&files.labels, labels)] {
            let state = match &path {
                None => FileState::Missing,
                Some(path) => match sha256_of_file(path)? {
                    sum if sum == file.sha256 => FileState::Sound,
                    got => FileState::Wrong { got },
                },
            };
            statuses.push(FileStatus { file, path, state });
        }
    }
    Ok(statuses)
}

/// Loads one part, downloading it when that is allowed and needed.
pub(crate) fn load(
    set: &'static Registered,
    part: Part,
    source: &Source,
    rows: Option<usize>,
    progress: Progress<'_>,
) -> Result<Dataset, DatasetError> {
    let class_names = set.class_names.iter().map(|name| name.to_string()).collect();
    let Some(files) = set.files_of(part) else {
        let rows = rows.unwrap_or_else(|| strokes::default_rows(part));
        return Ok(strokes::generate(strokes::SEED, part, rows)?.with_class_names(class_names));
    };
    let located = match locate_files(set, files, source) {
        Err(DatasetError::NotFound { .. }) if !source.offline && set.can_be_downloaded() => {
            let cache = folders::cache_dir().map(|cache| cache.join(set.name));
            let folder = cache.ok_or_else(|| DatasetError::Network {
                url: files.images.url.unwrap_or_default().to_string(),
                reason: "neither $XDG_CACHE_HOME nor $HOME says where to keep it".into(),
            })?;
            let manner = Manner::default();
            let images = fetch_file(set, &files.images, &folder, &manner, progress)?;
            Located { images, labels: fetch_file(set, &files.labels, &folder, &manner, progress)? }
        }
        other => other?,
    };
    let sum = checked_sum(&located.images, &files.images)?;
    checked_sum(&located.labels, &files.labels)?;
    let labels = read_idx(&located.labels)?;
    let wrong = || TableError::Shape {
        what: format!("the labels in {}", located.labels.display()),
        expected: "one dimension of whole numbers".into(),
        got: format!("{:?}", labels.shape()),
    };
    Ok(dataset_of_array(read_idx(&located.images)?, &format!("{}:{part}", set.name))?
        .with_labels(labels.whole_numbers().ok_or_else(wrong)?)?
        .with_class_names(class_names)
        .with_sha256(sum))
}

fn checked_sum(path: &Path, file: &RegisteredFile) -> Result<String, DatasetError> {
    let got = sha256_of_file(path)?;
    if got == file.sha256 {
        return Ok(got);
    }
    Err(DatasetError::Checksum { path: path.to_path_buf(), expected: file.sha256.to_string(), got })
}
