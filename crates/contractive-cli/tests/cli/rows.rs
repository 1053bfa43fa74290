//! `cae encode` and `cae reconstruct` into every format, read back.

use std::path::Path;

use crate::support::{Desk, npy};
use contractive::data::{FileOptions, Storage, load};

/// The values of a table of numbers, whatever its format.
fn values(path: &Path) -> Vec<f32> {
    load(path, &FileOptions::default()).unwrap().to_vec()
}

#[test]
fn codes_are_the_same_in_every_format() {
    let desk = Desk::new();
    desk.trained();
    for name in ["codes.csv", "codes.csv.gz", "codes.tsv", "codes.npy", "codes.parquet", "codes.arrow", "codes.jsonl"] {
        let output =
            desk.cae(&format!("encode run --data table.csv -o {name}")).assert().success().get_output().clone();
        let shown = String::from_utf8(output.stderr).unwrap();
        assert!(output.stdout.is_empty() && shown.contains(&format!("60 rows of 4 columns to {name}")), "{shown}");
    }
    let codes = values(&desk.path("codes.npy"));
    assert_eq!(codes.len(), 60 * 4);
    for name in ["codes.csv", "codes.csv.gz", "codes.tsv", "codes.parquet", "codes.arrow"] {
        assert_eq!(values(&desk.path(name)), codes, "{name}");
    }
    let is_single = |name: &str| {
        let data = load(desk.path(name), &FileOptions::default()).unwrap();
        assert!(name.ends_with("npy") || data.feature_names().unwrap()[3] == "code_3", "{name}");
        matches!(data.storage(), Storage::F32(_))
    };
    assert!(is_single("codes.npy") && is_single("codes.parquet") && is_single("codes.arrow"));
    let lines = desk.text("codes.jsonl");
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((lines.lines().count(), first["code_2"].as_f64().map(|code| code as f32)), (60, Some(codes[2])));
    assert!(desk.read("codes.csv.gz").starts_with(&[0x1f, 0x8b]));
    // What NumPy reads: little-endian 32-bit numbers, row by row.
    let header = String::from_utf8_lossy(&desk.read("codes.npy")[..128]).into_owned();
    assert!(header.contains("'<f4'") && header.contains("False") && header.contains("(60, 4)"), "{header}");
    let error = desk.refused("encode run --data table.csv -o codes.xlsx", 2);
    assert!(error.contains(".parquet"), "{error}");
}

#[test]
fn restored_rows_have_the_units_and_the_digits_of_the_data() {
    let desk = Desk::new();
    // Images of bytes.
    desk.write("images-idx3-ubyte", crate::support::idx(0x803, 80));
    let train = "train --epochs 30 --learning-rate 0.01 --hidden 12 --no-report --quiet";
    desk.cae(&format!("{train} --data images-idx3-ubyte --loss bce --out bytes")).assert().success();
    desk.cae("reconstruct bytes --data images-idx3-ubyte -o bytes.npy").assert().success();
    let restored = values(&desk.path("bytes.npy"));
    assert!(restored.iter().all(|value| (0.0..=255.0).contains(value)));
    assert!(restored.iter().any(|value| *value > 150.0) && restored.len() == 80 * 16);
    // Numbers of 64 bits whose differences 32 bits do not hold.
    let text: String = (0..80).map(|i| format!("{},{}\n", 1e9 + 0.5 * f64::from(i % 9), f64::from(i % 9))).collect();
    desk.write("wide.csv", format!("time,level\n{text}"));
    desk.cae(&format!("{train} --data wide.csv --out wide")).assert().success();
    for name in ["wide-out.csv", "wide-out.npy", "wide-out.parquet"] {
        desk.cae(&format!("reconstruct wide --data wide.csv -o {name}")).assert().success();
        let data = load(desk.path(name), &FileOptions::default()).unwrap();
        assert!(matches!(data.storage(), Storage::F64(_)), "{name}");
        let (mut worst, mut i) = (0.0_f64, 0);
        data.for_each_row(&(0..80).collect::<Vec<u32>>(), |row| {
            worst = worst.max((row[0] - 1e9 - 0.5 * f64::from(i % 9)).abs());
            i += 1;
        });
        assert!(worst < 2.0, "{name}: {worst}; 32 bits at 1e9 are 64 apart");
    }
    // Numbers of 32 bits stay so.
    desk.write("single.npy", npy(40, &(0..80).map(|i| i as f32).collect::<Vec<f32>>()));
    desk.cae(&format!("{train} --data single.npy --out single")).assert().success();
    desk.cae("reconstruct single --data single.npy -o single-out.npy").assert().success();
    let data = load(desk.path("single-out.npy"), &FileOptions::default()).unwrap();
    assert!(matches!(data.storage(), Storage::F32(_)));
}
