//! Files of the repository: what other programs wrote, and inputs that once failed.

use std::fs;
use std::path::Path;

/// Names and bytes of the wanted files in a folder of the repository, in the order of their names; none where there is no folder.
pub(crate) fn files(folder: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let Ok(entries) = fs::read_dir(root.join(folder)) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("a folder of the repository can be read").path());
    let named = paths.map(|path| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path));
    let wanted = named.filter(|(name, path)| path.is_file() && is_wanted(name));
    let mut files: Vec<(String, Vec<u8>)> =
        wanted.map(|(name, path)| (name, fs::read(path).expect("a file of the repository can be read"))).collect();
    files.sort();
    files
}

/// Files in `fixtures/FOLDER` with one of these endings.
pub(crate) fn fixtures(folder: &str, endings: &[&str]) -> Vec<Vec<u8>> {
    let found = files(&format!("fixtures/{folder}"), |name| endings.iter().any(|ending| name.ends_with(ending)));
    found.into_iter().map(|(_, bytes)| bytes).collect()
}
