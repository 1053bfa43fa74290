use std::fs;
use std::path::Path;

use contractive_core::{Activation, Loss, Penalty};
use proptest::prelude::*;

use super::*;
use crate::preprocess::{PreprocessError, Scale};

fn model(sizes: &[usize], tied: bool, fill: impl Fn(usize) -> f32) -> Model {
    let (d, hidden) = (sizes[0], &sizes[1..]);
    let net = Architecture::mirrored(d, hidden, Activation::Tanh, Activation::Sigmoid, Activation::Identity, tied);
    let mut parameters = Parameters::zeros(&net).unwrap();
    parameters.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v = fill(i));
    Model {
        parameters,
        objective: Objective::new(Loss::Mse, Penalty::Hessian { corruptions: 3, sigma: 0.1, ratio: 0.3 }, 0.1),
        noise: Some(Noise::Masking { share: 0.3 }),
        preprocessing: Preprocessing {
            scale: Scale::Standard,
            n_features: d,
            feature_names: Some((0..d).map(|j| format!("x{j}")).collect()),
            offset: (0..d).map(|j| 0.1 + j as f64 / 3.0).collect(),
            factor: vec![1.0 / 3.0; d],
            ..Preprocessing::identity(d)
        },
        picture_shape: None,
        patches: None,
        reading: PictureReading::default(),
        provenance: Provenance { recipe: Some("strokes".into()), seed: 7, rows: 9, ..Provenance::default() },
    }
}

fn small() -> Model {
    model(&[3, 2], false, |i| i as f32)
}

fn saved(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("model");
    small().save(&path).unwrap();
    path
}

fn refusal(path: &Path) -> String {
    Model::load(path).unwrap_err().to_string()
}

/// A change to a file's JSON.
type Edit = fn(&mut serde_json::Value);

/// Rewrites `config.json` as JSON.
fn edit_config(path: &Path, edit: impl FnOnce(&mut serde_json::Value)) {
    let file = path.join(CONFIG_FILE);
    let mut config = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    edit(&mut config);
    fs::write(file, serde_json::to_vec(&config).unwrap()).unwrap();
}

/// Rewrites the header of `model.safetensors` as JSON.
fn edit_header(path: &Path, edit: impl FnOnce(&mut serde_json::Value)) {
    let file = path.join(TENSOR_FILE);
    let bytes = fs::read(&file).unwrap();
    let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header = serde_json::from_slice(&bytes[8..8 + n]).unwrap();
    edit(&mut header);
    let header = serde_json::to_vec(&header).unwrap();
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(&header);
    out.extend(&bytes[8 + n..]);
    fs::write(file, out).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_model_reads_back_to_the_bit(bits: Vec<u32>, sizes in proptest::collection::vec(1..6_usize, 2..5), tied: bool) {
        let value = |i: usize| bits.get(i).map(|b| f32::from_bits(*b)).filter(|v| v.is_finite()).unwrap_or(-0.0);
        let written = model(&sizes, tied, value);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        written.save(&path).unwrap();
        let read = Model::load(&path).unwrap();
        let bits = |m: &Model| m.parameters.values().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&written), bits(&read));
        prop_assert_eq!(written, read);
    }

    #[test]
    fn no_damage_panics(at in any::<prop::sample::Index>(), byte: u8, cut: bool, config: bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = saved(folder.path());
        let file = path.join(if config { CONFIG_FILE } else { TENSOR_FILE });
        let mut bytes = fs::read(&file).unwrap();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        fs::write(&file, bytes).unwrap();
        if let Ok(read) = Model::load(&path) {
            prop_assert!(read.parameters.check_finite().is_ok());
            prop_assert!(!cut || config);
        }
    }
}

#[test]
fn saving_replaces_a_model_but_nothing_else_and_leaves_no_traces() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path());
    model(&[3, 2], false, |_| 0.5).save(&path).unwrap();
    assert_eq!(Model::load(&path).unwrap().parameters.values()[0], 0.5);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let other = folder.path().join("thesis");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("chapter.tex"), "x").unwrap();
    assert!(matches!(small().save(&other), Err(ModelError::Occupied { .. })));
    // Many programs keep a `config.json`.
    fs::write(other.join(CONFIG_FILE), "{\"theme\": \"dark\"}").unwrap();
    assert!(matches!(small().save(&other), Err(ModelError::Occupied { .. })));
    fs::remove_file(other.join("chapter.tex")).unwrap();
    fs::write(other.join(TENSOR_FILE), "x").unwrap();
    assert!(matches!(small().save(&other), Err(ModelError::Occupied { .. })));
    // What lies beside a model stays.
    fs::write(path.join("notes.txt"), "x").unwrap();
    model(&[3, 2], false, |_| 0.5).save(&path).unwrap();
    assert_eq!(fs::read(path.join("notes.txt")).unwrap(), b"x");
    let mut bad = small();
    bad.parameters.values_mut()[3] = f32::NAN;
    assert!(bad.save(&path).is_err());
    assert_eq!(Model::load(&path).unwrap().parameters.values()[0], 0.5, "a refused save leaves the old model");
}

#[test]
fn a_run_directory_stands_for_its_model() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path());
    assert_eq!(Model::load(folder.path()).unwrap(), small());
}

#[test]
fn truncated_and_oversized_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path());
    let file = path.join(TENSOR_FILE);
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert!(refusal(&path).contains("it is truncated or damaged"));
    for claimed in [u64::MAX, 1 << 40, whole.len() as u64 - 7] {
        let mut bytes = whole.clone();
        bytes[..8].copy_from_slice(&claimed.to_le_bytes());
        fs::write(&file, bytes).unwrap();
        assert!(refusal(&path).contains(&format!("the header claims {claimed} bytes")), "{}", refusal(&path));
    }
    fs::write(&file, [1, 2, 3]).unwrap();
    assert!(refusal(&path).contains("the header claims"));
    let mut longer = whole;
    longer.extend([0; 4]);
    fs::write(&file, longer).unwrap();
    assert!(refusal(&path).contains("the tensors need"));
}

#[test]
fn sizes_that_disagree_are_refused_before_they_are_allocated() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path());
    let sizes = |k: usize| {
        edit_config(&path, |c| {
            c["architecture"]["encoder_sizes"] = serde_json::json!([3, k]);
            c["architecture"]["decoder_sizes"] = serde_json::json!([k, 3]);
        });
    };
    sizes(4);
    assert!(refusal(&path).contains("`encoder.0.weight` must have shape [4, 3], got [2, 3]"), "{}", refusal(&path));
    // 2^24 units would need 400 MB; the file has 72 bytes of numbers.
    sizes(1 << 24);
    assert!(refusal(&path).contains("must have shape"));
    sizes(usize::MAX);
    assert!(refusal(&path).contains("layer size"));
    edit_config(&path, |c| {
        c["architecture"]["encoder_sizes"] = vec![3; 5001].into();
        c["architecture"]["encoder_activations"] = vec!["tanh"; 5000].into();
        c["architecture"]["decoder_sizes"] = serde_json::json!([3, 3]);
    });
    assert!(
        refusal(&path).contains("`number of encoder layers` must be at least 1 and at most 1024, got 5000"),
        "{}",
        refusal(&path)
    );
}

#[test]
fn tensors_that_lie_about_themselves_are_refused() {
    let cases: [(Edit, &str); 6] = [
        (|h| h["encoder.0.weight"]["dtype"] = "I32".into(), "must be F32, got I32"),
        (|h| drop(h.as_object_mut().unwrap().remove("decoder.0.bias")), "`decoder.0.bias` is missing"),
        (|h| h["rootkit"] = h["encoder.0.bias"].clone(), "unexpected tensor `rootkit`"),
        (|h| h["encoder.0.weight"]["shape"] = serde_json::json!([3, 2]), "must have shape [2, 3], got [3, 2]"),
        (|h| h["encoder.0.bias"]["data_offsets"] = h["decoder.0.bias"]["data_offsets"].clone(), "does not lie"),
        (|h| h["encoder.0.bias"]["data_offsets"] = serde_json::json!([u64::MAX, 0]), "does not lie"),
    ];
    for (edit, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = saved(folder.path());
        edit_header(&path, edit);
        let error = Model::load(&path).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(matches!(error, ModelError::Tensors(_)), "{error:?}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path());
    let file = path.join(TENSOR_FILE);
    let mut bytes = fs::read(&file).unwrap();
    let wanted: Vec<u8> = [6.0_f32, 7.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let at = bytes.windows(8).position(|w| w == wanted).expect("the encoder's biases are 6 and 7");
    bytes[at + 4..at + 8].copy_from_slice(&f32::INFINITY.to_le_bytes());
    fs::write(&file, bytes).unwrap();
    assert!(refusal(&path).contains("`encoder.0.bias` must hold finite numbers, but entry 1 is inf"));
}

#[test]
fn configurations_that_lie_are_refused() {
    let cases: [(Edit, &str); 7] = [
        (|c| c["format_version"] = 2.into(), "`format_version` must be 1, got 2"),
        (|c| drop(c.as_object_mut().unwrap().remove("format_version")), "got none"),
        (|c| c["objective"]["contraction"] = (-1.0).into(), "`contraction` must be finite and at least 0"),
        (|c| c["surprise"] = 1.into(), "unknown field `surprise`"),
        (|c| c["preprocessing"]["factor"][0] = 0.0.into(), "`factor` must be finite and above 0"),
        (|c| c["preprocessing"]["offset"] = serde_json::json!([1.0]), "`offset` must have 3 entries"),
        (|c| c["image_shape"] = serde_json::json!([u64::MAX, 2]), "`image_shape` must have 3 pixels"),
    ];
    for (edit, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = saved(folder.path());
        edit_config(&path, edit);
        assert!(refusal(&path).contains(expected), "{}", refusal(&path));
    }
}

#[test]
fn numbers_and_data_sets_are_encoded_alike_and_wrong_shapes_are_refused() {
    let model = small();
    let values: Vec<f32> = (0..900).map(|i| (i as f32 * 0.37).cos()).collect();
    let data = crate::data::Dataset::from_f32("x", 3, values.clone()).unwrap();
    let mut session = model.session(1).unwrap();
    assert_eq!(session.encode(&data).unwrap(), session.encode((&values, [300, 3])).unwrap());
    assert_eq!(session.reconstruct(&data).unwrap(), model.reconstruct((&values, [300, 3]), 2).unwrap());
    let norms = session.jacobian_norms(&data).unwrap();
    assert!(norms.len() == 300 && norms.iter().all(|norm| *norm > 0.0));
    assert!(matches!(session.encode((&values, [450, 2])), Err(ModelError::Columns(_))));
    assert!(matches!(session.encode((&values, [299, 3])), Err(ModelError::Argument(_))));
    assert!(model.session(0).is_err());
}

#[test]
fn numbers_that_are_not_finite_are_refused_with_their_place_before_and_after_scaling() {
    let mut model = small();
    let mut values = vec![0.5_f32; 900];
    for scale in [Scale::Standard, Scale::Quantile] {
        let data = crate::data::Dataset::from_f32("x", 3, vec![0.0, 1.0, 2.0, 3.0, 4.0, 6.0]).unwrap();
        model.preprocessing = Preprocessing::fit(scale, &data, &[0, 1]);
        values[3 * 260 + 1] = f32::NAN;
        let error = model.encode((&values, [300, 3]), 1).unwrap_err();
        assert!(error.to_string().contains("row 260, column 1"), "{error}");
        assert!(matches!(error, ModelError::Rows(_)), "{error:?}");
    }
    // Finite in 32 bits, and not once it is divided by the deviation.
    let flat = crate::data::Dataset::from_f32("x", 3, vec![0.0, 0.0, 0.0, 3e-4, 3e-4, 3e-4]).unwrap();
    model.preprocessing = Preprocessing::fit(Scale::Standard, &flat, &[0, 1]);
    values[3 * 260 + 1] = 2_f32.powi(120);
    let data = crate::data::Dataset::from_f32("x", 3, values.clone()).unwrap();
    for error in [model.encode((&values, [300, 3]), 1), model.encode(&data, 1)].map(Result::unwrap_err) {
        assert!(matches!(error, ModelError::Columns(PreprocessError::TooLarge { row: 260, column: 1, .. })), "{error}");
    }
}
