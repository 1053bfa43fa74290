//! Files as they are written, and what is refused. What they compute is judged in onnxruntime: tests/python/frameworks.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use contractive::data::Dataset;
use contractive::encoding::{EncodingOptions, MissingRule, TrainingTable};
use contractive::{Model, TrainConfig, Trainer};
use contractive_anomaly::detector::{DetectorSettings, TrainOptions};
use contractive_anomaly::series::{Series, SeriesColumns, SeriesSpec};
use contractive_anomaly::{Detector, SeriesDetector};
use contractive_core::patches::PictureShape;
use prost::Message;

use crate::messages::{GraphProto, ModelProto, NodeProto};
use crate::{OnnxError, OnnxFile, Opset, export_detector, export_model, export_rows, export_series};

fn model(settings: &str) -> Model {
    let values: Vec<f64> = (0..1200).map(|i| (f64::from(i) * 0.37).sin() * f64::from(1 + i % 6)).collect();
    let data = Dataset::from_f64("waves", 6, values).unwrap();
    let text = format!("model.hidden = [5, 2]\ntraining.epochs = 1\n{settings}");
    Trainer::new(TrainConfig::from_toml("test", &text).unwrap()).fit(&data).unwrap().model
}

/// A model of patches of 3 × 3 pixels, 2 apart, of pictures of 7 × 9 pixels in colour.
fn of_patches(settings: &str) -> Model {
    let (shape, n) = (PictureShape { height: 7, width: 9, channels: 3 }, 6);
    let values = (0..n * shape.n_values()).map(|i| ((i as f32 * 0.37).sin() + 1.0) / 2.0).collect();
    let data = Dataset::from_f32("pictures", shape.n_values(), values).unwrap().with_picture_shape(shape).unwrap();
    let text = format!("data.patch = 3\ndata.stride = 2\nmodel.hidden = [5, 2]\ntraining.epochs = 1\n{settings}");
    Trainer::new(TrainConfig::from_toml("test", &text).unwrap()).fit(&data).unwrap().model
}

fn settings() -> DetectorSettings {
    DetectorSettings { ensemble: 2, steps: Some(20), ..DetectorSettings::default() }
}

/// A detector of a table of numbers and categories with holes, of which the first column is called `name`.
fn detector(folder: &Path, name: &str) -> Detector {
    let line = |i: u32| match i % 9 {
        4 => format!(",{}", i % 7),
        _ => format!("{},{}", ["web", "shop", "phone"][(i % 3) as usize], (f64::from(i) * 0.7).sin()),
    };
    let text = (0..200).map(line).fold(format!("{name},amount"), |text, line| text + "\n" + &line);
    let path = folder.join("table.csv");
    fs::write(&path, text + "\n").unwrap();
    let options = EncodingOptions { missing: MissingRule::Mask, ..EncodingOptions::default() };
    let table = TrainingTable::read(&path, &options).unwrap();
    Detector::train_table(table, &settings(), &TrainOptions::default()).unwrap()
}

fn series(folder: &Path) -> SeriesDetector {
    let text = (0..300).fold("a,b".to_owned(), |text, i| {
        let x = f64::from(i) * 0.3;
        format!("{text}\n{},{}", x.sin(), x.cos())
    });
    let path = folder.join("series.csv");
    fs::write(&path, text + "\n").unwrap();
    let columns = SeriesColumns::default();
    let series = Series::read(&path, &columns).unwrap();
    let spec = SeriesSpec { time: None, window: 12, ..SeriesSpec::new("t", series.names.clone()) };
    SeriesDetector::train(&series, &spec, &settings(), &TrainOptions::default()).unwrap()
}

/// Every name is made once, before it is used, and everything made is used.
fn check_names(graph: &GraphProto, outside: &HashSet<String>, used: &mut HashSet<String>) {
    let mut made: HashSet<String> = outside.clone();
    let given = graph.input.iter().map(|input| &input.name).chain(graph.initializer.iter().map(|tensor| &tensor.name));
    given.for_each(|name| assert!(made.insert(name.clone()), "{name} twice"));
    for node in &graph.node {
        for name in &node.input {
            assert!(made.contains(name), "{} takes {name}, which is not there yet", node.name);
            used.insert(name.clone());
        }
        node.attribute.iter().filter_map(|a| a.g.as_ref()).for_each(|graph| check_names(graph, &made, used));
        node.output.iter().for_each(|name| assert!(made.insert(name.clone()), "{name} twice"));
    }
    for output in &graph.output {
        assert!(made.contains(&output.name), "{} is not made", output.name);
        used.insert(output.name.clone());
    }
    graph.initializer.iter().for_each(|tensor| assert!(used.contains(&tensor.name), "{} is not used", tensor.name));
}

fn checked(file: &OnnxFile, opset: u32) -> ModelProto {
    let proto = ModelProto::decode(file.bytes()).unwrap();
    let (versions, graph) = (&proto.opset_import, proto.graph.as_ref().unwrap());
    assert_eq!((versions[0].domain.as_str(), versions[0].version), ("", i64::from(opset)));
    assert_eq!(proto.ir_version, i64::from(Opset::new(opset).unwrap().ir_version()));
    check_names(graph, &HashSet::new(), &mut HashSet::new());
    let names = |ports: &[crate::Port]| ports.iter().map(|port| port.name.clone()).collect::<Vec<String>>();
    assert_eq!(names(file.inputs()), graph.input.iter().map(|info| info.name.clone()).collect::<Vec<String>>());
    assert_eq!(names(file.outputs()), graph.output.iter().map(|info| info.name.clone()).collect::<Vec<String>>());
    assert!(file.inputs().iter().chain(file.outputs()).all(|port| port.shape[0].is_none() && !port.meaning.is_empty()));
    proto
}

fn told<'a>(file: &'a OnnxFile, key: &str) -> &'a str {
    file.metadata().iter().find(|(k, _)| k == key).map_or_else(|| panic!("{key} is not told"), |(_, value)| value)
}

#[test]
fn rows_are_of_64_bits_where_they_are_scaled_and_of_32_where_not() {
    for (settings, element) in [("data.scale = \"robust\"", "float64"), ("data.scale = \"none\"", "float32")] {
        let file = export_model(&model(settings), Opset::default()).unwrap();
        checked(&file, 17);
        assert_eq!((file.inputs()[0].element, &file.inputs()[0].shape[..]), (element, &[None, Some(6)][..]));
        assert_eq!(file.outputs()[0].shape, [None, Some(2)]);
        assert_eq!(told(&file, "contractive.kind"), "autoencoder");
    }
}

#[test]
fn the_opset_is_a_number_in_the_file_and_nothing_else() {
    for model in [model("data.scale = \"quantile\""), of_patches("data.scale = \"standard\"")] {
        let graph = |opset| {
            let opset = Opset::new(opset).unwrap();
            checked(&export_model(&model, opset).unwrap(), opset.version()).graph.unwrap()
        };
        assert!((18..=Opset::NEWEST).all(|opset| graph(opset) == graph(17)));
    }
}

#[test]
fn a_model_of_patches_is_a_convolution_of_pictures_of_any_size() {
    let model = of_patches("data.scale = \"none\"");
    let file = export_model(&model, Opset::default()).unwrap();
    let graph = checked(&file, 17).graph.unwrap();
    let input = &file.inputs()[0];
    assert_eq!((input.name.as_str(), input.element, file.inputs().len()), ("pictures", "float32", 1));
    assert_eq!(input.shape, [None, Some(3), None, None]);
    assert_eq!(input.sizes, ["pictures", "3", "height", "width"]);
    let outputs: Vec<(&str, String)> =
        file.outputs().iter().map(|port| (port.name.as_str(), port.sizes.join(" "))).collect();
    let [code, restored] = ["pictures 2 down across", "pictures 3 height width"].map(str::to_owned);
    assert_eq!(outputs, [("code", code), ("reconstruction", restored), ("score", "pictures".to_owned())]);
    // The shape of an operation's kernels, its second input.
    let kernels = |node: &NodeProto| {
        graph.initializer.iter().find(|tensor| tensor.name == node.input[1]).map(|tensor| tensor.dims.clone())
    };
    let of = |op: &str| graph.node.iter().filter(|node| node.op_type == op).filter_map(kernels).collect::<Vec<_>>();
    // d-5-2-5-d: the last layer's weights put patches together; then how many there are over a pixel, and its bias.
    assert_eq!(of("Conv"), [vec![5, 3, 3, 3], vec![2, 5, 1, 1], vec![5, 2, 1, 1]]);
    assert_eq!(of("ConvTranspose"), [vec![1, 1, 3, 3], vec![5, 3, 3, 3], vec![1, 3, 3, 3]]);
    assert_eq!((told(&file, "contractive.patch"), told(&file, "contractive.stride")), ("3", "2"));
    assert_eq!(told(&file, "contractive.kind"), "patch_autoencoder");
    let scaled = export_model(&of_patches("data.scale = \"minmax\""), Opset::default()).unwrap();
    assert_eq!(scaled.inputs()[0].element, "float64");
    let rows = export_rows(&model, Opset::default()).unwrap();
    assert_eq!((rows.inputs()[0].name.as_str(), &rows.inputs()[0].shape[..]), ("x", &[None, Some(27)][..]));
    assert_eq!(rows.outputs().len(), 4);
}

#[test]
fn patches_whose_scaling_no_weights_can_hold_are_refused_and_their_rows_are_not() {
    for (settings, says) in [
        ("data.scale = \"robust\"", "`robust`"),
        ("data.scale = \"quantile\"", "`quantile`"),
        ("data.scale = \"minmax\"\nobjective.loss = \"bce\"", "within 0 and 1"),
        ("data.log1p = true", "counts"),
    ] {
        let model = of_patches(settings);
        let refused = export_model(&model, Opset::default()).unwrap_err();
        assert!(matches!(refused, OnnxError::NoConvolution { .. }), "{refused}");
        assert!(refused.to_string().contains(says), "{refused}");
        checked(&export_rows(&model, Opset::default()).unwrap(), 17);
    }
}

#[test]
fn a_column_of_a_table_is_an_input_and_files_repeat_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let detector = detector(folder.path(), "channel");
    let file = export_detector(&detector, Opset::default()).unwrap();
    let proto = checked(&file, 17);
    assert_eq!(proto.opset_import[1].domain, "ai.onnx.ml");
    let inputs: Vec<(&str, &str)> = file.inputs().iter().map(|port| (port.name.as_str(), port.element)).collect();
    assert_eq!(inputs, [("channel", "string"), ("amount", "float64")]);
    let outputs: Vec<(&str, &str)> = file.outputs().iter().map(|port| (port.name.as_str(), port.element)).collect();
    assert_eq!(outputs[..2], [("score", "float64"), ("label", "bool")]);
    assert_eq!(outputs[2..], [("probability", "float64"), ("contributions", "float64")]);
    assert_eq!(told(&file, "contractive.features"), "[\"channel\",\"amount\"]");
    assert_eq!(told(&file, "contractive.threshold").parse::<f64>().unwrap(), detector.threshold());
    assert_eq!(told(&file, "contractive.missing"), "mask");
    assert_eq!(export_detector(&detector, Opset::default()).unwrap(), file);
    let path = folder.path().join("detector.onnx");
    file.write(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), file.bytes());
    let nowhere = file.write(folder.path().join("nowhere/detector.onnx")).unwrap_err();
    assert!(matches!(nowhere, OnnxError::Write { .. }));
}

#[test]
fn windows_come_in_and_what_rows_take_goes_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = export_series(&series(folder.path()), Opset::new(21).unwrap()).unwrap();
    checked(&file, 21);
    assert_eq!(file.inputs()[0].shape, [None, Some(12), Some(2)]);
    let outputs: Vec<&str> = file.outputs().iter().map(|port| port.name.as_str()).collect();
    assert_eq!(outputs, ["score", "row_score", "contributions"]);
    assert_eq!(told(&file, "contractive.window"), "12");
}

#[test]
fn a_column_can_be_called_as_what_is_made_within() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["constant 0", "constant_0", "rows", "Add 7.0"] {
        checked(&export_detector(&detector(folder.path(), name), Opset::default()).unwrap(), 17);
    }
}

#[test]
fn a_column_called_as_an_output_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = export_detector(&detector(folder.path(), "probability"), Opset::default()).unwrap_err();
    assert!(matches!(&refused, OnnxError::Column { column, .. } if column == "probability"), "{refused}");
}

#[test]
fn a_network_that_64_bits_cannot_express_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("d");
    detector(folder.path(), "channel").save(&saved).unwrap();
    let config = saved.join("member-1/config.json");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("\"tanh\""));
    fs::write(&config, text.replace("\"tanh\"", "\"gelu\"")).unwrap();
    let refused = export_detector(&Detector::load(&saved).unwrap(), Opset::default()).unwrap_err();
    assert!(matches!(refused, OnnxError::Activation { activation: "gelu", member: 1 }), "{refused}");
}
