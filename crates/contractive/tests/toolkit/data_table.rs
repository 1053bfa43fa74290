//! Tables of typed columns as data sets.

use std::path::{Path, PathBuf};

use contractive::data::{FileOptions, TableError, load};

/// A file that other programs wrote: see fixtures/tables/generate.py.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tables").join(name)
}

#[test]
fn the_same_numbers_make_the_same_data_set_from_every_format() {
    let options = FileOptions { label_column: Some("class".into()), ..FileOptions::default() };
    let of = |file: &str| load(fixture(file), &options).unwrap();
    let csv = of("numbers.csv");
    assert_eq!((csv.len(), csv.n_features()), (40, 4));
    for file in ["numbers.parquet", "numbers.feather"] {
        let data = of(file);
        assert_eq!(data.storage(), csv.storage());
        assert_eq!((data.labels(), data.class_names()), (csv.labels(), csv.class_names()));
        assert_eq!(data.feature_names(), csv.feature_names());
        assert!(data.sha256().is_some());
    }
}

#[test]
fn a_data_set_of_typed_columns_names_the_cell_that_does_not_fit() {
    let refusal = |file: &str, label: Option<&str>| {
        let options = FileOptions { label_column: label.map(str::to_owned), ..FileOptions::default() };
        load(fixture(file), &options).unwrap_err()
    };
    let text = refusal("numbers.parquet", None).to_string();
    assert!(text.contains("column `class` must be numbers"), "{text}");
    let error = refusal("packed-snappy.parquet", Some("key"));
    assert!(error.to_string().contains("row 3 (from 0), column `x`: every cell must be a finite"), "{error}");
    assert!(matches!(refusal("numbers.parquet", Some("klass")), TableError::MissingColumns { .. }));
}
