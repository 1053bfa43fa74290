//! What a user types to name data: `fashion-mnist`, `mnist:test`, `path/to/table.csv.gz`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use contractive_table::{Format, TableError, files_of, names_several};

use crate::error::DatasetError;
use crate::part::Part;
use crate::pictures::are_pictures;
use crate::registry::{self, Registered};

/// A registered data set, perhaps with a part, a file, or several that are one table.
///
/// A registered name comes first (write `./mnist` for a file of that name); then whatever exists as a path, colons and
/// all; a folder or an archive of pictures (a folder of both is what it holds most of, and refused where that is not clear); a folder
/// of tables, a pattern (`part-*.parquet`) or names with commas between them are the files that [`files_of`] gives; then `NAME:train` and `NAME:test`.
///
/// ```
/// use contractive_datasets::{DataSpec, Part};
///
/// let spec: DataSpec = "mnist:test".parse()?;
/// assert_eq!(spec.part(), Some(Part::Test));
/// assert_eq!(spec.to_string(), "mnist:test");
/// # Ok::<(), contractive_datasets::DatasetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSpec {
    text: String,
    target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Registered {
        set: &'static Registered,
        part: Option<Part>,
    },
    File(PathBuf),
    /// A pattern, a folder, or a list.
    Files(String),
    /// A folder or an archive of pictures.
    Pictures(PathBuf),
}

impl DataSpec {
    /// The file at `path`, whatever its name.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        DataSpec { text: path.display().to_string(), target: Target::File(path) }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// The registered data set, if it is one.
    pub fn registered(&self) -> Option<&'static Registered> {
        match self.target {
            Target::Registered { set, .. } => Some(set),
            _ => None,
        }
    }

    /// The folder or archive, if it is one of pictures.
    pub fn pictures(&self) -> Option<&Path> {
        match &self.target {
            Target::Pictures(path) => Some(path),
            _ => None,
        }
    }

    /// The file, if it is one; several have no path, nor have pictures.
    pub fn path(&self) -> Option<&Path> {
        match &self.target {
            Target::File(path) => Some(path),
            _ => None,
        }
    }

    /// The files, if it is one or several, in the order of their rows.
    ///
    /// # Errors
    /// [`TableError`] where there are none, or they cannot be one table; [`TableError::NoFiles`] of a registered set too.
    pub fn files(&self) -> Result<Vec<PathBuf>, TableError> {
        match &self.target {
            Target::File(path) => Ok(vec![path.clone()]),
            Target::Files(text) => files_of(text),
            Target::Registered { .. } | Target::Pictures(_) => Err(TableError::NoFiles { pattern: self.text.clone() }),
        }
    }

    /// What its rows are called: the last part of the text.
    pub(super) fn name(&self) -> String {
        let last = Path::new(&self.text).file_name().map(|name| name.to_string_lossy().into_owned());
        last.unwrap_or_else(|| self.text.clone())
    }

    /// The part that the spec names.
    pub fn part(&self) -> Option<Part> {
        match self.target {
            Target::Registered { part, .. } => part,
            _ => None,
        }
    }
}

impl fmt::Display for DataSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for DataSpec {
    type Err = DatasetError;

    fn from_str(text: &str) -> Result<Self, DatasetError> {
        let as_set = |set: &'static Registered, part| Target::Registered { set, part };
        let target = if let Some(set) = registry::find(text) {
            as_set(set, None)
        } else if are_pictures(text)? {
            Target::Pictures(text.into())
        } else if names_several(text) {
            Target::Files(text.into())
        } else if !text.is_empty() && Path::new(text).exists() {
            Target::File(text.into())
        } else if let Some((set, part)) =
            text.rsplit_once(':').and_then(|(name, part)| Some((registry::find(name)?, part)))
        {
            let part =
                part_of(part).ok_or_else(|| DatasetError::UnknownPart { name: set.name.into(), got: part.into() })?;
            as_set(set, Some(part))
        } else {
            match text.rsplit_once(':').map(|(path, part)| (path, part_of(part))) {
                Some((path, Some(part))) if looks_like_path(path) => {
                    return Err(DatasetError::NoSuchPart { path: path.into(), part });
                }
                _ if looks_like_path(text) => Target::File(text.into()),
                _ => return Err(registry::unknown(text)),
            }
        };
        Ok(DataSpec { text: text.to_string(), target })
    }
}

fn part_of(text: &str) -> Option<Part> {
    match text {
        "train" => Some(Part::Train),
        "test" => Some(Part::Test),
        _ => None,
    }
}

fn looks_like_path(text: &str) -> bool {
    text.contains(['/', '\\'])
        || Format::of(Path::new(text)).is_some()
        || (!text.is_empty() && Path::new(text).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parts_and_paths_are_told_apart() {
        let spec: DataSpec = "strokes".parse().unwrap();
        assert_eq!((spec.registered().unwrap().name, spec.part()), ("strokes", None));
        let spec: DataSpec = "cifar10-gray:train".parse().unwrap();
        assert_eq!((spec.registered().unwrap().name, spec.part()), ("cifar10-gray", Some(Part::Train)));
        let spec: DataSpec = "parts/part-*.csv".parse().unwrap();
        assert_eq!((spec.path(), spec.name().as_str()), (None, "part-*.csv"));
        for path in ["some/table.csv.gz", "./mnist", r"C:\data\table.csv", "table.npy", "odd:name.csv"] {
            let spec: DataSpec = path.parse().unwrap();
            assert_eq!((spec.path(), spec.to_string().as_str()), (Some(Path::new(path)), path));
        }
    }

    #[test]
    fn an_existing_path_with_a_colon_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv:test");
        std::fs::write(&path, "a\n1\n").unwrap();
        let spec: DataSpec = path.to_str().unwrap().parse().unwrap();
        assert_eq!(spec.path(), Some(path.as_path()));
    }

    #[test]
    fn what_is_no_data_is_a_usage_error_that_helps() {
        let message = |text: &str| {
            let error = text.parse::<DataSpec>().unwrap_err();
            error.to_string()
        };
        assert!(message("fashion").contains("did you mean `fashion-mnist`?"));
        assert!(message("mnits:test").contains("did you mean `mnist`?"));
        assert!(!message("quite-other").contains("did you mean"));
        assert!(message("mnist:tset").contains("`train` or `test`, got `tset`"));
        assert!(message("table.csv:test").contains("no part `test`"));
        assert!(message("").contains("unknown data"));
    }
}
