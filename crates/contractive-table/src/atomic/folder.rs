//! A folder of files that belong together, written whole and never mixed with those of the one before.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::disk::{folder_of, is_free, make_folder, sync_folder};
use super::exchange::exchange;
use super::hold::{Hold, mark};
use super::leftovers::{UNFINISHED, is_unfinished, remove_leftovers};

/// The longest name of a folder that the names of its unfinished ones quote; systems allow 255 bytes in all.
const LONGEST_QUOTED: usize = 200;
/// Random characters at the end of the name of an unfinished folder.
const RANDOM: usize = 6;

/// Which entries of a folder belong to what is saved there. All others are the user's, and stay.
#[derive(Debug, Clone, Copy)]
pub struct FolderParts {
    /// Whether an entry of this name belongs to it.
    pub is_part: fn(&str) -> bool,
    /// The file that says what the folder is. It comes last: a folder without it holds nothing yet.
    pub last: &'static str,
}

impl FolderParts {
    fn has(&self, name: &OsStr) -> bool {
        name.to_str().is_some_and(self.is_part)
    }
}

/// A folder that will be written, held from before the work whose result it takes: whatever would keep the result from
/// being saved is found before the work. A link to a folder stands for that folder.
///
/// Dropped before [`ReservedFolder::fill`], it leaves what was there: a folder made for it is removed.
#[derive(Debug)]
pub struct ReservedFolder {
    path: PathBuf,
    parts: FolderParts,
    is_made: bool,
    _hold: Hold,
}

impl ReservedFolder {
    /// Takes the folder `path` as [`ReservedFolder::new`] does where it is free, or what `is_own` says may be replaced; `None`
    /// where something else is there, which stays.
    ///
    /// # Errors
    /// As [`ReservedFolder::new`].
    pub fn free_or_own(
        path: &Path,
        parts: FolderParts,
        is_own: impl FnOnce(&Path) -> bool,
    ) -> io::Result<Option<Self>> {
        let reserved = ReservedFolder::new(path, parts)?;
        Ok((is_free(path)? || is_own(path)).then_some(reserved))
    }

    /// Takes the folder `path`, and makes it where it is not there. What a killed process left unfinished in it is removed.
    ///
    /// # Errors
    /// [`is_held_elsewhere`](super::is_held_elsewhere) where another process is writing there; of the kind `Unsupported`
    /// where what is there could not be replaced as a whole; what the system says where nothing can be written.
    pub fn new(path: &Path, parts: FolderParts) -> io::Result<Self> {
        let is_made = !path.exists();
        make_folder(path)?;
        let path = fs::canonicalize(path)?;
        let hold = Hold::folder(&path)?;
        let reserved = ReservedFolder { path, parts, is_made, _hold: hold };
        reserved.remove_unfinished()?;
        match is_free(&reserved.path)? {
            true => drop(tempfile::tempfile_in(&reserved.path)?),
            false => check_replaceable(&reserved.path)?,
        }
        Ok(reserved)
    }

    /// The folder, without links on the way.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts what `fill` writes into an empty folder in the place of what belongs to what is saved there; what does not
    /// belong to it stays. Until the last moment every failure, and every kill, leaves what was there. `failed` makes the
    /// caller's error of the system's.
    ///
    /// # Errors
    /// Those of `fill` and `failed`.
    pub fn fill<E>(
        mut self,
        failed: impl Fn(io::Error) -> E,
        fill: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<(), E> {
        let is_free = is_free(&self.path).map_err(&failed)?;
        let beside = if is_free { self.path.clone() } else { folder_of(&self.path) };
        let unfinished = Unfinished::new(&beside, &self.prefix()).map_err(&failed)?;
        fill(&unfinished.whole)?;
        match is_free {
            true => self.move_in(unfinished),
            false => self.swap(&unfinished),
        }
        .map_err(&failed)?;
        self.is_made = false;
        Ok(())
    }

    /// What a kill left in the folder and beside it.
    fn remove_unfinished(&self) -> io::Result<()> {
        let entries = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        let (unfinished, others): (Vec<OsString>, Vec<OsString>) =
            entries.into_iter().partition(|name| is_unfinished(name));
        // Killed between the parts and the last of them.
        let is_half = !unfinished.is_empty()
            && others.iter().all(|name| self.parts.has(name))
            && !others.iter().any(|name| name == self.parts.last);
        if is_half {
            others.iter().try_for_each(|name| remove(&self.path.join(name)))?;
        }
        remove_leftovers(&self.path);
        self.remove_beside();
        Ok(())
    }

    /// What a kill left of a replacement of this very folder, which this process holds.
    fn remove_beside(&self) {
        let (parent, prefix) = (folder_of(&self.path), self.prefix());
        let Ok(entries) = fs::read_dir(&parent) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let random = name.to_str().and_then(|name| name.strip_prefix(&prefix));
            let is_ours = random.is_some_and(|r| r.len() == RANDOM && r.bytes().all(|c| c.is_ascii_alphanumeric()));
            if is_ours && Hold::folder(&entry.path()).is_ok() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// What the names of its unfinished folders begin with.
    fn prefix(&self) -> String {
        match self.path.file_name().and_then(OsStr::to_str) {
            Some(name) if name.len() <= LONGEST_QUOTED => format!("{UNFINISHED}{name}-"),
            _ => UNFINISHED.to_owned(),
        }
    }

    /// Moves the parts into the empty folder, the one that says what it is last: what is unfinished is gone by then.
    fn move_in(&self, unfinished: Unfinished) -> io::Result<()> {
        let whole = unfinished.whole.clone();
        let names = fs::read_dir(&whole)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<OsString>>>()?;
        let others: Vec<&OsString> = names.iter().filter(|name| *name != self.parts.last).collect();
        let last = unfinished.temporary.path().with_extension("last");
        let moved = others
            .iter()
            .try_for_each(|name| fs::rename(whole.join(name), self.path.join(name)))
            .and_then(|()| fs::rename(whole.join(self.parts.last), &last))
            .and_then(|()| {
                let _lock = File::open(&last).inspect(mark);
                drop(unfinished);
                sync_folder(&self.path);
                fs::rename(&last, self.path.join(self.parts.last))
            });
        if moved.is_err() {
            others.iter().for_each(|name| drop(remove(&self.path.join(name))));
            let _ = remove(&last);
        }
        sync_folder(&self.path);
        moved
    }

    /// Puts `whole` in the place of the folder, and the folder in its place, to be deleted.
    fn swap(&self, unfinished: &Unfinished) -> io::Result<()> {
        let whole = &unfinished.whole;
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            if !self.parts.has(&name) && !is_unfinished(&name) {
                link(&self.path.join(&name), &whole.join(&name))?;
            }
        }
        fs::set_permissions(whole, fs::metadata(&self.path)?.permissions())?;
        sync_folder(whole);
        exchange(whole, &self.path)?;
        sync_folder(&folder_of(&self.path));
        Ok(())
    }
}

impl Drop for ReservedFolder {
    fn drop(&mut self) {
        if self.is_made {
            // Where something is in it, it stays.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// A folder that is being filled, deleted when dropped.
struct Unfinished {
    whole: PathBuf,
    _lock: Option<File>,
    temporary: TempDir,
}

impl Unfinished {
    fn new(beside: &Path, prefix: &str) -> io::Result<Self> {
        let temporary = tempfile::Builder::new().prefix(prefix).rand_bytes(RANDOM).tempdir_in(beside)?;
        let lock = File::open(temporary.path()).inspect(mark).ok();
        // One more below it: temporary folders are made for their owner alone.
        let whole = temporary.path().join("new");
        fs::create_dir(&whole)?;
        Ok(Unfinished { whole, _lock: lock, temporary })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Once more than the library tries: a call that fails once leaves nothing.
        if fs::remove_dir_all(self.temporary.path()).is_err() {
            let _ = fs::remove_dir_all(self.temporary.path());
        }
    }
}

/// Refuses a folder that another could not take the place of.
fn check_replaceable(path: &Path) -> io::Result<()> {
    let parent = folder_of(path);
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::Unsupported, format!("it is not empty, and {why}")));
    if std::env::current_dir().and_then(fs::canonicalize).is_ok_and(|here| here == path) {
        return refused("the current folder cannot be replaced by a new one");
    }
    if is_mounted(path, &parent)? {
        return refused("a mounted volume cannot be replaced by a new folder");
    }
    if let Err(e) = tempfile::tempfile_in(&parent) {
        return refused(&format!("a new one cannot be written beside it: {e}"));
    }
    Ok(())
}

#[cfg(unix)]
fn is_mounted(path: &Path, parent: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata(path)?.dev() != fs::metadata(parent)?.dev())
}

#[cfg(not(unix))]
fn is_mounted(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Gives what lies at `from` a second name, and a folder's content with it; copies it where the system has one name a file.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            link(&from.join(&name), &to.join(&name))?;
        }
        fs::set_permissions(to, fs::metadata(from)?.permissions())?;
        sync_folder(to);
        return Ok(());
    }
    match fs::hard_link(from, to) {
        Err(_) if kind.is_file() => fs::copy(from, to).and_then(|_| File::open(to)?.sync_all()),
        linked => linked,
    }
}

fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: FolderParts = FolderParts { is_part: |name| name == "weights" || name == "config", last: "config" };

    fn save(path: &Path, weights: &str) -> io::Result<()> {
        ReservedFolder::new(path, PARTS)?.fill(
            |e| e,
            |whole| {
                fs::write(whole.join("config"), "is a model")?;
                fs::write(whole.join("weights"), weights)
            },
        )
    }

    fn weights(path: &Path) -> String {
        fs::read_to_string(path.join("weights")).unwrap()
    }

    #[test]
    fn what_does_not_belong_to_it_stays() {
        let desk = tempfile::tempdir().unwrap();
        let path = desk.path().join("model");
        save(&path, "1").unwrap();
        fs::create_dir(path.join("notes")).unwrap();
        fs::write(path.join("notes/mine.txt"), "mine").unwrap();
        fs::write(path.join("scores.csv"), "0.5").unwrap();
        save(&path, "2").unwrap();
        assert_eq!(weights(&path), "2");
        assert_eq!(fs::read_to_string(path.join("notes/mine.txt")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(path.join("scores.csv")).unwrap(), "0.5");
        assert_eq!(fs::read_dir(desk.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was_there() {
        let desk = tempfile::tempdir().unwrap();
        let path = desk.path().join("model");
        let broken =
            || ReservedFolder::new(&path, PARTS).unwrap().fill(|e| e, |whole| fs::remove_dir(whole)).unwrap_err();
        broken();
        assert!(!path.exists(), "a folder made for it goes with it");
        save(&path, "old").unwrap();
        broken();
        assert_eq!(weights(&path), "old");
        assert_eq!(fs::read_dir(desk.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let desk = tempfile::tempdir().unwrap();
        let (path, name) = (desk.path().join("model"), desk.path().join("newest"));
        save(&path, "1").unwrap();
        std::os::unix::fs::symlink("model", &name).unwrap();
        save(&name, "2").unwrap();
        assert!(fs::symlink_metadata(&name).unwrap().is_symlink());
        assert_eq!(weights(&path), "2");
    }

    #[test]
    fn a_half_written_folder_is_begun_again_and_a_stranger_is_not() {
        let desk = tempfile::tempdir().unwrap();
        let path = desk.path().join("model");
        fs::create_dir_all(path.join(".writing-model-abcdef/new")).unwrap();
        fs::write(path.join("weights"), "half").unwrap();
        save(&path, "whole").unwrap();
        assert_eq!((weights(&path).as_str(), fs::read_dir(&path).unwrap().count()), ("whole", 2));
        let other = desk.path().join("other");
        fs::create_dir_all(other.join(".writing-abcdef")).unwrap();
        fs::write(other.join("weights"), "mine").unwrap();
        fs::write(other.join("letter"), "mine").unwrap();
        drop(ReservedFolder::new(&other, PARTS).unwrap());
        assert_eq!(weights(&other), "mine");
    }

    #[test]
    fn a_killed_replacement_is_cleared_away_by_the_next() {
        let desk = tempfile::tempdir().unwrap();
        let path = desk.path().join("model");
        save(&path, "1").unwrap();
        fs::create_dir_all(desk.path().join(".writing-model-abcdef/new")).unwrap();
        fs::create_dir_all(desk.path().join(".writing-model-2-abcdef/new")).unwrap();
        save(&path, "2").unwrap();
        assert!(!desk.path().join(".writing-model-abcdef").exists());
        assert!(desk.path().join(".writing-model-2-abcdef").exists(), "it is of another folder");
    }

    #[test]
    fn one_writes_at_a_time() {
        let desk = tempfile::tempdir().unwrap();
        let path = desk.path().join("model");
        let reserved = ReservedFolder::new(&path, PARTS).unwrap();
        assert!(super::super::is_held_elsewhere(&save(&path, "2").unwrap_err()));
        reserved.fill(|e| e, |whole| fs::write(whole.join("config"), "1")).unwrap();
        save(&path, "2").unwrap();
    }
}
