//! Small files that become large: gzip and zip bombs, endless lines, endless devices.

use contractive_table::{Column, Field, Frame, FrameWriter, Kind, Values};
use parquet::basic::Compression;

use crate::judge::{
    ARRAY, ARRAYS, DIAGNOSIS, ENCODED, FRAMES, Judge, MATRIX, MODEL, PICTURES, ROWS, Reader, TEXT, TOML, TURNED,
    fixture, gzip_of, npy, zip_of,
};
use crate::parquet_file::{Page, Table};

const MEBIBYTE: usize = 1 << 20;

fn ones() -> Vec<u8> {
    b"1,".repeat(MEBIBYTE / 2)
}

#[test]
fn a_line_that_never_ends_is_refused() {
    let judge = Judge::new();
    judge.refused("ones.csv.gz", &gzip_of(&[(&ones(), 20)]), &TEXT, "Corrupt");
    judge.refused("letters.csv.gz", &gzip_of(&[(&b"a".repeat(MEBIBYTE), 20)]), &TEXT, "Corrupt");
    judge.refused("zeros.csv.gz", &gzip_of(&[(&vec![0; MEBIBYTE], 20)]), &TEXT, "Corrupt");
    judge.refused(
        "quotes.csv.gz",
        &gzip_of(&[(b"a,b\n1,\"", 1), (&b"x\n".repeat(MEBIBYTE / 2), 40)]),
        &TEXT,
        "Corrupt",
    );
    let utf_16: Vec<u8> = [0xff, 0xfe].into_iter().chain(b"1\0,\0".repeat(2 * MEBIBYTE)).collect();
    judge.refused("wide.csv", &utf_16, &TEXT, "Corrupt");
    judge.refused("long.csv", &ones().repeat(10), &TEXT, "Corrupt");
    judge.refused("m.mtx.gz", &gzip_of(&[(&b"%".repeat(MEBIBYTE), 2)]), &MATRIX, "Corrupt");
}

#[test]
fn rows_that_come_from_little_are_not_kept_of_a_damaged_file() {
    let judge = Judge::new();
    let ends = |row: &[u8], n: usize, last: &[u8]| gzip_of(&[(b"a,b\n", 1), (&row.repeat(n), 10), (last, 1)]);
    judge.refused("ragged.csv.gz", &ends(b"1,2\n", MEBIBYTE / 9, b"1\n"), &TEXT, "Ragged");
    judge.refused("words.csv.gz", &ends(b"1,oslo\n", MEBIBYTE / 24, b"1\n"), &TEXT, "Ragged|ColumnKind|Shape");
    let plain = [b"a,b\n".to_vec(), b"1,2\n".repeat(MEBIBYTE / 8), b"1\n".to_vec()].concat();
    judge.refused("ragged.csv", &plain, &TEXT, "Ragged");
    let entries = |n: usize| {
        let head = format!("%%MatrixMarket matrix coordinate pattern symmetric\n9 9 {n}\n");
        gzip_of(&[(head.as_bytes(), 1), (&b"2 1\n".repeat(MEBIBYTE / 4), 6), (b"2 0\n", 1)])
    };
    judge.refused("entries.mtx.gz", &entries(1_572_865), &MATRIX, "Corrupt");
    judge.refused("few.mtx.gz", &entries(100), &MATRIX, "Corrupt");
}

#[test]
fn arrays_that_hold_less_than_they_claim_are_counted_before_they_are_kept() {
    let judge = Judge::new();
    for (descr, shape, mebibytes, readers) in [
        ("<f8", "(393216, 8)", 24, &ARRAYS[..]),
        ("|i1", "(1966080, 8)", 15, &ARRAYS[2..]),
        ("|u1", "(24576, 32, 32)", 24, &ARRAYS[2..]),
    ] {
        let array = npy(descr, false, shape, &[]);
        let bytes = gzip_of(&[(&array, 1), (&vec![0; MEBIBYTE], mebibytes - 1)]);
        judge.refused("cut.npy.gz", &bytes, readers, "Truncated");
        let bytes = gzip_of(&[(&array, 1), (&vec![0; MEBIBYTE], mebibytes + 1)]);
        judge.refused("long.npy.gz", &bytes, readers, "Trailing");
    }
    let header =
        [[0, 0, 8, 3].as_slice(), &(24 * 1024_u32).to_be_bytes(), &32_u32.to_be_bytes(), &32_u32.to_be_bytes()];
    judge.refused(
        "images-idx3-ubyte.gz",
        &gzip_of(&[(&header.concat(), 1), (&vec![0; MEBIBYTE], 23)]),
        &[ROWS, ARRAY],
        "Truncated",
    );
    let claims = npy("<f8", false, "(1000000, 10)", &vec![0; 4 * MEBIBYTE]);
    judge.refused("claims.npz", &zip_of(&[("X.npy", claims)]), &ARRAYS, "Oversized|Truncated|Corrupt");
    let claims = npy("<f8", false, "(1000000, 5)", &vec![0; 20 * MEBIBYTE]);
    judge.refused("cut.npz", &zip_of(&[("X.npy", claims)]), &ARRAYS, "Truncated|Corrupt");
    let bomb = npy("|u1", false, "(68157440, 1)", &vec![0; 65 * MEBIBYTE]);
    judge.refused("bomb.npz", &zip_of(&[("X.npy", bomb)]), &ARRAYS, "Oversized|Corrupt");
}

/// Of 7 kB, a page of 32 MB for each of six columns.
#[test]
fn pages_are_no_more_together_than_their_file_accounts_for() {
    let judge = Judge::new();
    let bytes = std::fs::read(fixture("tables/large-pages.parquet")).unwrap();
    judge.refused("large-pages.parquet", &bytes, &[FRAMES, ROWS], "Corrupt");
}

/// 12 million cells in a few kilobytes: frames are given, and rows are counted before they are kept.
#[test]
fn rows_that_repetition_makes_small_are_counted_before_they_are_kept() {
    let judge = Judge::new();
    let path = judge.at("zeros.parquet");
    let fields: Vec<Field> = (0..6).map(|i| Field { name: format!("c{i}"), kind: Kind::Number }).collect();
    let mut writer = FrameWriter::create(&path, &fields).unwrap();
    let rows = 100_000;
    for i in 0..20 {
        let column = |field: &Field| Column { name: field.name.clone(), values: Values::Numbers(vec![0.5; rows]) };
        let columns = fields.iter().map(column).collect();
        writer.write(&Frame { first_row: (i * rows) as u64, columns }).unwrap();
    }
    writer.finish().unwrap();
    let size = std::fs::metadata(&path).unwrap().len() as usize;
    judge.refused_at(&path, size, &[ROWS, ENCODED], "Corrupt");
}

/// A directory that names one member 3,000 times, whose header is 64 kB of spaces once it is unpacked.
#[test]
fn members_of_an_archive_that_lie_on_one_another_are_refused() {
    let judge = Judge::new();
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': (1,), {}}}", " ".repeat(65_000));
    header.push('\n');
    let array = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &[0; 8]].concat();
    let one = zip_of(&[("aaaa.npy", array)]);
    let at = |mark: &[u8]| one.windows(4).position(|four| four == mark).unwrap();
    let (directory, end) = (at(b"PK\x01\x02"), at(b"PK\x05\x06"));
    let named = |i: u16| {
        let mut entry = one[directory..end].to_vec();
        entry[46..50].copy_from_slice(format!("{i:04}").as_bytes());
        entry
    };
    const MANY: u16 = 3_000;
    let names: Vec<u8> = (0..MANY).flat_map(named).collect();
    let mut last = one[end..].to_vec();
    [8, 10].iter().for_each(|at| last[*at..at + 2].copy_from_slice(&MANY.to_le_bytes()));
    last[12..16].copy_from_slice(&(names.len() as u32).to_le_bytes());
    let bytes = [&one[..directory], &names, &last].concat();
    judge.refused("many.npz", &bytes, &[FRAMES, ROWS, ARRAY, TURNED, PICTURES], "Corrupt|Archive");
}

/// Bytes become numbers of four bytes, and labels numbers of eight.
#[test]
fn bytes_are_counted_as_the_numbers_that_are_made_of_them() {
    let judge = Judge::new();
    let zeros = |n: usize, shape: &str| npy("|u1", false, shape, &vec![0; n]);
    for shape in ["(60000000, 1)", "(6000000, 10)"] {
        judge.refused("bytes.npz", &zip_of(&[("X.npy", zeros(60_000_000, shape))]), &[ROWS], "Corrupt");
    }
    for (descr, shape) in [("|b1", "(20000000, 1)"), ("|i1", "(20000000, 1)"), ("<i4", "(9000000, 1)")] {
        let n = if descr == "<i4" { 36_000_000 } else { 20_000_000 };
        judge.refused("numbers.npz", &zip_of(&[("X.npy", npy(descr, false, shape, &vec![0; n]))]), &[ROWS], "Corrupt");
    }
    let (rows, labels) = (zeros(9_000_000, "(9000000, 1)"), zeros(9_000_000, "(9000000,)"));
    judge.refused("labels.npz", &zip_of(&[("X.npy", rows), ("y.npy", labels)]), &[ROWS], "Corrupt");
}

/// A page of some bytes may stand for any number of rows, which are followed one by one where none is kept. Half of the rows that
/// a small file may have are read.
#[test]
fn rows_that_repetition_makes_of_nothing_are_counted_before_they_are_followed() {
    let (judge, codec) = (Judge::new(), Compression::UNCOMPRESSED);
    let file = |n_groups: usize, n_columns: usize, rows: usize| {
        let pages = [Page::dictionary(codec, 1, &0.5_f64.to_le_bytes()), Page::first_entries(codec, rows)];
        Table::of_numbers(codec).file(&vec![(rows, vec![pages.to_vec(); n_columns]); n_groups])
    };
    for (n_groups, n_columns, rows) in [(3, 1, 1 << 26), (1, 1, 1 << 27), (2, 200, 1 << 19)] {
        judge.refused("rows.parquet", &file(n_groups, n_columns, rows), &[FRAMES, DIAGNOSIS, ENCODED], "Corrupt");
    }
    let path = judge.at("half.parquet");
    std::fs::write(&path, file(2, 1, 1 << 22)).unwrap();
    let Reader(_, read) = FRAMES;
    read(&path).unwrap();
}

#[test]
#[cfg(unix)]
fn what_never_ends_is_not_followed() {
    let judge = Judge::new();
    let link = |name: &str| {
        std::os::unix::fs::symlink("/dev/zero", judge.at(name)).unwrap();
        judge.at(name)
    };
    judge.refused_at(&link("zero.csv"), 0, &TEXT, "NotAFile");
    judge.refused_at(&link("zero.npy"), 0, &ARRAYS, "NotAFile");
    judge.refused_at(&link("zero.mtx"), 0, &MATRIX, "NotAFile");
    judge.refused_at(&link("zero-ubyte"), 0, &[ROWS, ARRAY], "NotAFile");
    judge.refused_at(&link("zero.toml"), 0, &[TOML], "Long");
    for name in ["zero.npz", "zero.parquet", "zero.arrow", "zero.h5ad"] {
        judge.refused_at(&link(name), 0, &[FRAMES, ROWS], "NotAFile");
    }
    std::fs::create_dir(judge.at("model")).unwrap();
    judge.refused_at(link("model/config.json").parent().unwrap(), 0, &[MODEL], "Read|ConfigSize");
    // A file of ten tebibytes that takes none on the disk.
    let sparse = std::fs::File::create(judge.at("holes.csv")).unwrap();
    if sparse.set_len(10 << 40).is_ok() {
        judge.refused_at(&judge.at("holes.csv"), 0, &TEXT, "Corrupt");
    }
}
