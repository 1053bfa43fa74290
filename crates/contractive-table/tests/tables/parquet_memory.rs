//! Why Parquet's pages are read by our own code: the peak memory of a small file whose page header lies, read by us and by
//! the reader of the crate `parquet`, each in a process of its own.
#![cfg(all(target_os = "linux", feature = "parquet"))]

use std::fs::File;
use std::path::Path;
use std::process::Command;

use contractive_table::{FrameReader, ReadOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::table_support::fixture;

const FILE: &str = "CONTRACTIVE_LYING_FILE";
const READER: &str = "CONTRACTIVE_READER";
/// Zigzag and in sevens, as Thrift's compact protocol writes 512 MiB.
const HALF_A_GIBIBYTE: [u8; 5] = [0x80, 0x80, 0x80, 0x80, 0x04];

/// The file `name`, the first page of its last column claiming half a gibibyte unpacked.
fn lying(name: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(fixture(name)).unwrap();
    let reader = SerializedFileReader::new(File::open(fixture(name)).unwrap()).unwrap();
    let group = reader.metadata().row_groups().last().unwrap();
    let column = group.columns().last().unwrap();
    let first = column.dictionary_page_offset().unwrap_or(column.data_page_offset()) as usize;
    // Field 1, the kind of page, and field 2, the claim: each a type byte and a number.
    assert_eq!((bytes[first], bytes[first + 2]), (0x15, 0x15), "{name}");
    let claim = first + 3;
    let length = bytes[claim..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    bytes.splice(claim..claim + length, HALF_A_GIBIBYTE);
    bytes
}

/// MiB of memory at most, by a child that reads `path` with `reader`.
fn peak(path: &Path, reader: &str) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "parquet_memory::the_child_reads_what_it_is_told", "--nocapture"]);
    let output = child.env(FILE, path).env(READER, reader).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let peak =
        text.lines().find_map(|line| line.split_once("peak ")?.1.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    peak.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr))) >> 10
}

#[test]
fn the_child_reads_what_it_is_told() {
    let (Some(path), Some(reader)) = (std::env::var_os(FILE), std::env::var_os(READER)) else { return };
    let is_refused = if reader == "ours" {
        FrameReader::open(path, &ReadOptions::default())
            .and_then(|mut frames| frames.try_for_each(|f| f.map(drop)))
            .is_err()
    } else {
        let batches = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).and_then(|b| b.build());
        batches.unwrap().any(|batch| batch.is_err())
    };
    assert!(is_refused);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("\npeak {}", peak.trim());
}

#[test]
fn a_dictionary_that_lies_takes_no_memory_here_and_half_a_gibibyte_there() {
    let (folder, name) = (tempfile::tempdir().unwrap(), "packed-snappy.parquet");
    let path = folder.path().join(name);
    std::fs::write(&path, lying(name)).unwrap();
    assert!(path.metadata().unwrap().len() < 20_000);
    let (ours, theirs) = (peak(&path, "ours"), peak(&path, "theirs"));
    assert!(ours < 100, "{ours} MiB");
    assert!(theirs > 512, "the crate `parquet` took {theirs} MiB: where it no longer believes headers, take its pages");
}
