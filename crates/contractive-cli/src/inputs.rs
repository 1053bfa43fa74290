//! What a command reads, which none writes over: rows would be lost, or what was trained.

use std::fs;
use std::path::{Path, PathBuf};

use contractive_table::atomic::{behind_links, folder_of};
use contractive_table::files_of;
use contractive_table::opening::identity;

use crate::errors::Usage;

/// What a command reads.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    files: Vec<PathBuf>,
    trained: Option<PathBuf>,
}

/// Files of which models, detectors and runs are made, beside tensors.
const PARTS: [&str; 6] =
    ["config.json", "config.toml", "divergence.json", "encoding.json", "estimator.json", "metrics.jsonl"];

impl Inputs {
    /// The files that `data` names: one, several, or those of a folder; none where it is a registered name.
    pub(crate) fn of(data: Option<&str>) -> Self {
        // Of a folder of pictures the folder.
        let named = |data: &str| files_of(data).unwrap_or_else(|_| vec![data.into()]);
        Inputs { files: data.map(named).unwrap_or_default(), trained: None }
    }

    /// With those that `data` names too.
    pub(crate) fn and(mut self, data: Option<&Path>) -> Self {
        self.files.extend(Inputs::of(data.map(Path::to_string_lossy).as_deref()).files);
        self
    }

    /// With what was trained, a model, a run or a detector.
    pub(crate) fn and_trained(mut self, folder: &Path) -> Self {
        self.trained = Some(folder.to_path_buf());
        self
    }

    /// Refuses an output that would take the place of any of it; `flag` is the one that named the output.
    pub(crate) fn check(&self, output: &Path, flag: &str) -> Result<(), Usage> {
        let refused = |what: &str| {
            let text = format!("{} is {what}; give {flag} another name", output.display());
            Err(Usage(text))
        };
        if self.files.iter().any(|file| is_same(output, file)) {
            return refused("the table that is read");
        }
        match &self.trained {
            Some(folder) if is_part(output, folder) => refused(&format!("a part of {}", folder.display())),
            _ => Ok(()),
        }
    }
}

/// Whether two names are of one file, there or still to be written.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) if identity(&one).is_some_and(|one| identity(&other) == Some(one)) => true,
        _ => place(one).is_some_and(|one| place(other) == Some(one)),
    }
}

/// Where a file is, or will be.
fn place(path: &Path) -> Option<PathBuf> {
    let path = behind_links(path).ok()?;
    Some(fs::canonicalize(folder_of(&path)).ok()?.join(path.file_name()?))
}

/// Whether `output` is one of the files that make up what was trained in `folder`.
fn is_part(output: &Path, folder: &Path) -> bool {
    let (Some(place), Ok(folder)) = (place(output), fs::canonicalize(folder)) else { return false };
    let is_of_ours = place.extension().is_some_and(|end| end == "safetensors")
        || place.file_name().is_some_and(|name| PARTS.iter().any(|part| name == *part));
    is_of_ours && place.starts_with(folder) && place.exists()
}

/// Whether a file lies in a folder, at any depth and by any of its names.
pub(crate) fn is_within(file: &Path, folder: &Path) -> bool {
    let found = |path: &Path| fs::canonicalize(path).ok();
    found(folder).is_some_and(|folder| found(file).is_some_and(|file| file.starts_with(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_by_any_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("t.csv"), "a\n1\n").unwrap();
        fs::write(path("u.csv"), "a\n1\n").unwrap();
        fs::hard_link(path("t.csv"), path("hard.csv")).unwrap();
        fs::create_dir(path("below")).unwrap();
        let inputs = Inputs::of(Some(path("t.csv").to_str().unwrap()));
        for same in ["t.csv", "below/../t.csv", "hard.csv"] {
            assert!(inputs.check(&path(same), "-o").is_err(), "{same}");
        }
        for other in ["u.csv", "new.csv", "below/t.csv", "absent/t.csv"] {
            assert!(inputs.check(&path(other), "-o").is_ok(), "{other}");
        }
        let several = Inputs::of(Some(&format!("{}/*.csv", folder.path().display())));
        assert!(several.check(&path("u.csv"), "-o").is_err());
        assert!(Inputs::of(Some("mnist:test")).check(&path("u.csv"), "-o").is_ok());
        // Neither is there yet.
        assert!(Inputs::of(Some("new.csv")).check(Path::new("./new.csv"), "-o").is_err());
    }

    #[test]
    fn what_was_trained_is_made_of_files_of_certain_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("model")).unwrap();
        for name in ["metrics.jsonl", "model/config.json", "model/model.safetensors", "scores.jsonl"] {
            fs::write(path(name), "").unwrap();
        }
        let inputs = Inputs::default().and_trained(folder.path());
        for part in ["metrics.jsonl", "model/config.json", "model/../metrics.jsonl", "model/model.safetensors"] {
            assert!(inputs.check(&path(part), "-o").is_err(), "{part}");
        }
        assert!(inputs.check(&path("scores.jsonl"), "-o").is_ok());
        assert!(inputs.check(&path("model/metrics.jsonl"), "-o").is_ok());
    }
}
