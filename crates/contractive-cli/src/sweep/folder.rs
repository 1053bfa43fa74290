//! The folder of a sweep on the disk.
//!
//! | path | content |
//! |---|---|
//! | `sweep.toml` | the [`Plan`] |
//! | `sweep.lock` | locked by the process that works on it: empty, and left there |
//! | `NAME=WORD,…/` | a run directory a run |
//! | `runs.csv`, `table.csv`, `results.json` | what came of it |
//! | `report.html` | the runs beside each other |

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use contractive::RunDirectory;
use contractive::config::{ConfigError, config_text};
use contractive::run::RunError;
use contractive_table::atomic::{is_free, make_folder, remove_leftovers, sync_folder, write_atomically};
use contractive_table::opening::open_regular;

use super::plan::{Plan, PlannedRun};
use crate::errors::Usage;

const PLAN_FILE: &str = "sweep.toml";
const LOCK_FILE: &str = "sweep.lock";

/// The folder is this process's to work on, until this is dropped or the process ends, however it ends.
pub(crate) struct Held {
    _file: File,
}

/// Where the runs of a sweep lie.
#[derive(Debug, Clone)]
pub(crate) struct SweepFolder {
    path: PathBuf,
}

impl SweepFolder {
    /// Whether `path` holds a sweep.
    pub(crate) fn is_one(path: &Path) -> bool {
        path.join(PLAN_FILE).is_file()
    }

    /// The sweep at `path`.
    ///
    /// # Errors
    /// [`ConfigError`] where its plan cannot be read.
    pub(crate) fn open(path: &Path) -> Result<(Self, Plan), ConfigError> {
        let file = path.join(PLAN_FILE);
        let text = config_text(&file)?;
        let origin = file.display().to_string();
        let plan: Plan = toml::from_str(&text).map_err(|e| {
            let (origin, reason) = (origin.clone(), e.message().to_owned());
            ConfigError::Syntax { origin, line: None, reason }
        })?;
        let wrong = |key: &str, reason| {
            Err(ConfigError::Value { origin: origin.clone(), line: None, key: key.to_owned(), reason, nearest: None })
        };
        if !plan.is_known() {
            return wrong("format_version", "it was written by another version".to_owned());
        }
        if let Some(folder) = plan.wrong_folder() {
            let reason = format!("the folders of its runs must be names within it, no two alike, got `{folder}`");
            return wrong("runs.folder", reason);
        }
        Ok((SweepFolder { path: path.to_path_buf() }, plan))
    }

    /// The first of `places` that is free, or holds this very sweep. Nothing is written yet.
    ///
    /// # Errors
    /// [`Usage`] or [`RunError`] where every place is taken.
    pub(crate) fn find(places: impl Iterator<Item = PathBuf>, plan: &Plan) -> anyhow::Result<Self> {
        let mut taken = None;
        for path in places {
            if Self::is_one(&path) {
                let (folder, other) = Self::open(&path)?;
                if other == *plan {
                    return Ok(folder);
                }
                taken = Some(another(&path).into());
                continue;
            }
            if is_free(&path).map_err(|source| RunError::Write { path: path.clone(), source })? {
                return Ok(SweepFolder { path });
            }
            taken = Some(RunError::Occupied { path }.into());
        }
        Err(taken.unwrap_or_else(|| Usage("there is no place for the sweep; give --out".into()).into()))
    }

    /// Whether a plan is there already.
    pub(crate) fn exists(&self) -> bool {
        Self::is_one(&self.path)
    }

    /// Takes the folder for this process. Its plan must be there.
    ///
    /// # Errors
    /// [`Usage`] where another process has it.
    pub(crate) fn hold(&self) -> anyhow::Result<Held> {
        let path = self.file(LOCK_FILE);
        let failed = |source| RunError::Write { path: path.clone(), source };
        // What is there must be a file: to open a pipe would be to wait.
        open_regular(&path)
            .map(drop)
            .or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
            .map_err(failed)?;
        // NFS gives a lock that keeps others out only to a file that is open for writing.
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                remove_leftovers(&self.path);
                Ok(Held { _file: file })
            }
            // Some network folders have no locks.
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => Ok(Held { _file: file }),
            Err(TryLockError::Error(e)) => Err(failed(e).into()),
            Err(TryLockError::WouldBlock) => {
                let place = self.path.display();
                let text = format!(
                    "another process is training the runs in {place}; wait for it, or choose another place with --out"
                );
                Err(Usage(text).into())
            }
        }
    }

    /// Writes the plan, if it is not there yet.
    ///
    /// # Errors
    /// [`Usage`] where another plan has come there in the meantime.
    pub(crate) fn create(&self, plan: &Plan) -> anyhow::Result<()> {
        if self.exists() {
            return if Self::open(&self.path)?.1 == *plan { Ok(()) } else { Err(another(&self.path).into()) };
        }
        let text = toml::to_string(plan).map_err(|e| ConfigError::NotWritable { reason: e.to_string() })?;
        let failed = |source| RunError::Write { path: self.path.clone(), source };
        make_folder(&self.path).map_err(failed)?;
        write_atomically(&self.path.join(PLAN_FILE), |file| file.write_all(text.as_bytes())).map_err(failed)?;
        Ok(())
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the sweep.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The directory of a run, whether it is there or not.
    pub(crate) fn place(&self, run: &PlannedRun) -> PathBuf {
        self.path.join(&run.folder)
    }

    /// The directory of a run, made where it is not there: under another name first, so that it is there whole or not at all.
    pub(crate) fn run(&self, run: &PlannedRun) -> Result<RunDirectory, RunError> {
        let path = self.place(run);
        match RunDirectory::open_to_write(&path) {
            Err(RunError::NotARun { .. }) => {}
            there => return there,
        }
        let unfinished = self.path.join(format!(".new-{}", run.folder));
        let failed = |source| RunError::Write { path: path.clone(), source };
        let begun = match std::fs::remove_dir_all(&unfinished) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
            _ => RunDirectory::create(&unfinished, &run.config)?,
        };
        std::fs::rename(&unfinished, &path).map_err(failed)?;
        sync_folder(&self.path);
        Ok(begun.renamed(path))
    }
}

fn another(path: &Path) -> Usage {
    Usage(format!("{} holds another sweep; choose another place with --out", path.display()))
}

#[cfg(test)]
mod tests {
    use super::super::plan::Purpose;
    use super::*;
    use contractive::TrainConfig;

    fn plan(epochs: usize) -> Plan {
        let mut config = TrainConfig::default();
        config.training.epochs = Some(epochs);
        Plan::new(Purpose::Sweep, vec!["seed".into()], vec![(vec!["0".into()], config)])
    }

    #[test]
    fn the_same_sweep_finds_its_folder_and_another_takes_the_next() {
        let desk = tempfile::tempdir().unwrap();
        let places = || ["a", "b"].map(|name| desk.path().join(name)).into_iter();
        let first = SweepFolder::find(places(), &plan(3)).unwrap();
        first.create(&plan(3)).unwrap();
        assert_eq!(SweepFolder::find(places(), &plan(3)).unwrap().path(), first.path());
        assert_eq!(SweepFolder::find(places(), &plan(4)).unwrap().path(), desk.path().join("b"));
        let error = SweepFolder::find(places().take(1), &plan(4)).unwrap_err();
        assert!(error.is::<Usage>(), "{error}");
        assert_eq!(SweepFolder::open(first.path()).unwrap().1, plan(3));
        std::fs::write(first.path().join(PLAN_FILE), "format_version = 9").unwrap();
        assert!(SweepFolder::open(first.path()).is_err());
        std::fs::write(first.path().join(PLAN_FILE), "[[runs]]\n".repeat(50_000)).unwrap();
        assert!(matches!(SweepFolder::open(first.path()), Err(ConfigError::ManyTables { .. })));
    }

    #[test]
    fn a_run_lies_within_the_folder_of_its_sweep() {
        let desk = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: desk.path().join("s") };
        for name in ["../victim", "x/../../victim", "/tmp/victim", "a/b", "", ".", "..", ".new-seed=0", "a/"] {
            let mut plan = plan(3);
            plan.runs[0].folder = name.to_owned();
            std::fs::create_dir_all(&folder.path).unwrap();
            std::fs::write(folder.file(PLAN_FILE), toml::to_string(&plan).unwrap()).unwrap();
            let error = SweepFolder::open(&folder.path).unwrap_err().to_string();
            assert!(
                !error.contains("valid TOML")
                    && error.contains("names within it")
                    && error.contains(&format!("got `{name}`")),
                "{name}: {error}"
            );
        }
        let mut twice = plan(3);
        twice.runs.push(twice.runs[0].clone());
        std::fs::write(folder.file(PLAN_FILE), toml::to_string(&twice).unwrap()).unwrap();
        assert!(SweepFolder::open(&folder.path).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_the_place_of_the_lock_is_refused_at_once() {
        let desk = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: desk.path().join("s") };
        folder.create(&plan(3)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(folder.file(LOCK_FILE)).status().unwrap();
        assert!(made.success());
        assert!(folder.hold().is_err());
    }

    #[test]
    fn a_folder_is_held_once_and_free_again_afterwards() {
        let desk = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: desk.path().join("s") };
        folder.create(&plan(3)).unwrap();
        let held = folder.hold().unwrap();
        let error = folder.hold().map(|_| ()).unwrap_err();
        assert!(error.is::<Usage>() && error.to_string().contains("another process is training"), "{error}");
        drop(held);
        folder.hold().unwrap();
        // Written by another process between the look for a place and the first run.
        assert!(folder.create(&plan(4)).unwrap_err().to_string().contains("another sweep"));
    }

    #[test]
    fn a_run_killed_while_its_directory_was_made_is_made_anew() {
        let desk = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: desk.path().to_path_buf() };
        std::fs::create_dir_all(desk.path().join(".new-seed=0/checkpoints")).unwrap();
        std::fs::write(desk.path().join(".new-seed=0/.tmp"), "half a configuration").unwrap();
        let run = folder.run(&plan(3).runs[0]).unwrap();
        assert_eq!(run.config().unwrap().training.epochs, Some(3));
        assert!(matches!(folder.run(&plan(3).runs[0]), Err(RunError::Held { .. })));
        drop(run);
        folder.run(&plan(3).runs[0]).unwrap();
        assert_eq!(std::fs::read_dir(desk.path()).unwrap().count(), 1);
    }
}
