//! `cae import`, and what can be done with what it makes.

use contractive::tensor_file::{Expected, write_tensors};
use serde_json::{Value, json};

use crate::support::{Desk, names_in};

/// A file of weights: tensors by name and shape, their numbers following no pattern.
fn weights(desk: &Desk, file: &str, tensors: &[(&str, &[usize])]) {
    let values = |shape: &[usize]| -> Vec<f32> {
        (0..shape.iter().product::<usize>()).map(|i| (1.3 * i as f32 + 0.4 * (i * i % 13) as f32).sin()).collect()
    };
    let all: Vec<Vec<f32>> = tensors.iter().map(|(_, shape)| values(shape)).collect();
    let named = tensors.iter().map(|(name, shape)| Expected { name: (*name).into(), shape: shape.to_vec() });
    let tensors: Vec<(Expected, &[f32])> = named.zip(&all).map(|(e, values)| (e, &values[..])).collect();
    write_tensors(&desk.path(file), &tensors, ("format", "pt".into())).unwrap();
}

const NETWORK: [(&str, &[usize]); 7] = [
    ("module.encoder.0.weight", &[5, 6]),
    ("module.encoder.0.bias", &[5]),
    ("module.code.weight", &[3, 5]),
    ("module.decoder.0.weight", &[5, 3]),
    ("module.decoder.2.weight", &[6, 5]),
    ("module.decoder.2.bias", &[6]),
    ("module.head.scale", &[4]),
];

const IMPORT: &str = "import w.safetensors --activation tanh --code-activation sigmoid -o model";

/// A desk with a model imported, and a table of its width.
fn imported() -> Desk {
    let desk = Desk::new();
    weights(&desk, "w.safetensors", &NETWORK);
    desk.table("table.csv", 80, 6);
    desk.cae(&format!("{IMPORT} --quiet")).assert().success().stdout("").stderr("");
    desk
}

#[test]
fn the_report_says_what_became_of_every_tensor() {
    let desk = Desk::new();
    weights(&desk, "w.safetensors", &NETWORK);
    let output = desk.cae(IMPORT).assert().success().get_output().clone();
    let (text, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for line in [
        "network        6-5-3-5-6, tanh between, code sigmoid, output identity",
        "imported from  w.safetensors, sha256 ",
        "encoder.0.weight  module.encoder.0.weight  5 x 6  F32   as it is",
        "encoder.1.bias    -                        3      -     zeros: the file has none",
        "-                 module.head.scale        4      F32   left out",
        "64 rows of standard normal numbers from seed 0, in 64 bits; --data takes yours",
        "All formulas: cae inspect model --verify",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(said.contains("note: encoder and decoder were told by their names"), "{said}");
    assert_eq!(names_in(&desk.path("model")), ["config.json", "model.safetensors"]);
}

#[test]
fn json_is_the_same_in_full() {
    let desk = Desk::new();
    weights(&desk, "w.safetensors", &[("enc.weight", &[2, 4]), ("dec.kernel", &[2, 4]), ("step", &[1])]);
    let mut told = desk.json("import w.safetensors --code-activation tanh --image-shape 2x2 -o model --json");
    let verification = told.as_object_mut().unwrap().remove("verification").unwrap();
    let sum = told.as_object_mut().unwrap().remove("sha256").unwrap();
    assert_eq!(sum.as_str().unwrap().len(), 64);
    let tensor = |name: &str, source: Value, shape: Value, done: Value| {
        let dtype = if source.is_null() { Value::Null } else { "F32".into() };
        json!({"tensor": name, "source": source, "shape": shape, "dtype": dtype, "done": done})
    };
    let want = json!({
        "model": "model",
        "architecture": {
            "encoder_sizes": [4, 2], "decoder_sizes": [2, 4], "encoder_activations": ["tanh"],
            "decoder_activations": ["identity"], "tied": false,
        },
        "objective": {"loss": "mse", "penalty": {"kind": "none"}, "contraction": 0.0, "sparsity": null},
        "scale": "none",
        "image_shape": [2, 2],
        "file": "w.safetensors",
        "tied": false,
        "tensors": [
            tensor("encoder.0.weight", "enc.weight".into(), json!([2, 4]), json!([])),
            tensor("encoder.0.bias", Value::Null, json!([2]), json!(["zeros"])),
            tensor("decoder.0.weight", "dec.kernel".into(), json!([4, 2]), json!(["transposed"])),
            tensor("decoder.0.bias", Value::Null, json!([4]), json!(["zeros"])),
        ],
        "ignored": [{"source": "step", "shape": [1], "dtype": "F32"}],
        "notes": ["encoder and decoder were told by their names"],
    });
    assert_eq!(told, want);
    assert_eq!((&verification["drawn"], &verification["rows"]), (&json!("uniform"), &json!(64)), "rows are images");
    assert_eq!(verification["formulas"][0]["name"], "right");
    assert_eq!(verification["formulas"][0]["verdict"], "same");
}

#[test]
fn the_model_is_evaluated_encoded_and_inspected_like_any_other() {
    let desk = imported();
    let numbers = desk.json("evaluate model --data table.csv --json");
    assert_eq!((&numbers["rows"], &numbers["code"]), (&json!(80), &json!(3)));
    assert!(numbers["penalty"].as_f64().unwrap() > 0.0 && numbers["mse"].as_f64().unwrap() > 0.0);
    desk.cae("encode model --data table.csv -o codes.csv --quiet").assert().success();
    assert_eq!(desk.text("codes.csv").lines().count(), 81);
    desk.cae("reconstruct model --data table.csv -o back.csv --quiet").assert().success();
    assert!(desk.stdout("inspect model --data table.csv").contains("local dimension"));
    let told = desk.json("inspect model --json");
    assert_eq!(told["provenance"]["imported"]["source"], "w.safetensors");
    assert!(desk.refused("evaluate model", 2).contains("--data; the model was imported from w.safetensors"));
    // Nothing but a model is written over, and what is not the model's stays.
    desk.write("model/other.txt", "mine");
    desk.cae(&format!("{IMPORT} --quiet")).assert().success();
    assert_eq!(desk.text("model/other.txt"), "mine");
    desk.write("model/config.json", "mine");
    assert!(desk.refused(IMPORT, 1).contains("is not a model directory"));
}

#[test]
fn a_report_is_made_on_the_rows_that_are_named() {
    let desk = imported();
    let error = desk.refused("report model", 2);
    assert!(error.contains("`cae report model --data FILE`"), "{error}");
    assert_eq!(desk.stdout("report model --data table.csv -o page.html"), "page.html\n");
    let page = desk.text("page.html");
    for text in ["error on 80 rows", "from w.safetensors", "109 parameters", "table.csv through 6 → 5 → 3"] {
        assert!(page.contains(text), "{text} in {page}");
    }
    for absent in ["id=\"loss\"", "id=\"repeat\"", "<dt>trained</dt>"] {
        assert!(!page.contains(absent), "{absent}");
    }
    // The folder stays a model's alone, which may be written over.
    assert_eq!(names_in(&desk.path("model")), ["config.json", "model.safetensors"]);
}

#[test]
fn scaling_is_learnt_from_the_rows_that_are_named() {
    let desk = Desk::new();
    weights(&desk, "w.safetensors", &NETWORK);
    desk.table("table.csv", 80, 6);
    let told = desk.json(&format!("{IMPORT} --scale standard --data table.csv --json"));
    assert_eq!((&told["scale"], &told["verification"]["data"]), (&json!("standard"), &json!("table.csv")));
    let model = contractive::Model::load(desk.path("model")).unwrap();
    assert_eq!(model.preprocessing().feature_names().unwrap()[5], "f");
    let told = desk.json("inspect model --json");
    assert_eq!((&told["preprocessing"]["scale"], &told["preprocessing"]["clip"]), (&json!("standard"), &json!(false)));
    desk.cae(&format!("{IMPORT} --scale minmax --loss bce --data table.csv --quiet")).assert().success();
    assert_eq!(desk.json("inspect model --json")["preprocessing"]["clip"], true, "as in training");
    assert!(desk.refused(&format!("{IMPORT} --scale standard"), 2).contains("--data"));
    desk.table("narrow.csv", 20, 4);
    let error = desk.refused(&format!("{IMPORT} --data narrow.csv"), 2);
    assert!(error.contains("narrow.csv has 4 features, and the network takes 6"), "{error}");
}

#[test]
fn a_detector_is_made_of_it_by_ordinary_rows() {
    let desk = imported();
    let error = desk.refused("detect model --data table.csv -o scores.csv", 2);
    assert!(error.contains("cae threshold model --data FILE -o DETECTOR"), "{error}");
    let error = desk.refused("threshold model contamination:0.05", 2);
    assert!(error.contains("cae threshold model contamination:0.01 --data FILE -o DETECTOR"), "{error}");
    let made = desk.json("threshold model contamination:0.05 --data table.csv -o detector --json");
    assert_eq!((&made["training_rows"], &made["saved"]), (&json!(80), &json!(true)));
    assert_eq!(made["new"]["rows_above"], 4, "a twentieth of 80");

    let odd =
        desk.text("table.csv").lines().next().unwrap().to_owned() + "\n0.5,0.5,0.5,0.5,0.5,0.5\n40,-40,40,-40,40,-40\n";
    desk.write("odd.csv", odd);
    desk.cae("detect detector --data odd.csv -o scores.csv --quiet").assert().success();
    let scores = desk.text("scores.csv");
    assert!(scores.lines().nth(2).unwrap().contains(",true,"), "a row far from all: {scores}");
    let summary = desk.json("detect detector --data table.csv -o scores.csv --json");
    assert_eq!(summary["anomalies"], 4);
    // The detector's network is the model's, its threshold changes like any other's.
    assert_eq!(desk.read("detector/member-0/model.safetensors"), desk.read("model/model.safetensors"));
    let change = desk.json("threshold detector contamination:0.1 --json");
    assert_eq!((&change["training_rows"], &change["new"]["rows_above"]), (&json!(80), &json!(8)));
    assert!(desk.stdout("inspect detector").contains("1 of 6-5-3-5-6"));
    assert!(desk.refused("threshold detector --data table.csv", 2).contains("--data is for models"));
    let taken = desk.refused("threshold model --data table.csv -o table.csv", 1);
    assert!(taken.contains("cannot write") && taken.contains("table.csv"), "{taken}");
}

#[test]
fn a_model_trained_here_becomes_a_detector_too() {
    let desk = Desk::new();
    desk.trained();
    let made = desk.json("threshold run --data table.csv -o detector --json");
    assert_eq!(made["training_rows"], 60);
    assert_eq!(desk.json("detect detector --data table.csv -o scores.csv --json")["anomalies"], 6, "a tenth of 60");
    desk.cae("threshold run --data table.csv --dry-run").assert().success();
}

#[test]
fn what_is_wrong_is_said_with_its_remedy() {
    let desk = Desk::new();
    weights(&desk, "w.safetensors", &NETWORK);
    weights(&desk, "keras.safetensors", &[("a.weight", &[6, 3]), ("b.weight", &[3, 2]), ("c.weight", &[2, 6])]);
    weights(&desk, "plain.safetensors", &[("x.weight", &[5, 6]), ("fc.weight", &[3, 5]), ("head.weight", &[9, 3])]);
    desk.write("model.pt", b"PK\x03\x04\x00\x00\x08\x08rest");
    desk.write("damaged.safetensors", b"\x10\x00\x00\x00\x00\x00\x00\x00{\"a\":");
    for (words, code, text) in [
        ("import w.safetensors -o out", 2, "give --code-activation relu"),
        ("import w.safetensors --code-activation relu -o out", 2, "give --activation relu"),
        (
            "import w.safetensors --code-activation relu --layers encoder.0,nothing -o out",
            2,
            "no Linear layer `nothing`",
        ),
        ("import keras.safetensors --code-activation relu --layers a,b -o out", 2, "--kernel in-out"),
        (
            "import plain.safetensors --code-activation relu --activation relu -o out",
            2,
            "--layers and the decoder's with",
        ),
        ("import w.safetensors --code-activation relu --activation relu --tied -o out", 2, "leave --tied out"),
        (
            "import w.safetensors --code-activation relu --activation relu --image-shape 2x2 -o out",
            2,
            "2x2 has not the 6",
        ),
        ("import w.safetensors --code-activation relu --activation relu --contraction -1 -o out", 2, "`contraction`"),
        ("import w.safetensors --code-activation swish -o out", 2, "silu"),
        ("import model.pt -o out", 3, "torch.load(PATH, weights_only=True)"),
        ("import damaged.safetensors -o out", 3, "damaged or not a safetensors file"),
        ("import absent.safetensors -o out", 1, "absent.safetensors"),
        (
            "import w.safetensors --code-activation relu --activation relu -o model.pt",
            1,
            "cannot write the model model.pt",
        ),
    ] {
        let error = desk.refused(words, code);
        assert!(error.contains(text), "{words}: {error}");
    }
    let left = names_in(&desk.path(""));
    assert!(!left.contains(&"out".to_owned()), "{left:?}");
}

#[test]
fn inspect_verifies_trained_and_imported_models() {
    let desk = imported();
    let text = desk.stdout("inspect model --verify");
    let line =
        |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {text}"));
    assert!(line("right ").contains("the same here") && line("half ").contains("right, times 0.500"), "{text}");
    assert!(line("logistic_last ").contains("wrong here") && line("floor_division ").contains("no gradient"), "{text}");
    let told = desk.json("inspect model --verify --data table.csv --rows 20 --json");
    let verified = &told["verification"];
    assert_eq!(
        (&verified["rows"], &verified["data"], &verified["drawn"]),
        (&json!(20), &json!("table.csv"), &Value::Null)
    );
    assert_eq!(verified["formulas"].as_array().unwrap().len(), 21);
    // The exact one is that of `cae evaluate`, to what 32 bits hold.
    let evaluated = desk.json("evaluate model --data table.csv --rows 20 --json")["penalty"].as_f64().unwrap();
    let exact = verified["squared_norm"].as_f64().unwrap();
    assert!((exact - evaluated).abs() < 1e-5 * exact, "{exact} {evaluated}");
    assert_eq!(desk.json("inspect model --json")["verification"], Value::Null);
    assert_eq!(desk.json("inspect model --verify --rows 99999999999999 --json")["verification"]["rows"], 4096);

    desk.cae("threshold model --data table.csv -o detector --quiet").assert().success();
    assert!(desk.refused("inspect detector --verify", 2).contains("cae inspect detector/member-0 --verify"));
}
