//! Tables of typed columns as data sets.

use std::path::{Path, PathBuf};

use contractive::data::{ColumnOptions, FileOptions, TableError, load, load_encoded};
use contractive::encoding::{Admission, EncodingError, EncodingOptions, TrainingTable};
use contractive_table::FrameReader;

/// A file that other programs wrote: see fixtures/tables/generate.py.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tables").join(name)
}

fn chosen(columns: &[&str]) -> EncodingOptions {
    let columns = Some(columns.iter().map(|name| (*name).to_owned()).collect());
    EncodingOptions { columns, ..EncodingOptions::default() }
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

/// Lists beside the columns that are chosen, in training and in new data; not where they are asked for, or training did not know
/// them.
#[test]
fn columns_that_cannot_be_read_are_left_out_where_others_are_chosen() {
    let refusal = |error: EncodingError, column: &str| {
        let text = error.to_string();
        assert!(text.contains(&format!("column `{column}` must be a number")), "{text}");
    };
    for (file, columns, list, n) in
        [("nested.parquet", &["a"][..], "nested", 2), ("../hostile/unread-list.arrow", &["a", "b"], "l", 8)]
    {
        let path = fixture(file);
        let table = TrainingTable::read(&path, &chosen(columns)).unwrap();
        assert_eq!(
            (table.rows.n_rows, table.encoding.source_names()),
            (n, columns.iter().map(|c| (*c).into()).collect())
        );
        let admission = Admission::default();
        let reader = FrameReader::open(&path, &table.encoding.read_options(&path, &admission)).unwrap();
        table.encoding.check(&path, reader.fields(), &admission).unwrap();
        assert_eq!(reader.left_out(), [list]);
        let of_columns = ColumnOptions { columns: chosen(columns).columns, ..ColumnOptions::default() };
        let data = load_encoded(&path, &FileOptions { columns: of_columns, ..FileOptions::default() }).unwrap();
        assert_eq!((data.len(), data.n_features()), (n, columns.len()));
        refusal(TrainingTable::read(&path, &EncodingOptions::default()).unwrap_err(), list);
        refusal(TrainingTable::read(&path, &chosen(&[columns, &[list]].concat())).unwrap_err(), list);
        let keyed = EncodingOptions { keys: vec![list.into()], ..chosen(columns) };
        refusal(TrainingTable::read(&path, &keyed).unwrap_err(), list);
        // A detector that learnt without it.
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("t.csv");
        let rows: String = (0..4).map(|i| format!("{}\n", vec![i.to_string(); columns.len()].join(","))).collect();
        std::fs::write(&other, format!("{}\n{rows}", columns.join(","))).unwrap();
        let encoding = TrainingTable::read(&other, &chosen(columns)).unwrap().encoding;
        let error = FrameReader::open(&path, &encoding.read_options(&path, &admission)).err().unwrap();
        refusal(error.into(), list);
    }
}
