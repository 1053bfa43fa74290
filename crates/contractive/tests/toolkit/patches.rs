//! Pictures seen as patches, and models of them.

use contractive::config::ConfigError;
use contractive::data::{Dataset, PatchError, Storage};
use contractive::model::{Model, ModelError, PictureSession, evaluate_pictures};
use contractive::train::TrainError;
use contractive::train::Trainer;
use contractive::{Prepared, TrainConfig, evaluate};
use contractive_core::patches::PictureShape;

const SHAPE: PictureShape = PictureShape { height: 9, width: 7, channels: 3 };

/// `n` pictures of 9 × 7 pixels in colour, labels 0, 1, 2, …
fn pictures(n: usize) -> Dataset {
    let pixels = (0..n * SHAPE.n_values()).map(|i| (i * 37 % 251) as u8).collect();
    Dataset::from_u8_pictures("p", SHAPE, pixels).unwrap().with_labels((0..n as i64).collect()).unwrap()
}

#[test]
fn patches_are_gathered_from_the_pictures_bytes_and_have_their_labels() {
    let data = pictures(4).with_patches(3, 2).unwrap();
    // Tops 0, 2, 4, 6; lefts 0, 2, 4.
    assert_eq!((data.len(), data.n_features(), data.rows_a_picture()), (4 * 12, 27, 12));
    assert_eq!(data.storage(), pictures(4).storage());
    assert_eq!(data.labels().unwrap()[11..14], [0, 1, 1]);
    let whole = pictures(4).to_vec();
    // Picture 2, place 5: top 2, left 4.
    let row = 2 * 12 + 5;
    let expected: Vec<f32> =
        (0..3).flat_map(|u| (0..9).map(move |vc| 2 * 189 + ((2 + u) * 7 + 4) * 3 + vc)).map(|at| whole[at]).collect();
    let mut out = vec![0.0; 54];
    data.fill(&[row, 0], &mut out);
    assert_eq!(out[..27], expected[..]);
    let mut ranged = vec![0.0; 27];
    data.fill_range(row as usize..row as usize + 1, &mut ranged);
    assert_eq!(ranged, expected);
    data.for_each_row(&[row], |wide| assert!(wide.iter().zip(&expected).all(|(w, e)| *w as f32 == *e)));
    let chosen = data.select(&[row, 0]);
    assert_eq!((chosen.to_vec(), chosen.patch_grid(), chosen.labels()), (out, None, Some(&[2, 0][..])));
    assert_eq!(chosen.picture_shape(), Some(PictureShape { height: 3, width: 3, channels: 3 }));
    assert_eq!(data.range(), pictures(4).range());
    assert_eq!(data.clone().take(13).to_vec(), data.to_vec()[..13 * 27]);
    assert_eq!(data.clone().take(99).patch_grid(), data.patch_grid());
    assert_eq!(data.into_pictures(), pictures(4));
}

#[test]
fn numbers_of_32_and_64_bits_make_the_same_patches() {
    let bytes = pictures(2).with_patches(4, 3).unwrap();
    let singles = Dataset::from_f32("p", SHAPE.n_values(), pictures(2).to_vec()).unwrap();
    let mut wide = Vec::new();
    pictures(2).for_each_row(&[0, 1], |row| wide.extend(row.iter().map(|x| x * (1.0 + 1e-12))));
    let doubles = Dataset::from_f64("p", SHAPE.n_values(), wide).unwrap();
    assert!(matches!(doubles.storage(), Storage::F64(_)));
    for data in [singles, doubles] {
        let data = data.with_picture_shape(SHAPE).unwrap().with_patches(4, 3).unwrap();
        assert_eq!(data.to_vec(), bytes.to_vec());
    }
}

#[test]
fn a_value_outside_the_unit_interval_is_named_by_a_patch_that_has_it() {
    for at in [0, 189, 189 + 188, 189 + 100] {
        let mut values = pictures(2).to_vec();
        values[at] = 1.5;
        let data = Dataset::from_f32("p", 189, values).unwrap().with_picture_shape(SHAPE).unwrap();
        let data = data.with_patches(3, 2).unwrap();
        let (row, column, value) = data.first_outside_unit_interval().unwrap();
        assert_eq!((data.to_vec()[row * 27 + column], value), (1.5, 1.5));
    }
}

#[test]
fn what_has_no_patches_is_refused() {
    let table = Dataset::from_f32("t", 4, vec![0.0; 8]).unwrap();
    assert!(matches!(table.with_patches(1, 1), Err(PatchError::NotPictures { .. })));
    for (patch, stride) in [(8, 1), (3, 4), (0, 1), (3, 0)] {
        assert!(matches!(pictures(1).with_patches(patch, stride), Err(PatchError::Grid(_))), "{patch} {stride}");
    }
}

fn config(text: &str) -> TrainConfig {
    TrainConfig::from_toml("test", &format!("[model]\nhidden = [6, 2]\n[training]\nepochs = 2\n[data]\n{text}"))
        .unwrap()
}

#[test]
fn held_out_pictures_have_no_patch_among_those_trained_on() {
    let prepared = Prepared::new(&config("patch = 3\nvalidation = 0.3"), pictures(10), None).unwrap();
    assert_eq!(prepared.config().data.stride, Some(1));
    let of = |rows: &[u32]| rows.iter().map(|row| row / 35).collect::<std::collections::BTreeSet<u32>>();
    let (training, validation) = (of(prepared.train_rows()), of(prepared.validation_rows()));
    assert_eq!((training.len(), validation.len(), prepared.train_rows().len()), (7, 3, 7 * 35));
    assert!(training.is_disjoint(&validation));
}

#[test]
fn a_model_of_patches_is_saved_and_takes_pictures_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = Trainer::new(config("patch = 4\nstride = 3")).fit(&pictures(6)).unwrap();
    outcome.model.save(folder.path().join("m")).unwrap();
    let model = Model::load(folder.path().join("m")).unwrap();
    assert_eq!(model, outcome.model);
    let config = std::fs::read_to_string(folder.path().join("m/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!((&config["channels"], &config["patch"], &config["stride"]), (&3.into(), &4.into(), &3.into()));

    let larger = PictureShape { height: 20, width: 13, channels: 3 };
    let pixels = (0..2 * larger.n_values()).map(|i| (i * 11 % 256) as u8).collect();
    let larger = Dataset::from_u8_pictures("larger", larger, pixels).unwrap();
    let data = model.rows_of(larger).unwrap();
    let mut session = PictureSession::new(&model, &data, 1).unwrap().unwrap();
    assert_eq!((session.len(), session.reconstruct(1).unwrap().len()), (2, 20 * 13 * 3));
    let grey = Dataset::from_u8_images("grey", 9, 9, vec![0; 81]).unwrap();
    assert!(matches!(model.rows_of(grey), Err(ModelError::Patches(PatchError::Channels { expected: 3, got: 1, .. }))));
    let tiny = PictureShape { height: 3, width: 3, channels: 3 };
    let tiny = Dataset::from_u8_pictures("tiny", tiny, vec![0; 27]).unwrap();
    assert!(matches!(model.rows_of(tiny), Err(ModelError::Patches(PatchError::Grid(_)))));
}

#[test]
fn a_pictures_reconstruction_is_the_mean_of_its_patches_and_its_penalty_their_sum() {
    let outcome = Trainer::new(config("patch = 4\nstride = 3")).fit(&pictures(6)).unwrap();
    let model = outcome.model;
    let data = model.rows_of(pictures(3)).unwrap();
    let n = data.rows_a_picture();
    let (patches, squares) = (model.reconstruct(&data, 1).unwrap(), model.session(1).unwrap().jacobian_squares(&data));
    let squares = squares.unwrap();
    let (mut mse, mut penalty) = (0.0, 0.0);
    let evaluation = evaluate_pictures(&model, &data, 2, |picture, judged| -> Result<(), ModelError> {
        let sum: f64 = squares[picture * n..][..n].iter().sum();
        assert!((judged.penalty - sum).abs() <= 1e-12 * sum);
        mse += judged.mse;
        penalty += sum;
        Ok(())
    });
    let evaluation = evaluation.unwrap().unwrap();
    // Both at once are each by itself, to the bit.
    let mut session = PictureSession::new(&model, &data, 2).unwrap().unwrap();
    let (restored, penalties) = (session.reconstruct(2).unwrap(), session.penalties(2).unwrap());
    let original = pictures(3).select(&[2]).to_vec();
    let errors = original.iter().zip(&restored).map(|(x, x_hat)| (f64::from(*x) - x_hat).powi(2));
    let judged = session.judge(2).unwrap();
    assert_eq!(judged.penalty.to_bits(), penalties.iter().sum::<f64>().to_bits());
    assert!((judged.mse - errors.sum::<f64>() / restored.len() as f64).abs() <= 1e-6 * judged.mse);
    assert_eq!((evaluation.pictures, evaluation.patches), (3, n));
    assert!((evaluation.mse - mse / 3.0).abs() < 1e-15 && (evaluation.penalty - penalty / 3.0).abs() < 1e-12);
    let whole = evaluate(&model, &data, 1).unwrap();
    assert_eq!(whole.pictures, Some(evaluation));
    assert!((whole.penalty * n as f64 - penalty / 3.0).abs() < 1e-9 * penalty);
    // By hand: the pixel at row 3, column 3 of picture 1 lies in the patches with tops 0 and 3 and lefts 0 and 3.
    let grid = data.patch_grid().unwrap();
    let mut values = Vec::new();
    for i in 0..n {
        let (top, left) = grid.place(i);
        if (top..top + 4).contains(&3) && (left..left + 4).contains(&3) {
            values.push(patches[(n + i) * 48 + ((3 - top) * 4 + 3 - left) * 3 + 1]);
        }
    }
    assert_eq!(values.len(), 4);
    let restored = PictureSession::new(&model, &data, 1).unwrap().unwrap().reconstruct(1).unwrap();
    assert!((restored[(3 * 7 + 3) * 3 + 1] - values.iter().sum::<f64>() / 4.0).abs() < 1e-15);
}

#[test]
fn settings_that_make_no_patches_are_refused_and_a_second_layer_is_explained() {
    let refused = |text: &str| Prepared::new(&config(text), pictures(3), None).unwrap_err();
    for text in ["stride = 2", "patch = 0", "patch = 3\nstride = 4", "patch = 3\nstride = 0"] {
        assert!(matches!(refused(text), TrainError::Config(ConfigError::Number { .. })), "{text}");
    }
    let streamed = Prepared::streamed(&config("patch = 3\nstream = true"), "x.npy").unwrap_err();
    assert!(streamed.to_string().contains("folder of pictures"), "{streamed}");
    assert!(matches!(refused("patch = 8"), TrainError::Patches(PatchError::Grid(_))));
    let several = TrainConfig::from_toml("test", "[data]\npatch = [8, 4]").unwrap_err().to_string();
    assert!(several.contains("second spatial layer") && several.contains("contractive.torch"), "{several}");
}
