//! The directory of a model or a detector as bytes, file by file: what a pickle holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::failure::raise;

/// Bytes of each file, by its place in the directory with `/` between the parts.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What `save` writes into a directory.
///
/// # Errors
/// What `save` gives, and `OSError`.
pub fn files_of(save: impl FnOnce(&Path) -> PyResult<()>) -> PyResult<Files> {
    let folder = tempfile::tempdir().map_err(raise)?;
    let whole = folder.path().join("saved");
    save(&whole)?;
    let mut files = Files::new();
    collect(&whole, "", &mut files).map_err(raise)?;
    Ok(files)
}

fn collect(folder: &Path, before: &str, files: &mut Files) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), &format!("{name}/"), files)?,
            false => drop(files.insert(name, fs::read(entry.path())?)),
        }
    }
    Ok(())
}

/// What `load` reads from a directory of these files.
///
/// # Errors
/// `ValueError` for a name that leads out of the directory; what `load` gives, and `OSError`.
pub fn of_files<T>(files: &Files, load: impl FnOnce(&Path) -> PyResult<T>) -> PyResult<T> {
    let folder = tempfile::tempdir().map_err(raise)?;
    for (name, bytes) in files {
        let place = Path::new(name);
        if name.is_empty() || !place.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(PyValueError::new_err(format!("`{name}` must be the name of a file within the directory")));
        }
        let path = folder.path().join(place);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(raise)?;
        }
        fs::write(path, bytes).map_err(raise)?;
    }
    load(folder.path())
}
