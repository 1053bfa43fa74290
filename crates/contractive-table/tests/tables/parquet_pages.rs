//! What Parquet's pages hold beside plain values: checksums, and times in the old type of 96 bits.
#![cfg(feature = "parquet")]

use std::fs::File;

use contractive_table::{ReadOptions, TableError, Unit, Values};
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::table_support::{fixture, frames, whole};

#[test]
fn a_page_whose_checksum_is_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.parquet");
    for name in ["checksums-1.parquet", "checksums-2.parquet"] {
        assert_eq!(whole(&fixture(name)).n_rows(), 60);
        let sound = std::fs::read(fixture(name)).unwrap();
        let reader = SerializedFileReader::new(File::open(fixture(name)).unwrap()).unwrap();
        for column in reader.metadata().row_group(0).columns() {
            let (start, length) = column.byte_range();
            // The last byte of the last page, and that of the dictionary.
            let dictionary = column.dictionary_page_offset().map(|_| column.data_page_offset() as usize - 1);
            for at in dictionary.into_iter().chain([(start + length - 1) as usize]) {
                let mut bytes = sound.clone();
                bytes[at] ^= 0x10;
                std::fs::write(&path, bytes).unwrap();
                let error = frames(&path, &ReadOptions::default()).unwrap_err();
                let said = error.to_string();
                assert!(matches!(error, TableError::Corrupt { .. }) && said.contains("CRC-32"), "{name}, {at}: {said}");
            }
        }
    }
}

#[test]
fn times_of_96_bits_are_read_in_microseconds_of_all_years() {
    let frame = whole(&fixture("int96.parquet"));
    let values = vec![Some(-62_135_596_800_000_000), Some(1_709_208_000_000_007), None, Some(253_402_300_799_999_999)];
    assert_eq!(frame.columns[1].values, Values::Times { values, unit: Unit::Microsecond, zone: None });
}

#[test]
fn times_of_96_bits_in_a_dictionary_are_read_as_its_entries() {
    let frame = whole(&fixture("int96-dictionary.parquet"));
    let time = Some(1_709_208_000_000);
    let values = Values::Times { values: vec![time, None, time, time], unit: Unit::Millisecond, zone: None };
    assert_eq!(frame.columns[1].values, values);
}

/// Smaller digits are dropped, as Spark, which writes such times, drops them.
#[test]
fn times_of_96_bits_are_read_to_the_microsecond() {
    let mut bytes = std::fs::read(fixture("int96.parquet")).unwrap();
    // The time of day of the second value: 12 hours and 7 microseconds.
    let time = (12 * 3600 * 1_000_000_000_u64 + 7_000).to_le_bytes();
    let places: Vec<usize> = (0..bytes.len() - 8).filter(|&at| bytes[at..at + 8] == time).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nanoseconds.parquet");
    assert_eq!(places.len(), 1);
    bytes[places[0]] += 1;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(whole(&path).columns, whole(&fixture("int96.parquet")).columns);
}
