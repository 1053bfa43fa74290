//! Files cut at every byte.

use crate::documents::checkpoint;
use crate::judge::{
    ARRAY, CHECKPOINT, DETECTOR, FRAMES, IMPORT, Judge, MODEL, ROWS, Reader, SERIES, TEXT, copy, fixture, gzip_of, npy,
    zip_of,
};

#[test]
fn a_table_cut_at_any_byte_is_bounded_and_mostly_refused() {
    let judge = Judge::new();
    let idx = [[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3].as_slice(), &[7; 18]].concat();
    let array = npy("<f4", false, "(3, 4)", &[0; 48]);
    let archive =
        zip_of(&[("X.npy", npy("<f4", false, "(3, 4)", &[1; 48])), ("y.npy", npy("<i8", false, "(3,)", &[0; 24]))]);
    for (name, bytes, readers) in [
        ("t10k-images-idx3-ubyte", idx, &[ROWS, ARRAY][..]),
        ("rows.npy", array, &[FRAMES, ROWS, ARRAY]),
        ("rows.npz", archive, &[FRAMES, ROWS, ARRAY]),
    ] {
        std::fs::write(judge.at(name), &bytes).unwrap();
        readers.iter().for_each(|Reader(_, read)| read(&judge.at(name)).unwrap());
        for n in 0..bytes.len() {
            judge.refused(name, &bytes[..n], readers, "Truncated|Corrupt|Magic|Empty|Io|NoSuchArray|Oversized");
        }
    }
    for name in ["matrices/cells.h5", "tables/kinds.arrow", "tables/kinds.parquet", "tables/packed-zstd.parquet"] {
        let (bytes, file) = (std::fs::read(fixture(name)).unwrap(), name.rsplit('/').next().unwrap());
        // At every byte of its beginning and its end.
        for n in (0..bytes.len()).filter(|n| *n < 400 || *n + 400 > bytes.len() || n % 31 == 0) {
            judge.bounded(file, &bytes[..n], &[FRAMES]);
        }
    }
    // Text may end anywhere but within a line of several cells.
    let text = std::fs::read(fixture("tables/numbers.csv")).unwrap();
    (0..text.len().min(600)).for_each(|n| judge.bounded("numbers.csv", &text[..n], &[FRAMES, ROWS]));
    let market = b"%%MatrixMarket matrix coordinate real general\n% a\n3 3 3\n1 1 1.5\n2 2 2.5\n3 3 3.5\n";
    (0..market.len() - 4)
        .for_each(|n| judge.refused("m.mtx", &market[..n], &[FRAMES, ROWS], "Corrupt|Magic|Type|Empty"));
}

#[test]
fn a_quote_that_is_open_at_the_end_of_a_table_is_refused() {
    let judge = Judge::new();
    let rows = "7,8,w\n".repeat(30);
    for (name, text) in [
        ("open.csv", format!("a,b,name\n1,2,x\n5,6,\"z\n{rows}")),
        ("open.csv", format!("sep=,\r\na,b,name\r\n1,2,x\r\n5,6,\"z\"\"\r\n{rows}")),
        ("cut.csv", "a,b\n1,2\n3,4\n5,\"6".into()),
        ("cut.tsv", "a\tb\n1\t2\n3\t4\n5\t\"".into()),
    ] {
        judge.refused(name, text.as_bytes(), &TEXT, "Corrupt");
        judge.refused(&format!("{name}.gz"), &gzip_of(&[(text.as_bytes(), 1)]), &TEXT, "Corrupt");
    }
}

#[test]
fn models_and_checkpoints_cut_at_any_byte_are_refused() {
    let judge = Judge::new();
    let at = judge.at("model");
    copy(&fixture("detector-1/detector/member-0"), &at);
    for (file, kinds) in [("config.json", "Config|Version"), ("model.safetensors", "Tensors")] {
        let bytes = std::fs::read(at.join(file)).unwrap();
        let end = bytes.trim_ascii_end().len();
        for n in 0..if file.ends_with("json") { end } else { bytes.len() } {
            std::fs::write(at.join(file), &bytes[..n]).unwrap();
            judge.refused_at(&at, n, &[MODEL], kinds);
            if file == "model.safetensors" {
                judge.bounded("weights.safetensors", &bytes[..n], &[IMPORT]);
            }
        }
        std::fs::write(at.join(file), &bytes).unwrap();
    }
    checkpoint(&judge.at("last.safetensors"));
    let bytes = std::fs::read(judge.at("last.safetensors")).unwrap();
    (0..bytes.len()).for_each(|n| judge.refused("cut.safetensors", &bytes[..n], &[CHECKPOINT], "Tensors|State"));
}

#[test]
fn detectors_cut_anywhere_are_refused() {
    let judge = Judge::new();
    for (folder, reader, files) in [
        ("detector-1/detector", DETECTOR, &["config.json", "encoding.json"][..]),
        ("series-2/detector", SERIES, &["config.json", "detector/rows.safetensors"]),
    ] {
        let at = judge.at(reader.0);
        copy(&fixture(folder), &at);
        for file in files {
            let bytes = std::fs::read(at.join(file)).unwrap();
            let end = if file.ends_with("json") { bytes.trim_ascii_end().len() } else { bytes.len() };
            for n in (0..end).filter(|n| *n < 200 || *n + 200 > end || n % 61 == 0) {
                std::fs::write(at.join(file), &bytes[..n]).unwrap();
                judge.refused_at(&at, n, &[reader], "Stored|Model|Encoding|Detector|Tensors|StoredEncoding");
            }
            std::fs::write(at.join(file), &bytes).unwrap();
        }
    }
}
