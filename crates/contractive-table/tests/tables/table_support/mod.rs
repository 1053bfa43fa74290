//! Shared by the tests of `contractive::table`.
#![allow(dead_code)] // each test uses its part

use std::path::{Path, PathBuf};

use contractive_table::TableError;
use contractive_table::{Frame, FrameReader, ReadOptions, Values};

/// A file that other programs wrote: see fixtures/tables/generate.py.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tables").join(name)
}

/// All frames of a table.
pub fn frames(path: &Path, options: &ReadOptions) -> Result<Vec<Frame>, TableError> {
    FrameReader::open(path, options)?.collect()
}

/// A table whole, in one frame.
pub fn whole(path: &Path) -> Frame {
    joined(frames(path, &ReadOptions::default()).unwrap_or_else(|e| panic!("{e}")))
}

/// Frames put together.
pub fn joined(frames: Vec<Frame>) -> Frame {
    let mut frames = frames.into_iter();
    let mut first = frames.next().expect("there are rows");
    for frame in frames {
        assert_eq!(frame.first_row as usize, first.n_rows());
        for (column, more) in first.columns.iter_mut().zip(frame.columns) {
            assert_eq!(column.name, more.name);
            match (&mut column.values, more.values) {
                (Values::Numbers(all), Values::Numbers(more)) => all.extend(more),
                (Values::Integers(all), Values::Integers(more)) => all.extend(more),
                (Values::Unsigned(all), Values::Unsigned(more)) => all.extend(more),
                (Values::Booleans(all), Values::Booleans(more)) => all.extend(more),
                (Values::Text(all), Values::Text(more)) => all.extend(more),
                (Values::Times { values: all, .. }, Values::Times { values: more, .. }) => all.extend(more),
                other => panic!("a column changed its kind: {other:?}"),
            }
        }
    }
    first
}

/// Whether two frames hold the same, numbers bit by bit.
pub fn assert_same(a: &Frame, b: &Frame) {
    assert_eq!(a.fields(), b.fields());
    for (a, b) in a.columns.iter().zip(&b.columns) {
        match (&a.values, &b.values) {
            (Values::Numbers(x), Values::Numbers(y)) => {
                let bits = |v: &[f64]| v.iter().map(|x| if x.is_nan() { 1 } else { x.to_bits() }).collect::<Vec<_>>();
                assert_eq!(bits(x), bits(y), "{}", a.name);
            }
            (x, y) => assert_eq!(x, y, "{}", a.name),
        }
    }
}
