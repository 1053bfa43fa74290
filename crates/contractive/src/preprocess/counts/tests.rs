use super::*;
use crate::preprocess::{Preprocessing, Scale, ScaledRows};

fn table() -> Dataset {
    Dataset::from_f32("counts", 3, vec![1.0, 3.0, 0.0, 2.0, 2.0, 4.0, 0.0, 0.0, 0.0, 5.0, 0.0, 7.0]).unwrap()
}

#[test]
fn rows_are_divided_by_their_sums_and_their_logarithm_is_taken() {
    let data = table();
    let counts = Counts::learn(Some(LibrarySize::Median), true, &data, &[0, 1, 2, 3]);
    // Of 4, 8 and 12; a row of zeros has no part in it.
    assert_eq!(counts.library_size, Some(8.0));
    let mut row = [1.0, 3.0, 0.0];
    counts.apply(&mut row);
    assert_eq!(row, [2.0_f64.ln_1p(), 6.0_f64.ln_1p(), 0.0]);
    counts.invert(&mut row, 4.0);
    row.iter().zip([1.0, 3.0, 0.0]).for_each(|(got, x)| assert!((got - x).abs() < 1e-12));
    let mut zeros = [0.0; 3];
    counts.apply(&mut zeros);
    counts.invert(&mut zeros, 0.0);
    assert_eq!(zeros, [0.0; 3]);
    assert_eq!(Counts::learn(Some(LibrarySize::Target(10.0)), false, &data, &[0]).library_size, Some(10.0));
}

#[test]
fn every_scaling_is_that_of_the_transformed_counts() {
    let (data, rows) = (table(), [0, 1, 2, 3]);
    let counts = Counts { library_size: Some(100.0), log1p: true };
    let mut transformed = Vec::new();
    Seen { data: &data, counts }.for_each_row(&rows, |row| transformed.extend_from_slice(row));
    let plain = Dataset::from_f64("transformed", 3, transformed).unwrap();
    for scale in [Scale::None, Scale::Standard, Scale::Minmax, Scale::Robust, Scale::Quantile] {
        let fitted = Preprocessing::fit_counts(counts, scale, &data, &rows);
        let expected = Preprocessing::fit(scale, &plain, &rows);
        assert_eq!(Preprocessing { counts: Counts::default(), ..fitted.clone() }, expected);
        let (mut got, mut wanted) = (Vec::new(), Vec::new());
        ScaledRows { data: &data, preprocessing: &fitted }.gather(&rows, &mut got);
        ScaledRows { data: &plain, preprocessing: &expected }.gather(&rows, &mut wanted);
        assert_eq!(got, wanted, "{scale:?}");
        if scale != Scale::Quantile {
            let mut back = fitted.invert(&got);
            fitted.invert_counts(&mut back, &[4.0, 8.0, 0.0, 12.0]);
            back.iter().zip(data.to_vec()).for_each(|(got, x)| assert!((got - f64::from(x)).abs() < 1e-4, "{scale:?}"));
        }
    }
}

#[test]
fn negative_values_are_refused_with_their_place() {
    let data = Dataset::from_f32("t", 2, vec![1.0, 2.0, 3.0, -0.5]).unwrap();
    let counts = Counts { library_size: None, log1p: true };
    let fitted = Preprocessing::fit_counts(counts, Scale::None, &data, &[0]);
    let expected = PreprocessError::Negative { what: "t".into(), row: 1, column: 1, value: -0.5 };
    assert_eq!(fitted.check(&data), Err(expected));
    assert_eq!(Preprocessing::fit(Scale::None, &data, &[0]).check(&data), Ok(()));
}

#[test]
fn a_size_is_written_as_a_word_or_a_number() {
    let read = |text: &str| toml::from_str::<crate::config::DataConfig>(text).map(|data| data.library_size);
    assert_eq!(read("library_size = \"median\"").unwrap(), Some(LibrarySize::Median));
    assert_eq!(read("library_size = 10000").unwrap(), Some(LibrarySize::Target(1e4)));
    assert!(read("library_size = \"mean\"").is_err_and(|e| e.to_string().contains("`median` or a number")));
}
