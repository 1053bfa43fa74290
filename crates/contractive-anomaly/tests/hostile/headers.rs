//! Headers that lie: counts beyond all memory, negative ones, none, offsets that lead in a circle.

use crate::judge::{ARRAY, ARRAYS, FRAMES, Judge, MATRIX, ROWS, TURNED, fixture, npy, zip_of};

#[test]
fn an_array_that_claims_too_much_is_refused() {
    let judge = Judge::new();
    let big = 1_u64 << 63;
    for shape in [
        format!("({big}, 1)"),
        format!("({big}, {big})"),
        "(1000000000, 1000000000, 1000000000)".to_owned(),
        "(-1, 4)".to_owned(),
        "(4, -1)".to_owned(),
        format!("(1, {})", 1_000_000_000_u64),
        "(1, 99999999999999999999999999)".to_owned(),
    ] {
        for is_fortran in [false, true] {
            let bytes = npy("<f8", is_fortran, &shape, &[0; 64]);
            judge.refused("claims.npy", &bytes, &ARRAYS, "Oversized|Corrupt|Type|Magic|Shape");
            judge.refused(
                "claims.npz",
                &zip_of(&[("X.npy", bytes)]),
                &ARRAYS,
                "Oversized|Corrupt|Type|Magic|Shape|NoSuchArray",
            );
        }
    }
    for shape in ["(0, 5)", "(5, 0)", "(0, 0)", "(0, 18446744073709551615)"] {
        judge.refused("none.npy", &npy("<f8", false, shape, &[]), &[FRAMES, ROWS], "Empty|Corrupt|Oversized|Shape");
    }
    let long = npy("<f8", false, &format!("({}1)", "1, ".repeat(15_000)), &[0; 8]);
    judge.refused("deep.npy", &long, &[FRAMES, ROWS], "Shape|Corrupt|Oversized");
}

#[test]
fn an_idx_file_that_claims_too_much_is_refused() {
    let judge = Judge::new();
    let of = |kind: u8, dimensions: &[u32]| {
        let mut bytes = vec![0, 0, kind, dimensions.len() as u8];
        dimensions.iter().for_each(|n| bytes.extend(n.to_be_bytes()));
        bytes.extend([0; 64]);
        bytes
    };
    for dimensions in
        [&[u32::MAX; 3][..], &[u32::MAX; 255], &[1, u32::MAX, u32::MAX], &[1 << 31, 1, 1], &[0, 28, 28], &[64]]
    {
        for kind in [8, 9, 14, 0, 255] {
            let kinds = "Oversized|Empty|Type|Magic|Corrupt|Shape|Trailing|Truncated";
            judge.refused("claims-ubyte", &of(kind, dimensions), &[ROWS], kinds);
            judge.bounded("claims-ubyte", &of(kind, dimensions), &[ARRAY]);
        }
    }
}

#[test]
fn a_matrix_that_claims_too_much_is_refused() {
    let judge = Judge::new();
    let big = 1_u64 << 63;
    for sizes in [
        format!("{big} {big} {big}"),
        "1 1000000000 1\n1 1 1".to_owned(),
        "4294967295 4294967295 1\n1 1 1".to_owned(),
        "1000000000 1 1\n1 1 1".to_owned(),
        "-1 -1 -1".to_owned(),
        "1 1 -1".to_owned(),
        format!("2 2 {big}\n1 1 1"),
        "0 0 0".to_owned(),
        "1048576 1048576 0".to_owned(),
    ] {
        let text = format!("%%MatrixMarket matrix coordinate real general\n{sizes}\n");
        judge.refused("claims.mtx", text.as_bytes(), &MATRIX, "Corrupt|Empty|Dense");
    }
    // Turned round it is a column of a million zeros, which is sound.
    let wide = b"%%MatrixMarket matrix coordinate real general\n1 1048576 0\n";
    judge.refused("wide.mtx", wide, &[FRAMES, ROWS], "Corrupt");
    let array = b"%%MatrixMarket matrix array real general\n4294967295 4294967295\n1\n";
    judge.refused("claims.mtx", array, &MATRIX, "Corrupt");
    let csr = |shape: [i64; 2], indptr: &[i64], indices: &[i64]| {
        let longs = |values: &[i64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let vector = |values: &[i64]| npy("<i8", false, &format!("({},)", values.len()), &longs(values));
        zip_of(&[
            ("indices.npy", vector(indices)),
            ("indptr.npy", vector(indptr)),
            ("format.npy", npy("|S3", false, "()", b"csr")),
            ("shape.npy", vector(&shape)),
            ("data.npy", vector(&vec![1; indices.len()])),
        ])
    };
    for (shape, indptr, indices) in [
        ([1 << 62, 3], &[0, 1][..], &[0][..]),
        ([1, 1_000_000_000], &[0, 1], &[0]),
        ([-1, 3], &[0, 1], &[0]),
        ([2, 3], &[0, 5, 1], &[0]),
        ([2, 3], &[0, -5, 1], &[0]),
        ([1, 3], &[0, 1], &[-1]),
        ([1, 3], &[0, 1], &[3]),
        ([1, 3], &[0, 1 << 60], &[0]),
    ] {
        judge.refused("claims.npz", &csr(shape, indptr, indices), &MATRIX, "Corrupt|Empty|Dense");
    }
}

/// Every word of a file replaced by numbers that lead to its beginning, to itself, or beyond all: cyclic offsets among them.
#[test]
fn offsets_and_counts_that_lead_astray_are_bounded() {
    let judge = Judge::new();
    for (name, width, readers) in [
        ("matrices/cells.h5", 8, &[FRAMES, TURNED][..]),
        ("matrices/claims.h5ad", 8, &[FRAMES, ROWS]),
        ("tables/kinds.parquet", 4, &[FRAMES]),
        ("tables/stream.arrow", 4, &[FRAMES]),
        ("tables/stored.npz", 4, &[FRAMES]),
    ] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let file = name.rsplit('/').next().unwrap();
        // All of a small file; of a larger one its beginning and its end, where its directory lies.
        let places = (0..bytes.len() - width).step_by(width).filter(|at| *at < 1000 || *at + 1000 > bytes.len());
        for at in places {
            for value in [0, at as u64, u64::MAX, 1 << 31] {
                let mut changed = bytes.clone();
                changed[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
                judge.bounded(file, &changed, readers);
            }
        }
    }
}
