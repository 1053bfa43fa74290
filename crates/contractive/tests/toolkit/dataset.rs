//! Data sets in memory.

use contractive::data::{Dataset, Storage, TableError};

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
    assert_eq!((images.range(), images.first_outside_unit_interval()), ((f64::from(0.2_f32), 1.0), None));
    let table = Dataset::from_f32("t", 2, vec![0.0, 1.0, 0.5, -0.25, 7.0, 1.0]).unwrap();
    assert_eq!((table.range(), table.first_outside_unit_interval()), ((-0.25, 7.0), Some((1, 1, -0.25))));
}

#[test]
fn wrong_sizes_and_values_are_refused() {
    assert!(matches!(Dataset::from_f32("t", 2, vec![1.0; 3]), Err(TableError::Shape { .. })));
    assert!(matches!(Dataset::from_f32("t", 0, vec![]), Err(TableError::Empty { .. })));
    assert!(matches!(Dataset::from_f32("t", 2, vec![]), Err(TableError::Empty { .. })));
    let nan = Dataset::from_f32("t", 2, vec![1.0, 1.0, 1.0, f32::NAN]);
    assert!(matches!(nan, Err(TableError::NonFinite { row: 1, column: 1, .. })));
    assert!(matches!(Dataset::from_u8_images("i", 2, 2, vec![0; 5]), Err(TableError::Shape { .. })));
    assert!(matches!(Dataset::from_u8_images("i", usize::MAX, 2, vec![0; 5]), Err(TableError::Shape { .. })));
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
fn values_that_32_bits_hold_stay_there_and_others_keep_every_digit() {
    let exact = Dataset::from_f64("t", 2, vec![1.0, 0.5, -3.25, 16_777_216.0]).unwrap();
    assert!(matches!(exact.storage(), Storage::F32(_)));
    let wide = Dataset::from_f64("t", 2, vec![1.7e9 + 0.125, 0.5, 1.7e9 - 0.25, 1e200]).unwrap();
    assert!(matches!(wide.storage(), Storage::F64(_)));
    let mut rows = Vec::new();
    wide.for_each_row(&[1, 0], |row| rows.extend_from_slice(row));
    assert_eq!(rows, [1.7e9 - 0.25, 1e200, 1.7e9 + 0.125, 0.5]);
    let chosen = wide.select(&[1]);
    assert_eq!((chosen.len(), chosen.range()), (1, (1.7e9 - 0.25, 1e200)));
    assert!(matches!(Dataset::from_f64("t", 1, vec![f64::INFINITY]), Err(TableError::NonFinite { row: 0, .. })));
}
