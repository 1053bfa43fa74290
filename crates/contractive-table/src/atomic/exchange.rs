//! Two folders that change names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::folder_of;

/// Lets two folders change names, in one step where the system can: else what was at `path` is missing for a moment.
pub(super) fn exchange(new: &Path, path: &Path) -> io::Result<()> {
    match exchange_at_once(new, path) {
        Err(e) if is_unknown(&e) => exchange_in_two_steps(new, path),
        done => done,
    }
}

fn exchange_in_two_steps(new: &Path, path: &Path) -> io::Result<()> {
    let aside = folder_of(new).join("old");
    fs::rename(path, &aside)?;
    if let Err(e) = fs::rename(new, path) {
        return match fs::rename(&aside, path) {
            Ok(()) => Err(e),
            Err(_) => Err(io::Error::other(format!("{e}; what was there is now {}", keep(&aside, path).display()))),
        };
    }
    fs::rename(&aside, new)
}

/// Moves `aside` to where no clearing up deletes it, and says where it is.
fn keep(aside: &Path, path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".old");
    let kept = PathBuf::from(name);
    if fs::rename(aside, &kept).is_ok() { kept } else { aside.to_path_buf() }
}

fn is_unknown(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

#[cfg(target_os = "linux")]
fn exchange_at_once(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(target_os = "linux"))]
fn exchange_at_once(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(path: &Path) -> String {
        fs::read_to_string(path.join("weights")).unwrap()
    }

    #[test]
    fn without_an_exchange_in_one_step_two_steps_do() {
        let desk = tempfile::tempdir().unwrap();
        let (one, other) = (desk.path().join("unfinished/new"), desk.path().join("model"));
        for (folder, text) in [(&one, "new"), (&other, "old")] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("weights"), text).unwrap();
        }
        exchange_in_two_steps(&one, &other).unwrap();
        assert_eq!((weights(&one).as_str(), weights(&other).as_str()), ("old", "new"));
        fs::remove_dir_all(&one).unwrap();
        exchange_in_two_steps(&one, &other).unwrap_err();
        assert_eq!(weights(&other), "new", "it goes back");
    }
}
