//! Models, detectors, checkpoints, configurations: deep and long JSON and TOML, headers of tensors that lie.

use std::path::Path;

use contractive::TrainConfig;
use contractive::checkpoint::{Checkpoint, RunState};
use contractive_core::optimiser::{Optimiser, OptimiserState};
use contractive_core::{Activation, Architecture, Parameters};

use crate::judge::{CHECKPOINT, DETECTOR, IMAGES, IMPORT, Judge, METRICS, MODEL, Reader, SERIES, TOML, copy, fixture};

const LONG: usize = 4 << 20;

/// Texts of JSON that are deep, long or cut.
fn texts() -> Vec<String> {
    let deep = 1_000_000;
    vec![
        String::new(),
        "[".repeat(deep),
        "{\"a\":".repeat(deep),
        format!("{{\"format_version\":{}", "[".repeat(deep)),
        format!("{{\"format_version\":[{}1]}}", "0,".repeat(LONG / 2)),
        format!("{{\"format_version\":1,\"kind\":\"detector\",\"x\":[{}1]}}", "0,".repeat(LONG / 2)),
        format!("{{\"format_version\":1,\"architecture\":{{\"encoder_sizes\":[{}1]}}}}", "1,".repeat(LONG / 2)),
        format!("{{\"format_version\":1,\"kind\":\"{}\"}}", "k".repeat(LONG)),
        format!("{{{}\"z\":1}}", (0..LONG / 16).map(|i| format!("\"key{i:08}\":1,")).collect::<String>()),
        format!("\"{}", "\\u0000".repeat(LONG / 6)),
        format!("{{\"format_version\":{}}}", "9".repeat(LONG)),
        "\u{0}".repeat(1000),
    ]
}

#[test]
fn configurations_in_json_are_refused_within_bounds() {
    let judge = Judge::new();
    let sound = [
        ("detector-1/detector/member-0", "config.json", MODEL),
        ("detector-1/detector", "config.json", DETECTOR),
        ("detector-1/detector", "encoding.json", DETECTOR),
        ("series-2/detector", "config.json", SERIES),
    ];
    for (i, (folder, file, reader)) in sound.into_iter().enumerate() {
        let at = judge.at(&i.to_string());
        copy(&fixture(folder), &at);
        let Reader(_, read) = reader;
        read(&at).unwrap();
        for text in texts() {
            std::fs::write(at.join(file), &text).unwrap();
            judge.refused_at(&at, text.len(), &[reader], "Config|Version|Stored|Model|Encoding|StoredEncoding");
        }
    }
}

/// A model whose lists are as long as its file allows, and wrong at their end.
#[test]
fn lists_of_a_model_that_are_wrong_at_their_end_are_refused_within_bounds() {
    let judge = Judge::new();
    let at = judge.at("model");
    copy(&fixture("detector-1/detector/member-0"), &at);
    let sound = std::fs::read_to_string(at.join("config.json")).unwrap();
    let key = sound.find("\"encoder_sizes\"").unwrap();
    let open = key + sound[key..].find('[').unwrap();
    let text = format!("{}{}{}", &sound[..=open], "1,".repeat(LONG / 2), &sound[open + 1..]);
    std::fs::write(at.join("config.json"), &text).unwrap();
    judge.refused_at(&at, text.len(), &[MODEL], "Settings|Config");
}

/// `n` entries more at the beginning of the list that follows `key`; of a word, behind it in a list of its own.
fn lengthened(sound: &str, key: &str, entry: &str, n: usize) -> String {
    let key_ends = sound.find(key).unwrap() + key.len();
    let entries = format!("{entry},").repeat(n);
    if key.contains(':') {
        return format!("{},\"x\":[{entries}{entry}]{}", &sound[..key_ends], &sound[key_ends..]);
    }
    let open = key_ends + sound[key_ends..].find('[').unwrap() + 1;
    format!("{}{entries}{}", &sound[..open], &sound[open..])
}

/// Lists of every kind that a document has, so long that their vectors have just doubled, of entries as short as can be.
#[test]
fn lists_of_short_entries_are_refused_within_bounds() {
    let judge = Judge::new();
    let (member, detector, images) = ("detector-1/detector/member-0", "detector-1/detector", "golden/images-1/saved");
    let column = "{\"name\":\"\",\"role\":{\"kind\":\"key\"}}";
    for (i, (folder, file, reader, key, entry, n)) in [
        (member, "config.json", MODEL, "\"feature_names\"", "\"\"", 1 << 21),
        (member, "config.json", MODEL, "\"kind\": \"jacobian\"", "0", 1 << 20),
        (member, "config.json", MODEL, "\"encoder_sizes\"", "1", 1 << 22),
        (detector, "config.json", DETECTOR, "\"training\"", "0", 1 << 22),
        (detector, "encoding.json", DETECTOR, "\"columns\"", column, 1 << 19),
        (detector, "encoding.json", DETECTOR, "\"kind\":\"number\"", "[]", 1 << 20),
        ("series-2/detector", "config.json", SERIES, "\"values\"", "\"\"", 1 << 21),
        ("series-2/detector", "config.json", SERIES, "\"scales\"", "0", 1 << 22),
        (images, "config.json", IMAGES, "\"reference\"", "0", 1 << 22),
    ]
    .into_iter()
    .enumerate()
    {
        let at = judge.at(&i.to_string());
        copy(&fixture(folder), &at);
        let Reader(_, read) = reader;
        read(&at).unwrap();
        let sound = std::fs::read_to_string(at.join(file)).unwrap();
        // What is held without its type would be read else: a penalty of no settings passes over what it does not know.
        let text = lengthened(&sound, key, entry, n).replace("\"seed\": 4", "\"seed\": -4");
        std::fs::write(at.join(file), &text).unwrap();
        judge.refused_at(&at, text.len(), &[reader], "Config|Stored");
    }
}

fn tensors(header: &str, numbers: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(vec![0; numbers]);
    bytes
}

fn hostile_tensors() -> Vec<Vec<u8>> {
    let tensor = |shape: &str, from: &str, to: &str| {
        format!("{{\"encoder.0.weight\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[{from},{to}]}}}}")
    };
    let mut all: Vec<Vec<u8>> = texts().iter().map(|text| tensors(text, 64)).collect();
    for (shape, from, to) in [
        ("[9223372036854775808]", "0", "64"),
        ("[4294967296,4294967296,4294967296]", "0", "64"),
        ("[-1]", "0", "64"),
        ("[4,4]", "64", "0"),
        ("[4,4]", "18446744073709551615", "18446744073709551615"),
        ("[4,4]", "0", "18446744073709551615"),
        ("[0,4]", "0", "0"),
        ("[]", "0", "4"),
    ] {
        all.push(tensors(&tensor(shape, from, to), 64));
    }
    all.push(tensors(&tensor(&format!("[{}1]", "1,".repeat(LONG / 2)), "0", "4"), 64));
    all.push([u64::MAX.to_le_bytes().as_slice(), b"{}"].concat());
    all.push([(1_u64 << 63).to_le_bytes().as_slice(), b"{}"].concat());
    all.push(b"short".to_vec());
    let many = (0..50_000).map(|i| format!("\"t{i:07}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"));
    all.push(tensors(&format!("{{{}}}", many.collect::<Vec<_>>().join(",")), 0));
    all
}

#[test]
fn more_tensors_than_a_network_has_are_refused() {
    let tensor = |i: usize| format!("\"a{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
    let of = |n: usize| tensors(&format!("{{{}}}", (0..n).map(tensor).collect::<Vec<_>>().join(",")), 0);
    let judge = Judge::new();
    judge.refused("many.safetensors", &of(100_001), &[IMPORT], "Header");
    judge.refused("many.safetensors", &of(100_000), &[IMPORT], "NoLayers");
}

#[test]
fn files_of_tensors_are_refused_within_bounds() {
    let judge = Judge::new();
    let at = judge.at("model");
    copy(&fixture("detector-1/detector/member-0"), &at);
    for bytes in hostile_tensors() {
        std::fs::write(at.join("model.safetensors"), &bytes).unwrap();
        judge.refused_at(&at, bytes.len(), &[MODEL], "Tensors");
        judge.refused("last.safetensors", &bytes, &[CHECKPOINT], "Tensors|State");
        let kinds =
            "Tensors|Empty|Layers|Shape|NotTensors|Format|File|Read|NoLayers|NoLayer|Dtype|Kind|Chain|Missing|Foreign";
        judge.refused("weights.safetensors", &bytes, &[IMPORT], kinds);
    }
}

/// As long as they are when vectors and tables have just doubled.
#[test]
fn files_of_tensors_with_long_lists_are_refused_within_bounds() {
    let judge = Judge::new();
    let shape = format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":[{}1]}}}}", "1,".repeat(1 << 22));
    let words: String = (0..920_000).map(|i| format!("\"{i:x}\":\"\",")).collect();
    for header in [shape, format!("{{\"__metadata__\":{{{words}\"a\":0}}}}")] {
        let bytes = tensors(&header, 0);
        judge.refused("long.safetensors", &bytes, &[CHECKPOINT], "Tensors");
    }
    let path = judge.at("last.safetensors");
    checkpoint(&path);
    let sound = String::from_utf8_lossy(&std::fs::read(&path).unwrap()[8..]).into_owned();
    let header = &sound[..sound.rfind('}').unwrap() + 1];
    let header = lengthened(header, "encoder_sizes", "1", 1 << 22);
    judge.refused("long.safetensors", &tensors(&header, 0), &[CHECKPOINT], "State|Settings");
}

/// A checkpoint of a small network.
pub fn checkpoint(path: &Path) {
    let architecture = Architecture::mirrored(3, &[2], Activation::Tanh, Activation::Tanh, Activation::Identity, false);
    let parameters = Parameters::zeros(&architecture).unwrap();
    let n = parameters.len();
    let (first, second) = (vec![0.0; n].into(), vec![0.0; n].into());
    let state = RunState::new(architecture, Optimiser::default(), 0, 10, 5, None);
    Checkpoint { parameters, optimiser: OptimiserState { step: 0, first, second }, state }.save(path).unwrap();
}

#[test]
fn a_checkpoint_whose_state_lies_is_refused() {
    let judge = Judge::new();
    let path = judge.at("last.safetensors");
    checkpoint(&path);
    let Reader(_, read) = CHECKPOINT;
    read(&path).unwrap();
    let sound = String::from_utf8_lossy(&std::fs::read(&path).unwrap()[8..]).into_owned();
    for (from, to) in [
        ("\\\"encoder_sizes\\\":[3,2]", "\\\"encoder_sizes\\\":[16777216,16777216]"),
        ("\\\"encoder_sizes\\\":[3,2]", "\\\"encoder_sizes\\\":[18446744073709551615,2]"),
        ("\\\"epoch\\\":0", "\\\"epoch\\\":18446744073709551615"),
        ("\\\"format_version\\\":1", "\\\"format_version\\\":-1"),
        ("\\\"history\\\":[]", "\\\"history\\\":[[]]"),
    ] {
        assert!(sound.contains(from), "{from}: {sound}");
        let text = sound.replacen(from, to, 1);
        let (header, numbers) = text.split_at(text.rfind('}').unwrap() + 1);
        judge.refused("lies.safetensors", &tensors(header, numbers.len()), &[CHECKPOINT], "State|Settings|Tensors");
    }
}

#[test]
fn configurations_in_toml_are_refused_within_bounds() {
    let judge = Judge::new();
    let layers = |n: usize| format!("model.hidden = [{}1]\n", "1, ".repeat(n - 1));
    judge.refused("deep.toml", layers(170_000).as_bytes(), &[TOML], "Number");
    judge.refused("deep.toml", layers(1_025).as_bytes(), &[TOML], "Number");
    judge.refused(
        "deep.toml",
        format!("{}model.decoder = [{}1]", layers(1), "1, ".repeat(1_023)).as_bytes(),
        &[TOML],
        "Number",
    );
    let Reader(_, read) = TOML;
    std::fs::write(judge.at("deep.toml"), layers(1_024)).unwrap();
    read(&judge.at("deep.toml")).unwrap();
    let full = (1 << 19) - 100;
    for (text, kinds) in [
        (layers(1 << 20), "Long"),
        (format!("a = {}", "[".repeat(full)), "ManyTables"),
        (format!("a = {}", "{a=".repeat(full / 3)), "ManyTables"),
        (format!("{}a = 1", "a.".repeat(full / 2)), "ManyTables"),
        (format!("[{}a]", "a.".repeat(full / 2)), "ManyTables"),
        ("[[a]]\n".repeat(full / 6), "ManyTables"),
        ("[[x]]\na.b.c.d.e.f.g.h=1\n".repeat(full / 24), "ManyTables"),
        ("[[x]]\na=1\n".repeat(full / 10), "ManyTables"),
        ("[[x]]\na.b.c.d.e.f.g.h=1\n".repeat(455), "Syntax|Value|UnknownKey"),
        ((0..full / 12).map(|i| format!("k{i:07}=1\n")).collect(), "Syntax|Value|UnknownKey"),
        (format!("a = [{}1]", "1,".repeat(full / 2)), "UnknownKey"),
        (format!("a = \"\"\"{}", "x".repeat(full)), "Syntax"),
        (format!("a = {}", "9".repeat(full)), "Syntax"),
    ] {
        judge.refused("config.toml", text.as_bytes(), &[TOML], kinds);
    }
    judge.refused("config.toml", b"a = \"\xff\"", &[TOML], "Syntax");
}

#[test]
fn the_numbers_of_a_run_are_refused_within_bounds() {
    let judge = Judge::new();
    let at = judge.at("run");
    let config = TrainConfig::from_toml("test", "model.hidden = [2]").unwrap();
    contractive::RunDirectory::create(&at, &config).unwrap();
    for text in texts().into_iter().filter(|text| !text.is_empty()) {
        std::fs::write(at.join("metrics.jsonl"), &text).unwrap();
        judge.refused_at(&at, text.len(), &[METRICS], "Metrics");
    }
    std::fs::write(at.join("metrics.jsonl"), b"\xff").unwrap();
    judge.refused_at(&at, 1, &[METRICS], "Read|Metrics");
}
