//! Pictures: what Pillow wrote into `fixtures/pictures` and `fixtures/webp`, alone and in archives, and arrays.

use std::io::{Cursor, Write};

use contractive_table::{ArrayNumbers, NamedArray};
use zip::write::SimpleFileOptions;

use crate::pictures::OPTIONS;
use crate::repository;
use crate::scratch;

const ENDINGS: [&str; 7] = [".png", ".jpg", ".webp", ".tif", ".tiff", ".bmp", ".jpeg"];

pub(super) fn all() -> Vec<Vec<u8>> {
    let is_picture = |name: &str| ENDINGS.iter().any(|ending| name.ends_with(ending));
    let mut files = repository::files("fixtures/pictures", is_picture);
    files.extend(repository::files("fixtures/webp", is_picture));
    let with = |options: [u8; OPTIONS], bytes: &[u8]| [&options, bytes].concat();
    let mut seeds: Vec<Vec<u8>> = files
        .iter()
        .enumerate()
        .map(|(i, (_, bytes))| with([0, i as u8, i as u8 / 4, 37 * (i as u8 % 3)], bytes))
        .collect();
    let some: Vec<_> = files.iter().filter(|(_, bytes)| bytes.len() < 200).take(3).cloned().collect();
    for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in &some {
            let options = SimpleFileOptions::default().compression_method(method);
            archive.start_file(format!("a/{name}"), options).expect("an archive is written");
            archive.write_all(bytes).expect("an archive is written");
        }
        seeds.push(with([1, 0, 0, 0], &archive.finish().expect("an archive is written").into_inner()));
    }
    let tar = tar(&some);
    seeds.push(with([2, 1, 1, 0x77], &tar));
    seeds.push(with([4, 1, 1, 0x76], &tar));
    let values: Vec<f64> = (0..2 * 3 * 4).map(|i| f64::from(i) / 24.0).collect();
    let path = scratch::path("seed.npz");
    let array = NamedArray { name: "X", shape: &[2, 3, 4], values: ArrayNumbers::Numbers(&values) };
    contractive_table::write_npz(&path, &[array]).expect("an array is written");
    seeds.push(with([3, 3, 0, 0], &std::fs::read(&path).expect("what was written can be read")));
    seeds
}

/// A .tar by its format: a header of 512 bytes, the file, zeros; two blocks of zeros at the end.
fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in files {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
        header[148..156].copy_from_slice(b"        ");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend(header);
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}
