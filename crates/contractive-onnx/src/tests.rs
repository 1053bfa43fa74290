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
use prost::Message;

use crate::messages::{GraphProto, ModelProto};
use crate::{OnnxError, OnnxFile, Opset, export_detector, export_model, export_series};

fn model(settings: &str) -> Model {
    let values: Vec<f64> = (0..1200).map(|i| (f64::from(i) * 0.37).sin() * f64::from(1 + i % 6)).collect();
    let data = Dataset::from_f64("waves", 6, values).unwrap();
    let text = format!("model.hidden = [5, 2]\ntraining.epochs = 1\n{settings}");
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
    let model = model("data.scale = \"quantile\"");
    let graph = |opset| {
        let opset = Opset::new(opset).unwrap();
        checked(&export_model(&model, opset).unwrap(), opset.version()).graph.unwrap()
    };
    assert!((18..=Opset::NEWEST).all(|opset| graph(opset) == graph(17)));
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
