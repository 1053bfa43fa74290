//! Pages of texts whose lengths lie before all of them, of which the decoder takes more on trust than of others.

use contractive_table::{FrameReader, ReadOptions, Values};
use parquet::basic::{Compression, Type};

use crate::judge::{DIAGNOSIS, FRAMES, Judge};
use crate::parquet_file::{Page, Table};

/// The encoding DELTA_LENGTH_BYTE_ARRAY.
const DELTA_LENGTH: i64 = 6;
/// The encodings of levels.
const RLE: i64 = 3;
const BIT_PACKED: i64 = 4;

const TABLE: Table = Table { codec: Compression::UNCOMPRESSED, physical: Type::BYTE_ARRAY, is_optional: false };

fn number(mut n: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while n >= 0x80 {
        bytes.push(n as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}

/// Texts of at most 127 bytes, up to 33: a block of 128 lengths in four parts, of which the first is there.
fn joined(texts: &[&[u8]]) -> Vec<u8> {
    let lengths: Vec<i64> = texts.iter().map(|text| text.len() as i64).collect();
    let steps: Vec<i64> = lengths.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let least = *steps.iter().min().unwrap();
    let zigzag = |n: i64| number((n << 1 ^ n >> 63) as u64);
    let mut bytes = [number(128), number(4), number(lengths.len() as u64), zigzag(lengths[0]), zigzag(least)].concat();
    bytes.extend([8, 0, 0, 0]);
    bytes.extend((0..32).map(|i| steps.get(i).map_or(0, |step| (step - least) as u8)));
    bytes.extend(texts.concat());
    bytes
}

/// The start of a page that claims 2^28 lengths of texts, and no end of it.
fn claims() -> Vec<u8> {
    [number(128), number(4), number(1 << 28), vec![0; 64]].concat()
}

#[test]
fn texts_whose_lengths_lie_before_them_are_read() {
    let judge = Judge::new();
    let texts: [&[u8]; 5] = [b"ab", b"c\xc3\xa9d", b"", b"a text of more than twelve bytes", b"e"];
    let levels = [&[2, 0, 0, 0, 10, 1][..], &[0b1_1111]];
    for (is_optional, levels, encoding) in
        [(false, &[][..], RLE), (true, levels[0], RLE), (true, levels[1], BIT_PACKED)]
    {
        let page = Page::data(5, &[levels, &joined(&texts)].concat(), DELTA_LENGTH, encoding);
        let path = judge.at("sound.parquet");
        std::fs::write(&path, Table { is_optional, ..TABLE }.file(&[(5, vec![vec![page]])])).unwrap();
        let mut frames = FrameReader::open(&path, &ReadOptions::default()).unwrap();
        let expected = texts.map(|text| Some(String::from_utf8(text.to_vec()).unwrap()));
        assert_eq!(frames.next().unwrap().unwrap().columns[0].values, Values::Text(expected.to_vec()));
        assert!(frames.next().is_none());
    }
}

/// The decoder takes memory for the lengths before it reads one: 1 GiB, and as much as the page claims.
#[test]
fn claims_of_texts_are_found_wherever_the_decoder_reads_them() {
    let judge = Judge::new();
    // The size of a block, 128, in more bytes than it needs.
    let padded = [&[0x80, 0x81][..], &[0x80; 7], &[0], &claims()[2..]].concat();
    let levels = [&[0b1111][..], &claims()].concat();
    for (is_optional, values, encoding) in [(false, claims(), RLE), (false, padded, RLE), (true, levels, BIT_PACKED)] {
        let page = Page::data(4, &values, DELTA_LENGTH, encoding);
        let bytes = Table { is_optional, ..TABLE }.file(&[(4, vec![vec![page]])]);
        judge.refused("claims.parquet", &bytes, &[FRAMES, DIAGNOSIS], "Corrupt");
    }
}

/// The decoder looks at all texts of a page together.
#[test]
fn texts_that_are_utf_8_only_together_are_refused() {
    let judge = Judge::new();
    let whole = Page::data(4, &joined(&[b"one", b"two", b"three", b"four"]), DELTA_LENGTH, RLE);
    let parts = Page::data(4, &joined(&[b"\xc3", b"\xa9", b"ab\xe2\x82", b"\xacz"]), DELTA_LENGTH, RLE);
    let bytes = TABLE.file(&[(4, vec![vec![whole.clone()]; 2]), (4, vec![vec![whole], vec![parts]])]);
    judge.refused("parts.parquet", &bytes, &[FRAMES, DIAGNOSIS], "Corrupt");
    let read = FrameReader::open(judge.at("parts.parquet"), &ReadOptions::default()).unwrap();
    let said = read.last().unwrap().unwrap_err().to_string();
    assert!(said.contains("a text is not UTF-8 (column `c1`)"), "{said}");
}
