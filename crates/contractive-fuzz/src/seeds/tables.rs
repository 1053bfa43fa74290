//! Tables of every format.

use std::fs;
use std::io::{Cursor, Write};

use contractive_table::{Column, Field, Frame, FrameWriter, Unit, Values};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::input::joined;
use crate::panics::begin;
use crate::repository::fixtures;
use crate::scratch;
use crate::tables::{OPTIONS, packed};
use crate::trained::{detector, table};

/// A table read in each way, its file of the first ending.
fn in_every_way(file: &[u8], ending: u8) -> Vec<Vec<u8>> {
    let ways = (0..8).map(|way| options(way, [0, 0, 0], 1, 8 * way + way % 6, ending));
    ways.map(|options| joined(&options, &[file.to_vec()])).collect()
}

/// The first bytes of a table's input.
fn options(way: u8, text: [u8; 3], column: u8, role: u8, ending: u8) -> [u8; OPTIONS] {
    [way, text[0], text[1], text[2], column, role, way % 5, ending]
}

/// Files, the first of them in every way, the others each in one.
fn of(files: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let first = files.first().map(|file| in_every_way(file, 0)).unwrap_or_default();
    let others = files.iter().enumerate().skip(1);
    let others = others
        .map(|(i, file)| joined(&options(i as u8 % 8, [0; 3], i as u8, 8 * i as u8, 0), std::slice::from_ref(file)));
    first.into_iter().chain(others).collect()
}

pub(super) fn csv() -> Vec<Vec<u8>> {
    let table = table();
    let mut seeds = in_every_way(table.as_bytes(), 0);
    seeds.extend(in_every_way(table.replace(',', "\t").as_bytes(), 1));
    seeds.extend(in_every_way(table.as_bytes(), 2));
    seeds.push(joined(&options(0, [0; 3], 0, 0, 3), &[packed(table.as_bytes())]));
    let german = "a;b;\"c d\"\n1.234,5;\"x;\"\"y\";01\n-0,25;z\u{e9};02\n;;\n";
    let french = "a;b\r\n10\u{202f}449,5;1\r\n\r\n7;2\r\n";
    let more =
        ["sep=;\na;b\n1;2\n", "\u{feff}a,b\n1,2\n", "1,2\n3,4\n", ",x\n0,1.5\n1,2.5\n", "a,a\n1,2\n", "x\n\"\n\"\n"];
    for (i, text) in [german, french].into_iter().chain(more).enumerate() {
        for way in 0..8 {
            let text_options = [i as u8 % 3, [0, 2, 3][i % 3], way % 3];
            seeds.push(joined(&options(way, text_options, 0, 8 * i as u8 + way, 0), &[text.as_bytes().to_vec()]));
        }
    }
    seeds
}

/// A frame with a column of every kind, with holes.
fn kinds() -> Frame {
    let n = 7_i64;
    let some = |i: i64| (i != 3).then_some(i);
    let column = |name: &str, values| Column { name: name.into(), values };
    let columns = vec![
        column("id", Values::Text((0..n).map(|i| some(i).map(|i| format!("k{i:03}"))).collect())),
        column("x", Values::Numbers((0..n).map(|i| if i == 2 { f64::NAN } else { i as f64 / 8.0 }).collect())),
        column("n", Values::Integers((0..n).map(|i| some(i).map(|i| i - (1 << 60))).collect())),
        column("u", Values::Unsigned((0..n).map(|i| some(i).map(|i| u64::MAX - i as u64)).collect())),
        column("flag", Values::Booleans((0..n).map(|i| some(i).map(|i| i % 2 == 0)).collect())),
        column("day", Values::Times { values: (0..n).map(some).collect(), unit: Unit::Day, zone: None }),
        column(
            "time",
            Values::Times { values: (0..n).map(some).collect(), unit: Unit::Microsecond, zone: Some("UTC".into()) },
        ),
    ];
    Frame { first_row: 0, columns }
}

/// Two columns of numbers.
fn numbers(name: &str, other: &str) -> Frame {
    let column = |name: &str, factor: f64| {
        let values = Values::Numbers((0..9).map(|i| f64::from(i) * factor).collect());
        Column { name: name.into(), values }
    };
    Frame { first_row: 0, columns: vec![column(name, 0.5), column(other, -1.25)] }
}

fn written(frame: &Frame, name: &str, said: Option<&str>) -> Vec<u8> {
    let path = scratch::path(name);
    let fields: Vec<Field> = frame.fields();
    let writer = match said {
        Some(text) => FrameWriter::saying(&path, &fields, "contractive", text),
        None => FrameWriter::create(&path, &fields),
    };
    let mut writer = writer.expect("a table can be begun");
    writer.write(frame).and_then(|()| writer.finish()).expect("a table can be written");
    fs::read(path).expect("what was written can be read")
}

/// A table that [`detector`] knows.
fn known(name: &str) -> Vec<u8> {
    let text = |values: &[&str]| Values::Text(values.iter().map(|cell| Some((*cell).to_owned())).collect());
    let columns = vec![
        Column { name: "id".into(), values: text(&["k1", "k2", "k3"]) },
        Column { name: "x".into(), values: Values::Numbers(vec![0.5, 1.0, 90.0]) },
        Column { name: "y".into(), values: Values::Numbers(vec![1.0, f64::NAN, 3.0]) },
        Column { name: "kind".into(), values: text(&["a", "b", "new"]) },
    ];
    written(&Frame { first_row: 0, columns }, name, None)
}

pub(super) fn parquet() -> Vec<Vec<u8>> {
    let mut files = vec![written(&kinds(), "s.parquet", None), written(&numbers("x", "y"), "s.parquet", None)];
    files.push(known("s.parquet"));
    files.extend(fixtures("tables", &[".parquet"]));
    of(files)
}

pub(super) fn arrow() -> Vec<Vec<u8>> {
    let mut files = vec![written(&kinds(), "s.arrow", None), written(&numbers("x", "y"), "s.arrow", None)];
    files.push(known("s.arrow"));
    files.extend(fixtures("tables", &[".arrow", ".feather"]));
    of(files)
}

pub(super) fn hdf5() -> Vec<Vec<u8>> {
    of(fixtures("matrices", &["claims.h5ad", ".h5", "cells.h5ad"]))
}

/// An array as NumPy writes it.
fn array(descr: &str, shape: &str, order: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    header.push_str(&" ".repeat(63 - (header.len() + 10) % 64));
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), bytes].concat()
}

fn arrays() -> Vec<Vec<u8>> {
    let f8: Vec<u8> = (0..12).flat_map(|i| (f64::from(i) / 4.0).to_le_bytes()).collect();
    let f4: Vec<u8> = (0..12).flat_map(|i| (i as f32).to_be_bytes()).collect();
    let i8s: Vec<u8> = (0..12_i64).flat_map(i64::to_le_bytes).collect();
    let bytes: Vec<u8> = (0..48).collect();
    vec![
        array("<f8", "(4, 3)", "False", &f8),
        array(">f4", "(4, 3)", "True", &f4),
        array("<i8", "(12,)", "False", &i8s),
        array("|u1", "(3, 4, 4)", "False", &bytes),
        array("|b1", "(12, 4)", "False", &[[1, 0]; 24].concat()),
        array("<f2", "(6, 4)", "False", &bytes),
    ]
}

pub(super) fn npy() -> Vec<Vec<u8>> {
    let mut files = arrays();
    files.push(written(&numbers("x", "y"), "s.npy", None));
    files.extend(fixtures("tables", &[".npy"]));
    let mut seeds = of(files);
    seeds
        .extend(fixtures("tables", &[".npy.gz"]).into_iter().map(|file| joined(&options(0, [0; 3], 0, 0, 2), &[file])));
    seeds
}

fn archive(members: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let begun = archive.start_file(*name, SimpleFileOptions::default().compression_method(method));
        begun.expect("a member can be begun");
        archive.write_all(bytes).expect("a member can be written");
    }
    archive.finish().expect("an archive can be written").into_inner()
}

pub(super) fn npz() -> Vec<Vec<u8>> {
    let numbers = |values: &[i32]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let data: Vec<u8> = [1.5_f64, 2.0, -3.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let sparse = |format: &str, pointers: &[i32], indices: &[i32], shape: [i64; 2]| {
        let shape: Vec<u8> = shape.iter().flat_map(|v| v.to_le_bytes()).collect();
        vec![
            ("indices.npy", array("<i4", "(3,)", "False", &numbers(indices))),
            ("indptr.npy", array("<i4", &format!("({},)", pointers.len()), "False", &numbers(pointers))),
            ("format.npy", array("|S3", "()", "False", format.as_bytes())),
            ("shape.npy", array("<i8", "(2,)", "False", &shape)),
            ("data.npy", array("<f8", "(3,)", "False", &data)),
        ]
    };
    let [first, _, labels, images, ..] = &arrays()[..] else { return Vec::new() };
    let mut files = vec![
        archive(&[("X.npy", first.clone())], CompressionMethod::Stored),
        archive(&[("x.npy", images.clone()), ("y.npy", labels.clone())], CompressionMethod::Deflated),
        archive(&sparse("csr", &[0, 1, 1, 3], &[2, 0, 1], [3, 3]), CompressionMethod::Stored),
        archive(&sparse("csc", &[0, 1, 3], &[2, 0, 1], [3, 2]), CompressionMethod::Deflated),
    ];
    files.extend(fixtures("tables", &[".npz"]));
    let sparse = files[2].clone();
    [of(files), in_every_way(&sparse, 0)].concat()
}

pub(super) fn market() -> Vec<Vec<u8>> {
    let general =
        "%%MatrixMarket matrix coordinate real general\n% a note\n4 3 4\n1 1 0.5\n2 3 -1e-3\n4 2 7\n3 3 2.25\n";
    let symmetric = "%%MatrixMarket matrix coordinate integer symmetric\n3 3 3\n1 1 5\n2 1 -2\n3 3 1\n";
    let pattern = "%%MatrixMarket matrix coordinate pattern general\n2 2 2\n1 2\n2 1\n";
    let dense = "%%MatrixMarket matrix array real general\n2 2\n1.0\n2.0\n3.0\n4.0\n";
    let files: Vec<Vec<u8>> = [general, symmetric, pattern, dense].map(|text| text.as_bytes().to_vec()).to_vec();
    let mut seeds = of(files.clone());
    seeds.extend(in_every_way(&files[0], 1));
    seeds.push(joined(&options(0, [0; 3], 0, 0, 2), &[packed(&files[0])]));
    seeds
}

pub(super) fn idx() -> Vec<Vec<u8>> {
    let sizes = |sizes: &[u32]| -> Vec<u8> { sizes.iter().flat_map(|n| n.to_be_bytes()).collect() };
    let pixels: Vec<u8> = (0..48).collect();
    let images = [&[0, 0, 8, 3][..], &sizes(&[3, 4, 4]), &pixels].concat();
    let table = [&[0, 0, 8, 2][..], &sizes(&[12, 4]), &pixels].concat();
    let floats: Vec<u8> = (0..6).flat_map(|i| (i as f32).to_be_bytes()).collect();
    let of_floats = [&[0, 0, 13, 2][..], &sizes(&[2, 3]), &floats].concat();
    let labels = [&[0, 0, 8, 1][..], &sizes(&[3]), &[7, 0, 9]].concat();
    let mut seeds = Vec::new();
    for ending in 0..3 {
        seeds.push(joined(&[ending], std::slice::from_ref(&images)));
        seeds.push(joined(&[ending], &[images.clone(), labels.clone()]));
        seeds.push(joined(&[ending], std::slice::from_ref(&table)));
        seeds.push(joined(&[ending], std::slice::from_ref(&of_floats)));
    }
    seeds.push(joined(&[3], &[packed(&images), packed(&labels)]));
    seeds
}

pub(super) fn scores() -> Vec<Vec<u8>> {
    begin();
    let origin = detector().score_origin().to_json();
    let scores = |from: i32| {
        let values = Values::Numbers((from..from + 120).map(f64::from).collect());
        Frame { first_row: 0, columns: vec![Column { name: "score".into(), values }] }
    };
    let lines = |from: i32| -> Vec<u8> {
        let more = format!("{{\"score\": null}}\n{{\"score\": {from}, \"more\": {{\"a\": [1]}}}}\n");
        (from..from + 110)
            .map(|i| format!("{{\"row\": 0, \"score\": {i}.5}}\n"))
            .chain([more])
            .collect::<String>()
            .into()
    };
    let text = |from: i32| -> Vec<u8> {
        let rows = (from..from + 110).map(|i| format!("k,{i}.5,0\n"));
        ["id,score,label\n".to_owned()].into_iter().chain(rows).chain(["b,,0\n".into()]).collect::<String>().into()
    };
    let mut seeds = Vec::new();
    for rule in 0..5 {
        seeds.push(joined(&[rule, 0], &[text(0), text(50)]));
        seeds.push(joined(&[rule, 1], &[lines(0), lines(-7)]));
        for (names, ending) in [(2, "s.parquet"), (3, "s.arrow")] {
            seeds.push(joined(&[rule, names], &[written(&scores(0), ending, Some(&origin))]));
            let [one, other] = [0, 9].map(|from| written(&scores(from), ending, None));
            seeds.push(joined(&[rule, names], &[one, other]));
        }
        seeds.push(joined(&[rule, 4], &[packed(&text(0))]));
    }
    seeds
}
