//! Damaged and hostile tables: errors, never a panic, an abort or a hang.

use std::path::Path;

use crate::table_support::fixture;
use contractive_table::TableError;
use contractive_table::{FrameReader, ReadOptions};

const FILES: [&str; 15] = [
    "kinds.parquet",
    "packed-none.parquet",
    "packed-snappy.parquet",
    "packed-zstd.parquet",
    "packed-gzip.parquet",
    "packed-lz4.parquet",
    "encodings.parquet",
    "kinds.arrow",
    "stream.arrow",
    "kinds-lz4.feather",
    "kinds-zstd.feather",
    "polars.arrow",
    "polars-zstd.arrow",
    "rows.npy",
    "deflated.npz",
];

fn read(path: &Path) -> Result<u64, TableError> {
    let mut rows = 0;
    for frame in FrameReader::open(path, &ReadOptions::default())? {
        rows += frame?.n_rows() as u64;
        assert!(rows < 1 << 32, "{} goes on and on", path.display());
    }
    Ok(rows)
}

/// Reads `bytes` as a file of this name.
fn read_bytes(folder: &Path, name: &str, bytes: &[u8]) -> Result<u64, TableError> {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    read(&path)
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for name in FILES {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let whole = read_bytes(folder.path(), name, &bytes).unwrap();
        let step = (bytes.len() / 97).max(1);
        for n in (0..bytes.len()).step_by(step) {
            match read_bytes(folder.path(), name, &bytes[..n]) {
                Err(e) => assert!(!matches!(e, TableError::Io { .. }), "{name} cut at {n}: {e}"),
                // A stream may end between two messages: Arrow's format says so.
                Ok(rows) => assert!(name == "stream.arrow" && rows <= whole, "{name} cut at {n}"),
            }
        }
    }
}

#[test]
fn changed_bytes_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n as u64) as usize
    };
    for name in FILES {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for round in 0..250 {
            let mut changed = bytes.clone();
            // Headers and footers decide most: half of the changes go there.
            for _ in 0..1 + round % 4 {
                let at = match random(4) {
                    0 => random(bytes.len().min(200)),
                    1 => bytes.len() - 1 - random(bytes.len().min(1500)),
                    _ => random(bytes.len()),
                };
                changed[at] = [random(256) as u8, 0xff, 0x7f, 0x80, 0][random(5)];
            }
            let _ = read_bytes(folder.path(), name, &changed);
        }
    }
}

#[test]
fn what_is_no_table_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["t.parquet", "t.arrow", "t.npy", "t.npz"] {
        for bytes in [b"".as_slice(), b"PAR1", b"ARROW1", b"FEA1\0\0\0\0", &[0xff; 64], &[0; 4096], b"a,b\n1,2\n"] {
            assert!(read_bytes(folder.path(), name, bytes).is_err(), "{name}");
        }
    }
    let claims_much =
        [b"ARROW1\0\0\xff\xff\xff\xff".as_slice(), &0x7fff_ffff_u32.to_le_bytes(), b"....ARROW1"].concat();
    assert!(read_bytes(folder.path(), "t.arrow", &claims_much).is_err());
    assert!(matches!(read(&folder.path().join("absent.parquet")), Err(TableError::Io { .. })));
    assert!(read(folder.path()).is_err());
}
