//! Several files that are one table: which they are, and in which order.

use std::path::{Path, PathBuf};

use crate::error::TableError;
use crate::format::Format;

/// Whether `text` names several files: a pattern (`part-*.parquet`), a folder, or names with commas between them. What exists
/// as a file is that file, stars and commas and all.
pub fn names_several(text: &str) -> bool {
    if text.is_empty() || text == "-" || Path::new(text).is_file() {
        return false;
    }
    Path::new(text).is_dir() || is_pattern(text) || listed(text).is_some()
}

/// The files that `text` names, as [`names_several`] understands it, in the order of their names (of a list, in its order);
/// one file where it names one. They must be of one format.
///
/// A pattern has `*` for any characters but `/`, `**` for any folders, `?` for one character and `[…]` for one of several. Of
/// a folder, files of known formats are taken that do not begin with a dot or an underscore.
///
/// # Errors
/// [`TableError::NoFiles`]; [`TableError::Io`] for a folder that cannot be read; [`TableError::OtherFormat`].
pub fn files_of(text: &str) -> Result<Vec<PathBuf>, TableError> {
    let files = if !names_several(text) {
        vec![PathBuf::from(text)]
    } else if Path::new(text).is_dir() {
        tables_of_folder(Path::new(text))?
    } else if is_pattern(text) {
        of_pattern(text)?
    } else {
        listed(text).unwrap_or_default()
    };
    let Some(first) = files.first() else { return Err(TableError::NoFiles { pattern: text.to_owned() }) };
    match files.iter().find(|file| Format::of(file) != Format::of(first)) {
        Some(other) if files.len() > 1 => Err(TableError::OtherFormat { path: other.clone(), first: first.clone() }),
        _ => Ok(files),
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The files of a list, where all of it are files.
fn listed(text: &str) -> Option<Vec<PathBuf>> {
    let files: Vec<PathBuf> = text.split(',').map(PathBuf::from).collect();
    (files.len() > 1 && files.iter().all(|file| file.is_file())).then_some(files)
}

/// The files of known formats at the top of a folder that do not begin with a dot or an underscore, in the order of their names.
///
/// # Errors
/// [`TableError::Io`] for a folder that cannot be read.
pub fn tables_of_folder(folder: &Path) -> Result<Vec<PathBuf>, TableError> {
    let failed = |e| TableError::io("read", folder, e);
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        // Engines write marks such as `_SUCCESS` and `.part.crc` beside the parts.
        let is_hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with(['.', '_']));
        if !is_hidden && path.is_file() && Format::of(&path).is_some() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn of_pattern(pattern: &str) -> Result<Vec<PathBuf>, TableError> {
    let none = || TableError::NoFiles { pattern: pattern.to_owned() };
    let found = glob::glob(pattern).map_err(|_| none())?;
    let mut files = Vec::new();
    for path in found {
        let path = path.map_err(|e| {
            let path = e.path().to_path_buf();
            TableError::Io { action: "read", path, source: e.into() }
        })?;
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_folders_and_lists_give_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["part-2.csv", "part-10.csv", "part-1.csv", "_SUCCESS", ".part-1.csv.crc", "notes.txt"] {
            std::fs::write(folder.path().join(name), "a\n1\n").unwrap();
        }
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let names = |text: &str| -> Vec<String> {
            let files = files_of(text).unwrap();
            files.iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&at("part-*.csv")), ["part-1.csv", "part-10.csv", "part-2.csv"]);
        assert_eq!(names(&at("")), ["part-1.csv", "part-10.csv", "part-2.csv"]);
        assert_eq!(names(&format!("{},{}", at("part-2.csv"), at("part-1.csv"))), ["part-2.csv", "part-1.csv"]);
        assert_eq!(names(&at("part-[12].csv")), ["part-1.csv", "part-2.csv"]);
        // A file is itself, whatever its name.
        std::fs::write(folder.path().join("a*,b.csv"), "a\n1\n").unwrap();
        assert!(!names_several(&at("a*,b.csv")));
        assert_eq!(names(&at("a*,b.csv")), ["a*,b.csv"]);
    }

    #[test]
    fn no_file_and_files_of_two_formats_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pattern = folder.path().join("*.csv").to_str().unwrap().to_owned();
        assert!(matches!(files_of(&pattern).unwrap_err(), TableError::NoFiles { .. }));
        assert!(matches!(files_of(folder.path().to_str().unwrap()).unwrap_err(), TableError::NoFiles { .. }));
        assert!(matches!(files_of("[").unwrap_err(), TableError::NoFiles { .. }));
        std::fs::write(folder.path().join("a.csv"), "a\n1\n").unwrap();
        std::fs::write(folder.path().join("b.npy"), "").unwrap();
        let error = files_of(folder.path().to_str().unwrap()).unwrap_err();
        assert!(matches!(&error, TableError::OtherFormat { path, .. } if path.ends_with("b.npy")), "{error}");
    }
}
