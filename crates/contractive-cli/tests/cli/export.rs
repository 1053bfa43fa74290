//! `cae export`: files that are written, and what is refused before anything is.

use crate::support::Desk;

const TABLE: &str =
    "channel,amount\nweb,1\nshop,2.5\nweb,3\nphone,4\nshop,1.5\nweb,2\nphone,7\nshop,3.5\nweb,4\nshop,9\n";

#[test]
fn a_run_is_exported_from_its_folder_and_from_its_model() {
    let desk = Desk::new();
    desk.cae("train --data strokes --rows 200 --epochs 1 --no-report -q --out run").assert().success();
    let told = desk.json("export run -o a.onnx --json");
    assert_eq!((&told["opset"], &told["ir_version"]), (&17.into(), &8.into()));
    assert_eq!(told["bytes"], desk.read("a.onnx").len());
    assert_eq!(told["inputs"][0]["shape"], serde_json::json!([null, 784]));
    assert_eq!(told["metadata"]["contractive.kind"], "autoencoder");
    let text = desk.stdout("export run/model -o b.onnx");
    assert!(
        text.contains("wrote ") && text.contains("float32(rows, 784)") && text.contains("reconstruction"),
        "{text}"
    );
    assert_eq!(desk.read("a.onnx"), desk.read("b.onnx"));
    assert!(desk.stdout("export run -o c.onnx --opset 28 -q").is_empty());
    assert_ne!(desk.read("a.onnx"), desk.read("c.onnx"));
}

#[test]
fn detectors_of_tables_and_of_series_are_exported() {
    let desk = Desk::new();
    desk.write("t.csv", TABLE);
    desk.cae("train --detector --data t.csv --ensemble 1 --steps 10 -q --out d").assert().success();
    let told = desk.json("export d -o d.onnx --json");
    assert_eq!(told["inputs"][0]["name"], "channel");
    assert_eq!(told["outputs"][3]["shape"], serde_json::json!([null, 2]));
    let threshold = desk.json("threshold d --json");
    assert_eq!(
        told["metadata"]["contractive.threshold"].as_str().unwrap().parse::<f64>().ok(),
        threshold["old"]["threshold"].as_f64()
    );
    let rows: String = (0..120).map(|i| format!("{},{}\n", i, (f64::from(i) * 0.4).sin())).collect();
    desk.write("s.csv", format!("t,load\n{rows}"));
    desk.cae("train --detector --data s.csv --time none --values load --window 8 --ensemble 1 --steps 10 -q --out s")
        .assert()
        .success();
    let told = desk.json("export s -o s.onnx --json");
    assert_eq!(told["inputs"][0]["shape"], serde_json::json!([null, 8, 1]));
    assert_eq!(told["metadata"]["contractive.kind"], "series_detector");
}

#[test]
fn a_model_of_patches_is_exported_as_a_convolution_or_as_its_rows() {
    let desk = Desk::new();
    let values: Vec<f32> = (0..6 * 64).map(|i| (i as f32 * 0.37).sin()).collect();
    desk.write("p.npy", npy("(6, 8, 8)", &values));
    let train = "train --data p.npy --patch 4 --stride 2 --hidden 4,2 --epochs 1 --no-report -q";
    desk.cae(&format!("{train} --scale none --out run")).assert().success();
    let told = desk.json("export run -o a.onnx --json");
    assert_eq!(told["inputs"][0]["shape"], serde_json::json!([null, 1, null, null]));
    assert_eq!(told["metadata"]["contractive.kind"], "patch_autoencoder");
    let text = desk.stdout("export run -o b.onnx");
    assert!(
        text.contains("float32(pictures, 1, height, width)") && text.contains("(pictures, 2, down, across)"),
        "{text}"
    );
    let told = desk.json("export run -o rows.onnx --rows --json");
    assert_eq!(told["inputs"][0]["shape"], serde_json::json!([null, 16]));
    desk.cae(&format!("{train} --scale robust --out robust")).assert().success();
    let text = desk.refused("export robust -o c.onnx", 3);
    assert!(text.contains("`robust`") && text.contains("--rows"), "{text}");
    assert!(!desk.path("c.onnx").exists());
    desk.cae("export robust -o c.onnx --rows -q").assert().success();
    desk.write("t.csv", TABLE);
    desk.cae("train --detector --data t.csv --ensemble 1 --steps 10 -q --out d").assert().success();
    assert!(desk.refused("export d -o d.onnx --rows", 2).contains("--rows"));
}

/// An array of 32-bit numbers, as numpy saves it.
fn npy(shape: &str, values: &[f32]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[test]
fn what_cannot_be_exported_is_refused_and_nothing_is_written() {
    let desk = Desk::new();
    desk.write("t.csv", TABLE.replace("amount", "score"));
    desk.cae("train --detector --data t.csv --ensemble 1 --steps 10 -q --out d").assert().success();
    let text = desk.refused("export d -o d.onnx", 3);
    assert!(text.contains("the column `score` cannot be an input") && text.contains("another name"), "{text}");
    let text = desk.refused("export d -o d.onnx --opset 16", 2);
    assert!(text.contains("from 17 to 28, got 16") && text.contains("--opset"), "{text}");
    let text = desk.refused("export d -o d.bin", 2);
    assert!(text.contains("ends in .onnx"), "{text}");
    let text = desk.refused("export d -o nowhere/d.onnx", 1);
    assert!(text.contains("cannot write nowhere/d.onnx"), "{text}");
    let text = desk.refused("export nothing -o d.onnx", 2);
    assert!(text.contains("there is no run or model nothing"), "{text}");
    assert!(!desk.path("d.onnx").exists());
}
