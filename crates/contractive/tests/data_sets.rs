//! Datasets in memory, and registered ones: drawn, found in folders, or refused.

mod data_support;

use contractive::data::registry::{self, FileState};
use contractive::data::{self, DataError, DataSpec, Dataset, LoadOptions, Part, Storage, has_test_part};
use data_support::*;

fn named(text: &str, options: &LoadOptions) -> Result<Dataset, DataError> {
    data::load(&text.parse::<DataSpec>().unwrap(), Part::Train, options)
}

/// Looks in this folder and never downloads; the folders of the user's environment are searched as well.
fn offline_in(folder: &Folder) -> LoadOptions {
    LoadOptions { data_dir: Some(folder.path().into()), offline: true, ..LoadOptions::default() }
}

#[test]
fn rows_are_gathered_and_scaled() {
    let data = Dataset::from_u8_images("i", 1, 2, vec![0, 255, 51, 102, 153, 204]).unwrap();
    let mut out = [9.0; 4];
    data.fill(&[2, 0], &mut out);
    assert_eq!(out, [0.6, 0.8, 0.0, 1.0]);
    data.fill_range(1..3, &mut out);
    assert_eq!(out, [0.2, 0.4, 0.6, 0.8]);
    assert_eq!(data.to_vec(), [0.0, 1.0, 0.2, 0.4, 0.6, 0.8]);
    let data = Dataset::from_f32("t", 2, vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    data.fill(&[1, 1], &mut out);
    assert_eq!(out, [3.0, 4.0, 3.0, 4.0]);
}

#[test]
fn every_pixel_value_is_the_nearest_number_to_its_255th() {
    let data = Dataset::from_u8_images("i", 16, 16, (0..=255).collect()).unwrap();
    for (pixel, value) in data.to_vec().into_iter().enumerate() {
        assert_eq!(value, (pixel as f64 / 255.0) as f32);
    }
}

#[test]
fn range_and_the_unit_interval_are_reported() {
    let images = Dataset::from_u8_images("i", 1, 3, vec![51, 102, 255]).unwrap();
    assert_eq!((images.range(), images.first_outside_unit_interval()), ((0.2, 1.0), None));
    let table = Dataset::from_f32("t", 2, vec![0.0, 1.0, 0.5, -0.25, 7.0, 1.0]).unwrap();
    assert_eq!((table.range(), table.first_outside_unit_interval()), ((-0.25, 7.0), Some((1, 1, -0.25))));
}

#[test]
fn wrong_sizes_and_values_are_refused() {
    assert!(matches!(Dataset::from_f32("t", 2, vec![1.0; 3]), Err(DataError::Shape { .. })));
    assert!(matches!(Dataset::from_f32("t", 0, vec![]), Err(DataError::Empty { .. })));
    assert!(matches!(Dataset::from_f32("t", 2, vec![]), Err(DataError::Empty { .. })));
    let nan = Dataset::from_f32("t", 2, vec![1.0, 1.0, 1.0, f32::NAN]);
    assert!(matches!(nan, Err(DataError::NonFinite { row: 1, column: 1, .. })));
    assert!(matches!(Dataset::from_u8_images("i", 2, 2, vec![0; 5]), Err(DataError::Shape { .. })));
    assert!(matches!(Dataset::from_u8_images("i", usize::MAX, 2, vec![0; 5]), Err(DataError::Shape { .. })));
    let data = || Dataset::from_f32("t", 2, vec![1.0; 4]).unwrap();
    assert!(data().with_labels(vec![1]).is_err());
    assert!(data().with_feature_names(vec!["a".into()]).is_err());
    assert!(data().with_image_shape(3, 1).is_err());
    assert_eq!(data().with_image_shape(1, 2).unwrap().image_shape(), Some((1, 2)));
}

#[test]
fn take_keeps_the_first_rows_and_their_labels() {
    let data = Dataset::from_f32("t", 2, vec![1.0, 2.0, 3.0, 4.0]).unwrap().with_labels(vec![8, 9]).unwrap();
    let one = data.clone().take(1);
    assert_eq!((one.len(), one.to_vec(), one.labels()), (1, vec![1.0, 2.0], Some(&[8][..])));
    assert_eq!(data.clone().take(5), data);
    let none = data.take(0);
    assert!(none.is_empty() && none.to_vec().is_empty() && none.range() == (0.0, 0.0));
}

#[test]
fn strokes_need_no_files() {
    let options = LoadOptions { rows: Some(20), offline: true, ..LoadOptions::default() };
    let data = named("strokes", &options).unwrap();
    assert_eq!((data.name(), data.len(), data.image_shape()), ("strokes:train", 20, Some((28, 28))));
    assert!(matches!(data.storage(), Storage::U8(_)));
    assert_eq!((data.labels().unwrap().len(), data.class_names().unwrap().len()), (20, 10));
    let test = named("strokes:test", &options).unwrap();
    assert!(test.name() == "strokes:test" && test.storage() != data.storage());
    assert!(has_test_part(&"strokes".parse().unwrap()) && !has_test_part(&DataSpec::file("a.csv")));
    assert_eq!(registry::locate("strokes", Part::Train, &options).unwrap(), None);
    assert!(registry::verify("strokes", &options).unwrap().is_empty());
    let too_many = named("strokes:test", &LoadOptions { rows: Some(10_001), ..options }).unwrap_err();
    assert!(too_many.is_usage(), "{too_many:?}");
}

#[test]
fn a_file_with_another_sum_is_refused_and_says_so() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("mnist")).unwrap();
    for name in ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"] {
        folder.write(&format!("mnist/{name}"), b"something else");
    }
    let error = named("mnist", &offline_in(&folder)).unwrap_err();
    assert!(matches!(&error, DataError::Checksum { path, .. } if path.starts_with(folder.path())), "{error:?}");
    assert!(error.is_bad_data() && error.to_string().contains("440fcabf73cc546f"), "{error}");
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
    assert!(message.contains("train-images-idx3-ubyte.gz") && message.contains("place the files"), "{message}");
    assert!(!error.is_usage() && !error.is_bad_data());
}

#[test]
fn files_of_another_set_in_a_bare_folder_are_not_taken() {
    let folder = Folder::new();
    for name in ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"] {
        folder.write(name, b"fashion, not digits");
    }
    match registry::locate("mnist", Part::Train, &offline_in(&folder)) {
        Ok(located) => assert!(!located.unwrap().images.starts_with(folder.path())),
        Err(error) => assert!(error.to_string().contains("switched off"), "{error}"),
    }
}

#[test]
fn labels_and_arrays_of_named_sets_cannot_be_chosen() {
    let error = named("strokes", &LoadOptions { label_column: Some("y".into()), ..LoadOptions::default() });
    assert!(error.unwrap_err().is_usage());
    let error = named("strokes", &LoadOptions { array: Some("X".into()), ..LoadOptions::default() });
    assert!(error.unwrap_err().is_usage());
}
