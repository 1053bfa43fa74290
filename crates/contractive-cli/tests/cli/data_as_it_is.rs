//! The same numbers give the same result whatever the format, and keys come out digit by digit: faults that users met in
//! other tools, each with variants of its kind.

use std::collections::HashSet;
use std::path::Path;

use contractive_table::{Column, Frame, FrameReader, FrameWriter, ReadOptions, Values};

use crate::support::{Desk, idx};

const QUICK: &str = "--ensemble 2 --steps 60 --quiet";

/// Normal numbers drawn from a seed.
fn normal(n: usize, mut state: u64) -> Vec<f64> {
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    (0..n).map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()).collect()
}

/// The columns in a file whose name tells the format; an archive holds them as the array X.
fn write(desk: &Desk, name: &str, columns: &[Vec<f64>]) {
    let inside = if name.ends_with(".npz") { "X.npy" } else { name };
    let columns = columns.iter().enumerate();
    let columns = columns.map(|(j, c)| Column { name: (j + 1).to_string(), values: Values::Numbers(c.clone()) });
    let frame = Frame { first_row: 0, columns: columns.collect() };
    let mut writer = FrameWriter::create(desk.path(inside), &frame.fields()).unwrap();
    writer.write(&frame).unwrap();
    writer.finish().unwrap();
    if name.ends_with(".csv") {
        // Names that are no numbers.
        desk.write(name, desk.text(name).replacen("1,2", "level,flow", 1));
    }
    if name.ends_with(".npz") {
        desk.write(name, zipped("X.npy", &desk.read("X.npy")));
    }
}

/// A zip archive of one file, not compressed.
fn zipped(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        (0..8).for_each(|_| crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()));
    }
    let size = bytes.len() as u32;
    let about = [
        [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0].as_slice(),
        &(!crc).to_le_bytes(),
        &size.to_le_bytes(),
        &size.to_le_bytes(),
        &(name.len() as u16).to_le_bytes(),
        &[0; 2],
    ]
    .concat();
    let local = [b"PK\x03\x04".as_slice(), &about, name.as_bytes(), bytes].concat();
    let central = [b"PK\x01\x02\x14\0".as_slice(), &about, &[0; 14], name.as_bytes()].concat();
    let (n, at) = (central.len() as u32, local.len() as u32);
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &n.to_le_bytes(), &at.to_le_bytes(), &[0; 2]].concat();
    [local, central, end].concat()
}

/// The cells of a column of a CSV file.
fn cells(text: &str, column: &str) -> Vec<String> {
    let place = text.lines().next().unwrap().split(',').position(|name| name == column).unwrap();
    text.lines().skip(1).map(|line| line.split(',').nth(place).unwrap().to_owned()).collect()
}

fn scores(desk: &Desk, detector: &str, data: &str) -> Vec<String> {
    let text = desk.stdout(&format!("detect {detector} --data {data} --explain 0 -o - --quiet"));
    cells(&text, "score")
}

/// F2, from NPY: a level of 1.7e9 that varies by 1, and a jump by 30.
#[test]
fn the_same_numbers_have_the_same_scores_whatever_the_format() {
    for (offset, unit) in [(1.7e9, 1.0), (-4.5e12, 0.5), (1.0, 1e-9)] {
        let desk = Desk::new();
        let mut level: Vec<f64> = normal(400, 7).iter().map(|z| offset + unit * z).collect();
        level[150] += 30.0 * unit;
        let columns = [level, normal(400, 11)];
        let mut of_csv = None;
        for (i, name) in ["x.csv", "x.npy", "x.npz", "x.parquet", "x.arrow"].into_iter().enumerate() {
            write(&desk, name, &columns);
            desk.cae(&format!("train --detector --data {name} --out d{i} {QUICK}")).assert().success();
            let scores = scores(&desk, &format!("d{i}"), name);
            let jump: f64 = scores[150].parse().unwrap();
            let above = scores.iter().filter(|score| score.parse::<f64>().unwrap() > jump).count();
            assert_eq!(above, 0, "{name}: row 150 ranks {} of {offset} by {unit}", above + 1);
            assert_eq!(&scores, of_csv.get_or_insert_with(|| scores.clone()), "{name} of {offset} by {unit}");
        }
        // And through a detector that another format trained.
        assert_eq!(Some(scores(&desk, "d1", "x.npz")), of_csv);
    }
}

#[test]
fn large_levels_are_learnt_and_restored_with_their_digits() {
    let desk = Desk::new();
    for (offset, name) in [(1.7e9, "a.npy"), (-4.5e12, "b.npz"), (9.0e14, "c.parquet")] {
        let level: Vec<f64> = normal(200, 3).iter().map(|z| offset + (4.0 * z).round() / 4.0).collect();
        write(&desk, name, &[level.clone(), normal(200, 5)]);
        let run = format!("run-{name}");
        let said = desk.cae(&format!("train --data {name} --hidden 2 --contraction 0 --epochs 60 --batch-size 16 --learning-rate 0.02 --no-report --out {run}"));
        let said = { said }.assert().success().get_output().clone();
        let said = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        assert!(!said.contains("the same in every training row"), "{said}");
        let restored = desk.stdout(&format!("reconstruct {run} --data {name} -o -"));
        let restored: Vec<f64> =
            restored.lines().skip(1).map(|l| l.split(',').next().unwrap().parse().unwrap()).collect();
        let error = restored.iter().zip(&level).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 200.0;
        assert!(error < 0.3, "{name}: the variance is 1, the mean squared error {error}");
    }
}

/// F3: decimals of databases, of every width.
#[test]
fn decimal_keys_come_out_digit_by_digit() {
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tables");
    for name in ["decimals.parquet", "decimals.arrow"] {
        let desk = Desk::new();
        desk.write(name, std::fs::read(tables.join(name)).unwrap());
        let keys = "id,wide,fine,huge,long";
        desk.cae(&format!("train --detector --data {name} --key {keys} --out d {QUICK}")).assert().success();
        let text = desk.stdout(&format!("detect d --data {name} --explain 0 -o - --quiet"));
        for (column, first, last) in [
            ("id", "123456789012345678", "123456789012345737"),
            ("wide", "10000000000000000000000000000000000000", "10000000000000000000000000000000000059"),
            ("fine", "1234567890123456700.50", "1234567890123456759.50"),
            (
                "huge",
                "100000000000000000000000000000000000000000000000000.125",
                "100000000000000000000000000000000000000000000000059.125",
            ),
            ("long", "123456789012.0000", "123456789012.0059"),
        ] {
            let got = cells(&text, column);
            assert_eq!((got[0].as_str(), got[59].as_str()), (first, last), "{name}");
            assert_eq!(got.iter().collect::<HashSet<_>>().len(), 60, "{name}: {column}");
        }
        // A key that was no key in training, and a label.
        let text = desk.stdout(&format!("detect d --data {name} --key small --explain 0 -o - --quiet"));
        assert_eq!(cells(&text, "small")[..3], ["0.25", "7.25", "1.25"]);
        // As features they are the nearest numbers; whole ones that fit are integers.
        let frame = FrameReader::open(desk.path(name), &ReadOptions::default()).unwrap().next().unwrap().unwrap();
        let values = |column: &str| &frame.column(column).unwrap().values;
        assert!(matches!(values("id"), Values::Integers(v) if v[1] == Some(123_456_789_012_345_679)));
        assert!(matches!(values("fine"), Values::Numbers(v) if v[1] == 1_234_567_890_123_456_701.5));
        assert!(matches!(values("x"), Values::Numbers(v) if v[..3] == [0.0, 0.5, 1.0] && v[4] == 0.3));
        assert!(matches!(values("huge"), Values::Numbers(v) if v[0] == 1e50));
    }
}

/// An NPY file of `rows` images of 28 x 28 values of one byte.
fn images(descr: &str, rows: usize, value: impl Fn(usize) -> u8) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows}, 28, 28), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    let length = (header.len() as u16 + 1).to_le_bytes();
    let values: Vec<u8> = (0..rows * 784).map(value).collect();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), b"\n", &values].concat()
}

/// F4: bytes of 0 and 1, and truth values, are not divided by 255; whether bytes are is decided in training.
#[test]
fn images_of_zeros_and_ones_stay_zeros_and_ones() {
    let desk = Desk::new();
    let bit = |i: usize| u8::from(i * 31 % 97 < 30 + i / 784 % 5);
    desk.write("bool.npy", images("|b1", 50, bit));
    desk.write("bits.npy", images("|u1", 50, bit));
    desk.write("grey.npy", images("|u1", 50, |i| 255 * bit(i)));
    desk.write("bits.npz", zipped("X.npy", &images("|u1", 50, bit)));
    let of_bits = idx(0x0803, 20).into_iter().enumerate().map(|(i, byte)| if i < 16 { byte } else { byte % 2 });
    desk.write("bits-ubyte", of_bits.collect::<Vec<u8>>());
    for name in ["bool.npy", "bits.npy", "bits.npz", "bits-ubyte", "grey.npy"] {
        assert_eq!(desk.json(&format!("data info {name} --json"))["highest"], 1.0, "{name}");
    }
    let trained = |name: &str, more: &str| {
        let out = format!("run-{name}{}", more.trim());
        desk.cae(&format!(
            "train --data {name} --hidden 4 --epochs 1 --loss bce --no-report --quiet --out {out}{more}"
        ))
        .assert()
        .success();
        desk.read(&format!("{out}/model/model.safetensors"))
    };
    for how in ["", " --stream"] {
        let of_bool = trained("bool.npy", how);
        for name in ["bits.npy", "bits.npz", "grey.npy"] {
            assert!(trained(name, how) == of_bool, "{name}{how}");
        }
    }
    // Of a detector, and of later images that happen to hold no byte above 1.
    for name in ["bool.npy", "bits.npy", "grey.npy"] {
        desk.cae(&format!("train --detector --data {name} --out d-{name} {QUICK}")).assert().success();
    }
    let of_bool = scores(&desk, "d-bool.npy", "bool.npy");
    assert_eq!(scores(&desk, "d-bits.npy", "bits.npy"), of_bool);
    assert_eq!(scores(&desk, "d-grey.npy", "grey.npy"), of_bool);
    let dark = |i: usize| u8::from(i.is_multiple_of(7));
    desk.write("dark.npy", images("|u1", 3, dark));
    desk.write("mixed.npy", images("|u1", 4, |i| if i < 3 * 784 { dark(i) } else { 255 }));
    assert_eq!(scores(&desk, "d-grey.npy", "dark.npy"), scores(&desk, "d-grey.npy", "mixed.npy")[..3]);
    let codes = |name: &str| desk.stdout(&format!("encode run-grey.npy --data {name} -o -"));
    assert!(codes("mixed.npy").starts_with(&codes("dark.npy")));
}

/// F9: the row index that pandas writes, from every format, with a note, there or not.
#[test]
fn a_row_index_is_left_out_with_a_note() {
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tables");
    for (name, index) in [("unnamed", "__index_level_0__"), ("named", "order")] {
        let desk = Desk::new();
        let rows = |more: &dyn Fn(usize) -> String, header: &str| {
            let line = |i: usize| format!("{}{},{}\n", more(i), (i * 3 % 7) as f64 / 2.0, (i * 5 % 11) as f64 / 4.0);
            header.to_owned() + "\n" + &(0..60).map(line).collect::<String>()
        };
        desk.write("with.csv", rows(&|i| format!("{},", 7 * i), &format!("{index},a,b")));
        desk.write("without.csv", rows(&|_| String::new(), "a,b"));
        desk.write("first.csv", rows(&|i| format!("{i},"), ",a,b"));
        for end in ["parquet", "arrow"] {
            let file = format!("pandas-{name}.{end}");
            desk.write(&file, std::fs::read(tables.join(&file)).unwrap());
            let note = format!("column `{index}`, is taken for a row index and left out");
            let quick = QUICK.replace("--quiet", "");
            let out = format!("d-{end}");
            let said = desk.cae(&format!("train --detector --data {file} --out {out} {quick}")).assert().success();
            assert!(String::from_utf8_lossy(&said.get_output().stderr).contains(&note), "{file}");
            let said = desk.cae(&format!("detect {out} --data {file} -o s.csv")).assert().success();
            assert!(String::from_utf8_lossy(&said.get_output().stderr).contains(&note), "{file}");
            assert!(desk.stdout(&format!("data info {file}")).contains(&note), "{file}");
            let all = scores(&desk, &out, &file);
            for other in ["with.csv", "without.csv", "first.csv"] {
                assert_eq!(scores(&desk, &out, other), all, "{file}, {other}");
            }
            // Learnt from, or carried, where it is named: as detectors saved before did.
            let columns = format!("--columns {index},a,b --out old-{end}");
            desk.cae(&format!("train --detector --data {file} {columns} {QUICK}")).assert().success();
            let encoding = desk.text(&format!("old-{end}/encoding.json"));
            assert!(encoding.contains(index), "{encoding}");
            assert_ne!(scores(&desk, &format!("old-{end}"), &file), all);
            desk.cae(&format!("train --detector --data {file} --key {index} --out key-{end} {QUICK}"))
                .assert()
                .success();
            let text = desk.stdout(&format!("detect key-{end} --data {file} -o - --explain 0 -q"));
            assert_eq!(cells(&text, index)[2], "14");
        }
    }
}

/// A column of lists beside those that are learnt from.
#[test]
fn columns_that_are_not_asked_for_may_be_of_a_type_that_is_not_read() {
    let desk = Desk::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hostile/unread-list.arrow");
    // Eight rows each.
    for name in ["t.arrow", "t2.arrow"] {
        std::fs::copy(&file, desk.path(name)).unwrap();
    }
    let refused = desk.cae("train --detector --data t.arrow --out d").output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("column `l` must be a number"));
    desk.cae(&format!("train --detector --data t*.arrow --columns a,b --out d {QUICK}")).assert().success();
    assert_eq!(desk.stdout("detect d --data t.arrow").lines().count(), 9);
    desk.cae("train --data t.arrow --columns a,b --hidden 2 --epochs 2 --out run --quiet").assert().success();
    assert_eq!(desk.stdout("encode run --data t.arrow").lines().count(), 9);
}
