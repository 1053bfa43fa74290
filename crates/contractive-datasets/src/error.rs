//! What can be wrong with data known by name.

use std::io;
use std::path::{Path, PathBuf};

use contractive::data::TableError;
use contractive::encoding::EncodingError;
use contractive::train::TrainError;
use contractive_core::communicator::CommunicationError;
use contractive_pictures::PictureError;
use thiserror::Error;

use crate::part::Part;

/// Why data could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A table cannot be read by its columns.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// Settings of columns for data that have none.
    #[error("{name} is no table with columns: `data.columns`, `keys`, `categorical` and `missing` do not apply")]
    Columns {
        /// What it is called.
        name: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "open", "read", …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A download failed.
    #[error("cannot download {url}: {reason}")]
    Network {
        /// What was asked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// A registered data set is in none of the folders and may not, or cannot, be downloaded.
    #[error("data set `{name}` was not found; it needs {}; searched {}", files.join(", "), paths(searched))]
    NotFound {
        /// The registered name.
        name: &'static str,
        /// The files that the part needs.
        files: Vec<&'static str>,
        /// The folders, in the order searched.
        searched: Vec<PathBuf>,
        /// Whether the set has an official download.
        can_be_downloaded: bool,
        /// Whether downloading was switched off.
        is_offline: bool,
    },
    /// Neither a registered name nor a file.
    #[error("unknown data `{name}`: it is neither a file nor a registered name ({}){}", known.join(", "), hint(*nearest))]
    UnknownName {
        /// What was given.
        name: String,
        /// The registered name most like it, if one is.
        nearest: Option<&'static str>,
        /// All registered names.
        known: Vec<&'static str>,
    },
    /// A colon followed by something that is not a part.
    #[error("the part after `{name}:` must be `train` or `test`, got `{got}`")]
    UnknownPart {
        /// What stands before the colon.
        name: String,
        /// What stands after it.
        got: String,
    },
    /// A part of a single file was asked for.
    #[error("{} is a single file and has no part `{part}`; give the path of the file that holds it", path.display())]
    NoSuchPart {
        /// The file.
        path: PathBuf,
        /// The part asked for.
        part: Part,
    },
    /// More rows than a generated data set has, or none.
    #[error("the rows of {name} must be from 1 to {most}, got {asked}")]
    RowCount {
        /// The data set and part.
        name: String,
        /// Rows asked for.
        asked: usize,
        /// The most there can be.
        most: usize,
    },
    /// A setting that means nothing for a registered data set.
    #[error("`{setting}` must be left out for the registered data set `{name}`, got `{got}`")]
    Setting {
        /// The setting, as in a configuration file.
        setting: &'static str,
        /// The data set.
        name: &'static str,
        /// What it was set to.
        got: String,
    },
    /// A file that should be a registered one has other bytes.
    #[error("{} must have the SHA-256 sum {expected}, got {got}", path.display())]
    Checksum {
        /// The file, or the address it came from.
        path: PathBuf,
        /// The published sum.
        expected: String,
        /// The sum of the bytes found.
        got: String,
    },
    /// Settings of pictures in folders and archives for other data.
    #[error(
        "`{setting}` is of pictures in a folder or an archive, and {name} is none: it must be left out, got `{got}`"
    )]
    NoPictures {
        /// The setting, as in a configuration file.
        setting: &'static str,
        /// What the data are called.
        name: String,
        /// What it was set to.
        got: String,
    },
    /// A folder that may be meant as a table and as pictures.
    #[error(
        "{} can be read in two ways: as a table, of {}{}, and as {pictures} pictures",
        path.display(), table.file_name().unwrap_or_default().display(), more(*tables)
    )]
    TwoReadings {
        /// The folder.
        path: PathBuf,
        /// The first table at its top.
        table: PathBuf,
        /// Tables at its top.
        tables: usize,
        /// Pictures in it and in the folders within it.
        pictures: usize,
    },
    /// More pictures than are held in memory.
    #[error("the pictures of {} take {got} bytes, and at most {most} are held in memory", path.display())]
    TooLarge {
        /// The folder or archive.
        path: PathBuf,
        /// The most bytes.
        most: u64,
        /// Bytes of all pixels.
        got: u64,
    },
    /// Pictures that cannot be read.
    #[error(transparent)]
    Pictures(#[from] PictureError),
    /// Ranks cannot go on together.
    #[error(transparent)]
    Communication(#[from] CommunicationError),
    /// The contents of a file.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Rows that cannot be trained on.
    #[error(transparent)]
    Train(#[from] TrainError),
}

impl DatasetError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        DatasetError::Io { action, path: path.to_path_buf(), source }
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

fn more(tables: usize) -> String {
    if tables > 1 { format!(" and {} more", tables - 1) } else { String::new() }
}

fn paths(searched: &[PathBuf]) -> String {
    match searched {
        [] => "no folder (none was given, and no home folder is known)".into(),
        searched => searched.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
    }
}
