//! Files of columns that unpack to much: a sound one is read, of a damaged one little is held before the damage is found,
//! wherever it is.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use contractive_table::{FrameReader, ReadOptions, Values};
use parquet::basic::{Compression, GzipLevel, Type, ZstdLevel};

use crate::judge::{DIAGNOSIS, ENCODED, FRAMES, Judge, ROWS, TURNED, fixture};
use crate::parquet_file::{Page, Table, packed};

const COLUMNS: usize = 320;
/// Rows of pages of 256 kB.
const ROWS_A_PAGE: usize = 1 << 15;

fn codecs() -> [Compression; 4] {
    let (gzip, zstd) = (GzipLevel::default(), ZstdLevel::default());
    [Compression::SNAPPY, Compression::LZ4_RAW, Compression::GZIP(gzip), Compression::ZSTD(zstd)]
}

/// Numbers that pack some 60-fold: one in a hundred is not zero.
fn numbers(n: usize) -> Vec<f64> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64
    };
    (0..n).map(|i| if i % 100 == 99 { random() } else { 0.0 }).collect()
}

fn plain(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Reads all frames, whose columns must all be `numbers`.
fn read(path: &Path, numbers: &[f64], n_columns: usize) {
    let mut rows = 0;
    for frame in FrameReader::open(path, &ReadOptions::default()).unwrap() {
        let frame = frame.unwrap();
        assert_eq!((frame.first_row, frame.columns.len()), (rows as u64, n_columns));
        let expected = Values::Numbers(numbers[rows..rows + frame.n_rows()].to_vec());
        assert!(frame.columns.iter().all(|column| column.values == expected), "from row {rows} on");
        rows += frame.n_rows();
    }
    assert_eq!(rows, numbers.len());
}

/// A page that is packed and then damaged in its middle.
fn flipped(codec: Compression, values: &[u8]) -> Page {
    let mut bytes = packed(codec, values);
    // Zstandard keeps what is not repeated as it is: of that, other bytes are no damage.
    let at = if matches!(codec, Compression::ZSTD(_)) { 4 } else { bytes.len() / 2 };
    bytes[at..at + 8].iter_mut().for_each(|byte| *byte ^= 0xff);
    Page::of(values.len() / 8, values.len(), &bytes, false, 0)
}

#[test]
fn pages_of_many_columns_are_checked_one_by_one() {
    let (judge, numbers) = (Judge::new(), numbers(ROWS_A_PAGE));
    let bytes = plain(&numbers);
    for codec in codecs() {
        let table = Table::of_numbers(codec);
        let page = Page::plain(codec, numbers.len(), &bytes);
        let mut columns = vec![vec![page.clone()]; COLUMNS];
        if codec == Compression::SNAPPY {
            let path = judge.at("sound.parquet");
            std::fs::write(&path, table.file(&[(numbers.len(), columns.clone())])).unwrap();
            read(&path, &numbers, COLUMNS);
        }
        columns[COLUMNS - 1] = vec![flipped(codec, &bytes)];
        let damaged = table.file(&[(numbers.len(), columns.clone())]);
        judge.refused("last.parquet", &damaged, &[FRAMES], "Corrupt");
        // Its last page has a value less than it says, and more.
        if codec == Compression::SNAPPY {
            for (n, reader) in [(numbers.len() - 1, TURNED), (numbers.len() + 1, ENCODED)] {
                columns[COLUMNS - 1] = vec![Page::of(n, bytes.len(), &packed(codec, &bytes), false, 0)];
                let damaged = table.file(&[(numbers.len(), columns.clone())]);
                judge.refused("count.parquet", &damaged, &[reader], "Corrupt");
            }
        }
    }
}

/// The levels of `n` cells that are all there, as pages begin with them.
fn levels(n: usize) -> Vec<u8> {
    let mut run = Vec::new();
    let mut length = n << 1;
    while length >= 0x80 {
        run.push(length as u8 | 0x80);
        length >>= 7;
    }
    run.extend([length as u8, 1]);
    [(run.len() as u32).to_le_bytes().to_vec(), run].concat()
}

#[test]
fn levels_that_lie_in_the_last_column_are_found_in_little_memory() {
    let (judge, codec, numbers) = (Judge::new(), Compression::SNAPPY, numbers(ROWS_A_PAGE));
    let table = Table { is_optional: true, ..Table::of_numbers(codec) };
    let page = |levels: &[u8]| {
        let values = [levels, &plain(&numbers)].concat();
        Page::of(numbers.len(), values.len(), &packed(codec, &values), false, 0)
    };
    let sound = levels(numbers.len());
    let long = [u32::MAX.to_le_bytes().as_slice(), &sound[4..]].concat();
    let mut columns = vec![vec![page(&sound)]; COLUMNS];
    for lying in [long, levels(numbers.len() - 1)] {
        columns[COLUMNS - 1] = vec![page(&lying)];
        judge.refused("levels.parquet", &table.file(&[(numbers.len(), columns.clone())]), &[FRAMES], "Corrupt");
    }
}

/// Forty columns of four row groups; rows are kept until the last one, whose last page is damaged.
#[test]
fn rows_that_are_kept_and_pages_are_counted_together() {
    let (judge, codec, numbers) = (Judge::new(), Compression::SNAPPY, numbers(ROWS_A_PAGE));
    let (table, bytes) = (Table::of_numbers(codec), plain(&numbers));
    let columns = vec![vec![Page::plain(codec, numbers.len(), &bytes)]; 40];
    let mut groups = vec![(numbers.len(), columns); 4];
    groups[3].1[39] = vec![flipped(codec, &bytes)];
    judge.refused("last.parquet", &table.file(&groups), &[FRAMES, ROWS, TURNED, ENCODED], "Corrupt");
}

#[test]
fn a_page_that_alone_is_more_than_its_file_accounts_for_is_named() {
    let judge = Judge::new();
    for codec in codecs() {
        let page = Page::of(8 << 20, 64 << 20, &vec![7; 400_000], false, 0);
        let bytes = Table::of_numbers(codec).file(&[(8 << 20, vec![vec![page]; 2])]);
        judge.refused("large.parquet", &bytes, &[FRAMES, ROWS, TURNED], "Corrupt");
        let error = FrameReader::open(judge.at("large.parquet"), &ReadOptions::default()).unwrap().next().unwrap();
        let said = error.unwrap_err().to_string();
        assert!(said.contains("`c0`") && said.contains("smaller pages or row groups"), "{said}");
    }
}

#[test]
fn dictionaries_that_claim_too_many_entries_are_refused() {
    let (judge, codec) = (Judge::new(), Compression::UNCOMPRESSED);
    for physical in [Type::DOUBLE, Type::INT32, Type::BYTE_ARRAY, Type::BOOLEAN] {
        let dictionary = Page::of(1 << 27, 16, &[0; 16], true, 0);
        let pages = vec![dictionary, Page::first_entries(codec, 8)];
        let table = Table { codec, physical, is_optional: false };
        judge.refused("claims.parquet", &table.file(&[(8, vec![pages])]), &[FRAMES], "Corrupt");
    }
}

fn texts(n: usize, length: usize) -> Vec<u8> {
    let text = "abcdefghijklmnop".repeat(length / 16);
    (0..n).flat_map(|_| [(text.len() as u32).to_le_bytes().as_slice(), text.as_bytes()].concat()).collect()
}

/// Reads all frames of `n` texts of `length` bytes, each of which has few; how many there are.
fn read_texts(path: &Path, n: usize, length: usize) -> usize {
    let (mut rows, mut frames) = (0, 0);
    for frame in FrameReader::open(path, &ReadOptions::default()).unwrap() {
        let frame = frame.unwrap();
        let Values::Text(cells) = &frame.columns[0].values else { panic!("it is text") };
        assert!(cells.iter().all(|cell| cell.as_ref().unwrap().len() == length));
        assert!(cells.len() * length <= 8 << 20, "{} texts", cells.len());
        assert_eq!(frame.first_row, rows as u64);
        (rows, frames) = (rows + cells.len(), frames + 1);
    }
    assert_eq!(rows, n);
    frames
}

#[test]
fn long_texts_make_short_frames() {
    let (judge, codec) = (Judge::new(), Compression::SNAPPY);
    let table = Table { codec, physical: Type::BYTE_ARRAY, is_optional: false };
    // 64 MiB of texts by repetition.
    let repeated = vec![Page::dictionary(codec, 1, &texts(1, 1 << 14)), Page::first_entries(codec, 1 << 12)];
    let last = vec![flipped(codec, &texts(1, 1 << 14))];
    let sound = judge.at("repeated.parquet");
    std::fs::write(&sound, table.file(&[(1 << 12, vec![repeated.clone()])])).unwrap();
    assert_eq!(read_texts(&sound, 1 << 12, 1 << 14), 8);
    let damaged = table.file(&[(1 << 12, vec![repeated]), (1, vec![last])]);
    judge.refused("last.parquet", &damaged, &[FRAMES], "Corrupt");
    // And in pages of their own, which batches hold.
    let page = Page::plain(codec, 1, &texts(1, 1 << 20));
    let mut pages = vec![page; 60];
    std::fs::write(&sound, table.file(&[(60, vec![pages.clone()])])).unwrap();
    read_texts(&sound, 60, 1 << 20);
    pages[59] = flipped(codec, &texts(1, 1 << 20));
    judge.refused("pages.parquet", &table.file(&[(60, vec![pages])]), &[FRAMES, DIAGNOSIS], "Corrupt");
}

/// Batches as a file, and as a stream.
pub fn arrow(batches: &[RecordBatch], is_stream: bool) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap();
    let (schema, mut bytes) = (batches[0].schema(), Vec::new());
    if is_stream {
        let mut writer = StreamWriter::try_new_with_options(&mut bytes, &schema, options).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
    } else {
        let mut writer = FileWriter::try_new_with_options(&mut bytes, &schema, options).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
    }
    bytes
}

pub fn batch_of(columns: Vec<ArrayRef>) -> RecordBatch {
    let columns = columns.into_iter().enumerate().map(|(i, column)| (format!("c{i}"), column));
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Where the last packed buffer begins.
fn last_frame(bytes: &[u8]) -> usize {
    bytes.windows(4).rposition(|four| four == [4, 0x22, 0x4d, 0x18]).unwrap()
}

#[test]
fn batches_of_many_columns_are_checked_column_by_column() {
    let (judge, numbers) = (Judge::new(), numbers(ROWS_A_PAGE));
    let column: ArrayRef = Arc::new(Float64Array::from(numbers.clone()));
    let batch = batch_of(vec![column; COLUMNS]);
    for is_stream in [false, true] {
        let sound = arrow(std::slice::from_ref(&batch), is_stream);
        let path = judge.at("sound.arrow");
        std::fs::write(&path, &sound).unwrap();
        let last = last_frame(&sound);
        // A block that is too long; a claim that is, and a frame that is none.
        let places = if is_stream { vec![(last + 7, 0xff_u8)] } else { vec![(last - 8, 0x10), (last, 0)] };
        for (at, value) in places {
            let mut damaged = sound.clone();
            damaged[at] = value;
            damaged[at + 1] = value;
            judge.refused("last.arrow", &damaged, &[FRAMES], "Corrupt");
        }
        if is_stream {
            read(&path, &numbers, COLUMNS);
        }
    }
}

/// The same of a batch that is packed with ZSTD, which is unpacked before it is decoded.
#[test]
fn batches_of_zstandard_are_checked_column_by_column() {
    let judge = Judge::new();
    let sound = fixture("tables/columns-zstd.feather");
    let numbers: Vec<f64> = (0..250_000).map(|i| f64::from(i / 50_000) / 4.0).collect();
    read(&sound, &numbers, 20);
    let sound = std::fs::read(sound).unwrap();
    let last = sound.windows(4).rposition(|four| four == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
    // A frame that says it is longer than its buffer; a claim of more and of fewer bytes, one below zero, and a frame that is none.
    let claimed = sound[last - 8..last].to_vec();
    for (at, value) in
        [(last + 5, 0xb0), (last - 8, claimed[0] + 8), (last - 7, claimed[1] - 1), (last - 1, 0xff), (last, 0)]
    {
        let mut damaged = sound.clone();
        damaged[at] = value;
        judge.refused("last.feather", &damaged, &[FRAMES, ENCODED], "Corrupt");
    }
}

#[test]
fn a_column_of_a_batch_that_is_more_than_its_file_accounts_for_is_named() {
    let judge = Judge::new();
    let column: ArrayRef = Arc::new(Float64Array::from(vec![0.0; 5 << 20]));
    let bytes = arrow(&[batch_of(vec![column])], false);
    judge.refused("large.arrow", &bytes, &[FRAMES, ROWS], "Corrupt");
    let error = FrameReader::open(judge.at("large.arrow"), &ReadOptions::default()).unwrap().next().unwrap();
    let said = error.unwrap_err().to_string();
    assert!(said.contains("`c0`") && said.contains("smaller batches"), "{said}");
}

#[test]
fn texts_that_a_batch_repeats_make_short_frames() {
    let judge = Judge::new();
    let text = "x".repeat(1 << 14);
    let keys = Int32Array::from(vec![0; 1 << 12]);
    let column: ArrayRef = Arc::new(DictionaryArray::new(keys, Arc::new(StringArray::from(vec![text.as_str()]))));
    let batches = [batch_of(vec![column.clone()]), batch_of(vec![column])];
    let bytes = arrow(&batches, true);
    let path = judge.at("repeated.arrow");
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(read_texts(&path, 1 << 13, 1 << 14), 16);
    let mut damaged = bytes.clone();
    damaged[last_frame(&bytes) + 7] = 0xff;
    damaged[last_frame(&bytes) + 8] = 0xff;
    judge.refused("last.arrow", &damaged, &[FRAMES], "Corrupt");
}

/// Twenty thousand columns of a few rows: what decodes them together is far more than their pages, and waits until the last of
/// them is known to be sound.
#[test]
fn a_wide_table_of_few_rows_is_read_and_a_damaged_one_refused() {
    let (judge, codec) = (Judge::new(), Compression::SNAPPY);
    let mut pages = vec![vec![Page::plain(codec, 6, &plain(&[0.5; 6]))]; 20_000];
    let path = judge.at("wide.parquet");
    std::fs::write(&path, Table::of_numbers(codec).file(&[(6, pages.clone())])).unwrap();
    read(&path, &[0.5; 6], 20_000);
    // Five numbers where there are six.
    pages[19_999] = vec![Page::of(6, 40, &packed(codec, &plain(&[0.5; 5])), false, 0)];
    judge.refused("wide.parquet", &Table::of_numbers(codec).file(&[(6, pages)]), &[FRAMES], "Corrupt");
}

/// Sixty thousand columns, of which the file says next to nothing, take more than it accounts for before a page is read.
#[test]
fn more_columns_than_a_file_accounts_for_are_refused_by_their_number() {
    let (judge, codec) = (Judge::new(), Compression::UNCOMPRESSED);
    let pages = vec![vec![Page::plain(codec, 1, &plain(&[0.5]))]; 60_000];
    judge.refused("wide.parquet", &Table::of_numbers(codec).file(&[(1, pages)]), &[FRAMES], "Corrupt");
}

/// Files made by hand (fixtures/hostile): texts that are not UTF-8 where the decoder does not look, JSON and what only the Arrow
/// schema calls text; parts of columns, and buffers, that all lie at one place and would be read as often as they are named.
#[test]
fn texts_that_are_none_and_parts_at_one_place_are_refused() {
    let judge = Judge::new();
    for name in ["not-utf-8-json.parquet", "not-utf-8-hint.parquet", "overlapping.parquet", "overlapping.arrow"] {
        let bytes = std::fs::read(fixture(&format!("hostile/{name}"))).unwrap();
        judge.refused(name, &bytes, &[FRAMES, DIAGNOSIS], "Corrupt");
    }
}
