//! The folders where registered data may lie.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where data sets may come from; not part of what a run is. The default looks everywhere and downloads what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// Folder searched first.
    pub data_dir: Option<PathBuf>,
    /// Whether downloads are refused.
    pub offline: bool,
}

/// A folder to look in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Folder {
    pub path: PathBuf,
    /// Whether it is named after the set, so that its files are meant to be the set's.
    pub is_named: bool,
}

/// The folders to search for a set, in order.
pub(super) fn search(name: &str, data_dir: Option<&Path>) -> Vec<Folder> {
    list(name, data_dir, variable("CONTRACTIVE_DATA_DIR"), cache_dir())
}

fn list(name: &str, data_dir: Option<&Path>, from_environment: Option<PathBuf>, cache: Option<PathBuf>) -> Vec<Folder> {
    let named = |base: &Path| Folder { path: base.join(name), is_named: true };
    let mut folders = Vec::new();
    if let Some(base) = data_dir {
        folders.push(named(base));
        folders.push(Folder { path: base.to_path_buf(), is_named: base.file_name().is_some_and(|last| last == name) });
    }
    folders.extend(from_environment.as_deref().map(named));
    folders.extend(cache.as_deref().map(named));
    folders
}

/// The user's cache for data: `$XDG_CACHE_HOME/contractive`, else `~/.cache/contractive`; `None` without a home.
pub fn cache_dir() -> Option<PathBuf> {
    cache_in(variable("XDG_CACHE_HOME"), std::env::home_dir())
}

fn cache_in(xdg: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    // The XDG rules have relative paths ignored.
    let base = xdg.filter(|path| path.is_absolute()).or_else(|| Some(home?.join(".cache")))?;
    Some(base.join("contractive"))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| *value != OsString::new()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_in_the_order_promised() {
        let paths = |folders: Vec<Folder>| folders.into_iter().map(|f| (f.path, f.is_named)).collect::<Vec<_>>();
        assert_eq!(
            paths(list("mnist", Some(Path::new("here")), Some("there".into()), Some("cache".into()))),
            [("here/mnist", true), ("here", false), ("there/mnist", true), ("cache/mnist", true)]
                .map(|(path, is_named)| (PathBuf::from(path), is_named))
        );
        assert_eq!(paths(list("mnist", Some(Path::new("x/mnist")), None, None))[1], ("x/mnist".into(), true));
        assert_eq!(list("mnist", None, None, None), []);
    }

    #[test]
    fn the_cache_follows_xdg_then_home() {
        assert_eq!(cache_in(Some("/c".into()), Some("/h".into())), Some("/c/contractive".into()));
        assert_eq!(cache_in(Some("relative".into()), Some("/h".into())), Some("/h/.cache/contractive".into()));
        assert_eq!(cache_in(None, None), None);
    }
}
