use proptest::prelude::*;

use super::*;

fn names(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn table(values: Vec<f32>) -> Dataset {
    Dataset::from_f32("table.csv", 3, values).unwrap().with_feature_names(names("a b c")).unwrap()
}

#[test]
fn standard_has_mean_0_and_deviation_1_on_the_rows_learnt_from_and_constants_stay_finite() {
    let data = table(vec![1.0, 10.0, 0.1, 3.0, 30.0, 0.1, 5.0, 20.0, 0.1, 900.0, 900.0, 900.0]);
    let fitted = Preprocessing::fit(Scale::Standard, &data, &[0, 1, 2]);
    let mut rows = data.to_vec();
    fitted.apply(&mut rows);
    for j in 0..3 {
        let column: Vec<f32> = (0..3).map(|r| rows[3 * r + j]).collect();
        assert!(column.iter().sum::<f32>().abs() < 1e-5);
        let variance = column.iter().map(|x| x * x).sum::<f32>() / 3.0;
        assert!((variance - if j == 2 { 0.0 } else { 1.0 }).abs() < 1e-5, "column {j}: {variance}");
    }
    assert_eq!(fitted.factor[2], 1.0);
    assert_eq!(fitted.check_stored(), Ok(()));
}

#[test]
fn minmax_spans_0_to_1_and_clips_only_when_told() {
    let data = table(vec![1.0, 10.0, 7.0, 3.0, 30.0, 7.0, 5.0, 0.0, 7.0]);
    let mut fitted = Preprocessing::fit(Scale::Minmax, &data, &[0, 1]);
    let mut rows = data.to_vec();
    fitted.apply(&mut rows);
    assert_eq!(rows, [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 2.0, -0.5, 0.0]);
    fitted.clip = true;
    let mut rows = data.to_vec();
    fitted.apply(&mut rows);
    assert_eq!(rows[6..], [1.0, 0.0, 0.0]);
}

/// A scaling learnt on all rows of a column, and the column as it makes it.
fn scaled_column(scale: Scale, column: &[f64]) -> (Preprocessing, Vec<f32>) {
    let data = Dataset::from_f64("column", 1, column.to_vec()).unwrap();
    let fitted = Preprocessing::fit(scale, &data, &(0..column.len() as u32).collect::<Vec<_>>());
    let scaled = fitted.scaled_rows(column);
    (fitted, scaled)
}

#[test]
fn one_huge_value_does_not_flatten_the_others() {
    let mut column: Vec<f64> = (0..999).map(|i| f64::from(i - 499) / 499.0).collect();
    column.push(1e12);
    let (_, scaled) = scaled_column(Scale::Robust, &column);
    assert!(scaled[0] < -0.5 && scaled[998] > 0.5 && scaled[999].is_finite(), "{} {}", scaled[0], scaled[998]);
}

#[test]
fn large_numbers_are_centred_whatever_their_sum_loses() {
    let large = 2_f64.powi(52) + 1000.0;
    for scale in [Scale::Standard, Scale::Robust, Scale::Minmax, Scale::Quantile] {
        assert_eq!(scaled_column(scale, &[large; 4096]).1, [0.0; 4096], "{scale:?}");
    }
    let column: Vec<f64> = (0..4096).map(|i| large + f64::from(i % 2 * 2)).collect();
    let (fitted, scaled) = scaled_column(Scale::Standard, &column);
    assert!(scaled.iter().all(|y| y.abs() == 1.0), "{fitted:?}");
}

#[test]
fn huge_numbers_give_finite_factors() {
    let root = 1.5_f32.sqrt();
    let (fitted, scaled) = scaled_column(Scale::Standard, &[1e200, 2e200, 3e200]);
    assert_eq!(fitted.check_stored(), Ok(()));
    assert!(scaled.iter().zip([-root, 0.0, root]).all(|(a, b)| (a - b).abs() < 1e-6), "{scaled:?}");
    for column in [vec![1e308; 4], vec![-1e308, 1e308], vec![1e308, 1e308, 1e308, 5e307], vec![-f64::MAX, f64::MAX]] {
        for scale in [Scale::Standard, Scale::Robust, Scale::Minmax, Scale::Quantile] {
            let fitted = scaled_column(scale, &column).0;
            assert_eq!(fitted.check_stored(), Ok(()), "{scale:?} {column:?}");
            let text = serde_json::to_string(&fitted).unwrap();
            assert_eq!(serde_json::from_str::<Preprocessing>(&text).unwrap(), fitted, "{text}");
        }
    }
}

#[test]
fn other_columns_are_refused_by_name() {
    let fitted = Preprocessing::fit(Scale::Standard, &table(vec![1.0; 6]), &[0, 1]);
    let check = |text: &str| {
        let names = names(text);
        fitted.check_columns("new.csv", names.len(), Some(&names)).map_err(|e| e.to_string())
    };
    assert_eq!(check("a b c"), Ok(()));
    assert_eq!(check("a b c d").unwrap_err(), "new.csv has 4 columns, the model was trained on 3: a, b, c");
    assert!(check("a b d").unwrap_err().ends_with("missing c; unexpected d"));
    assert_eq!(
        check("a c b").unwrap_err(),
        "column 2 of new.csv must be `b`, got `c`; put the columns in the order a, b, c"
    );
    assert_eq!(fitted.check_columns("new.npy", 3, None), Ok(()));
}

#[test]
fn stored_numbers_are_judged() {
    let good = Preprocessing::fit(Scale::Standard, &table(vec![1.0, 2.0, 3.0, 4.0, 5.0, 7.0]), &[0, 1]);
    for spoil in [
        (|p: &mut Preprocessing| p.factor[1] = 0.0) as fn(&mut Preprocessing),
        |p| p.factor[0] = f64::NAN,
        |p| p.offset[2] = f64::INFINITY,
        |p| p.offset.truncate(2),
        |p| p.feature_names = Some(vec![]),
        |p| p.scale = Scale::Quantile,
        |p| p.ranks = vec![Ranks::learn(&[1.0, 2.0])],
    ] {
        let mut bad = good.clone();
        spoil(&mut bad);
        assert!(bad.check_stored().is_err(), "{bad:?}");
    }
    let old = serde_json::to_string(&good).unwrap();
    assert!(!old.contains("ranks"), "files of other scalings are as they were: {old}");
    assert_eq!(serde_json::from_str::<Preprocessing>(&old).unwrap(), good);
    let by_ranks = Preprocessing::fit(Scale::Quantile, &table(vec![1.0, 2.0, 3.0, 4.0, 5.0, 7.0]), &[0, 1]);
    assert_eq!(by_ranks.check_stored(), Ok(()));
    let text = serde_json::to_string(&by_ranks).unwrap();
    assert_eq!(serde_json::from_str::<Preprocessing>(&text).unwrap(), by_ranks);
    let spoilt: Preprocessing = serde_json::from_str(&text.replace("4.0", "-4.0")).unwrap();
    assert!(spoilt.check_stored().is_err(), "{spoilt:?}");
}

proptest! {
    #[test]
    fn inverting_gives_the_rows_back(values in proptest::collection::vec(-1e3_f32..1e3, 12)) {
        let data = table(values.clone());
        for scale in [Scale::None, Scale::Minmax, Scale::Standard, Scale::Robust, Scale::Quantile] {
            let fitted = Preprocessing::fit(scale, &data, &[0, 1, 2, 3]);
            let mut rows = values.clone();
            fitted.apply(&mut rows);
            for (a, b) in fitted.invert(&rows).into_iter().zip(&values) {
                prop_assert!((a - f64::from(*b)).abs() <= 1e-3, "{a} {b} {scale:?}");
            }
        }
    }
}
