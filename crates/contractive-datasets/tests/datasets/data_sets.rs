//! Registered data sets: drawn, found in folders, or refused.

use std::path::{Path, PathBuf};

use contractive::data::{Dataset, FileOptions, Storage};
use contractive_datasets::registry::{self, FileState};
use contractive_datasets::{DataSpec, DatasetError, LoadOptions, Part, Source, has_test_part, load};

/// A folder that goes away with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn named(text: &str, options: &LoadOptions) -> Result<Dataset, DatasetError> {
    load(&text.parse::<DataSpec>().unwrap(), Part::Train, options)
}

fn of_file(file: FileOptions) -> LoadOptions {
    LoadOptions { file, ..LoadOptions::default() }
}

fn first(rows: usize) -> FileOptions {
    FileOptions { rows: Some(rows), ..FileOptions::default() }
}

/// Looks in this folder and never downloads; the folders of the user's environment are searched as well.
fn offline_in(folder: &Folder) -> Source {
    Source { data_dir: Some(folder.path().into()), offline: true }
}

#[test]
fn strokes_need_no_files() {
    let source = Source { data_dir: None, offline: true };
    let options = LoadOptions { source: source.clone(), file: first(20), ..LoadOptions::default() };
    let data = named("strokes", &options).unwrap();
    assert_eq!((data.name(), data.len(), data.image_shape()), ("strokes:train", 20, Some((28, 28))));
    assert!(matches!(data.storage(), Storage::U8(_)));
    assert_eq!((data.labels().unwrap().len(), data.class_names().unwrap().len()), (20, 10));
    let test = named("strokes:test", &options).unwrap();
    assert!(test.name() == "strokes:test" && test.storage() != data.storage());
    assert!(has_test_part(&"strokes".parse().unwrap()) && !has_test_part(&DataSpec::file("a.csv")));
    assert_eq!(registry::locate("strokes", Part::Train, &source).unwrap(), None);
    assert!(registry::verify("strokes", &source).unwrap().is_empty());
    let too_many = named("strokes:test", &LoadOptions { file: first(10_001), ..options }).unwrap_err();
    assert!(matches!(too_many, DatasetError::RowCount { most: 10_000, .. }), "{too_many:?}");
}

#[test]
fn a_file_with_another_sum_is_refused_and_says_so() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("mnist")).unwrap();
    for name in ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"] {
        folder.write(&format!("mnist/{name}"), b"something else");
    }
    let error = named("mnist", &LoadOptions { source: offline_in(&folder), ..LoadOptions::default() }).unwrap_err();
    assert!(matches!(&error, DatasetError::Checksum { path, .. } if path.starts_with(folder.path())), "{error:?}");
    assert!(error.to_string().contains("440fcabf73cc546f"), "{error}");
    let statuses = registry::verify("mnist", &offline_in(&folder)).unwrap();
    assert_eq!(statuses.len(), 4);
    assert!(matches!(statuses[0].state, FileState::Wrong { .. }));
}

#[test]
fn a_set_in_no_folder_lists_where_it_was_looked_for() {
    // cifar10-gray cannot be downloaded; the part is named so that a machine that has it in its cache still passes.
    let folder = Folder::new();
    let Err(error) = registry::locate("cifar10-gray", Part::Train, &offline_in(&folder)) else {
        println!("skipped: this machine has cifar10-gray in $CONTRACTIVE_DATA_DIR or its cache");
        return;
    };
    let message = error.to_string();
    assert!(message.contains(&folder.path().join("cifar10-gray").display().to_string()), "{message}");
    assert!(message.contains("train-images-idx3-ubyte.gz"), "{message}");
    assert!(matches!(error, DatasetError::NotFound { can_be_downloaded: false, is_offline: true, .. }), "{error:?}");
}

#[test]
fn files_of_another_set_in_a_bare_folder_are_not_taken() {
    let folder = Folder::new();
    for name in ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"] {
        folder.write(name, b"fashion, not digits");
    }
    match registry::locate("mnist", Part::Train, &offline_in(&folder)) {
        Ok(located) => assert!(!located.unwrap().images.starts_with(folder.path())),
        Err(error) => assert!(matches!(error, DatasetError::NotFound { is_offline: true, .. }), "{error:?}"),
    }
}

#[test]
fn labels_and_arrays_of_named_sets_cannot_be_chosen() {
    let error = named("strokes", &of_file(FileOptions { label_column: Some("y".into()), ..FileOptions::default() }));
    assert!(matches!(error, Err(DatasetError::Setting { .. })));
    let error = named("strokes", &of_file(FileOptions { array: Some("X".into()), ..FileOptions::default() }));
    assert!(matches!(error, Err(DatasetError::Setting { .. })));
}
