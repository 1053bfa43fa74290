//! Sparse matrices of few bytes and many entries, all of them sound but the last.

use crate::judge::{FRAMES, Judge, MATRIX, TURNED, npy, zip_of};

/// A vector of `n` numbers of this type and `size` bytes, all zero but the last.
fn vector(descr: &str, size: usize, n: usize, last: u8) -> Vec<u8> {
    let mut values = vec![0; n * size];
    values[(n - 1) * size] = last;
    npy(descr, false, &format!("({n},)"), &values)
}

fn longs(values: &[i64]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<i8", false, &format!("({},)", values.len()), &bytes)
}

fn archive(order: &str, shape: [i64; 2], arrays: [(&str, Vec<u8>); 3]) -> Vec<u8> {
    let head = [("format.npy", npy("|S3", false, "()", order.as_bytes())), ("shape.npy", longs(&shape))];
    zip_of(&[head.to_vec(), arrays.to_vec()].concat())
}

#[test]
fn indices_that_are_wrong_at_their_end_are_found_before_they_are_kept() {
    let judge = Judge::new();
    let n = 3_000_000;
    let (ends, ones) = (longs(&[0, n as i64]), vector("|u1", 1, n, 0));
    // A hundred places, and one more: the last entry lies there.
    let outside = vector("|u1", 1, n, 100);
    let parts = [("indices.npy", outside.clone()), ("indptr.npy", ends.clone()), ("data.npy", ones.clone())];
    judge.refused("csc.npz", &archive("csc", [100, 1], parts.clone()), &[FRAMES, TURNED], "Corrupt");
    judge.refused("csr.npz", &archive("csr", [1, 100], parts), &MATRIX, "Corrupt");
    let parts = [("row.npy", ones.clone()), ("col.npy", outside), ("data.npy", ones.clone())];
    judge.refused("coo.npz", &archive("coo", [1, 100], parts), &MATRIX, "Corrupt");
    let mut last = vec![0; 4 * n];
    last[4 * n - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let values = npy("<f4", false, &format!("({n},)"), &last);
    let parts = [("indices.npy", ones), ("indptr.npy", ends), ("data.npy", values)];
    judge.refused("csc.npz", &archive("csc", [100, 1], parts), &[FRAMES], "Corrupt");
}

#[test]
fn lines_that_end_where_they_must_not_are_found_before_they_are_kept() {
    let judge = Judge::new();
    let (n_lines, n) = (6_000_000, 400_000);
    let entries = vector("|u1", 1, n, 0);
    let ends = vector("<i4", 4, n_lines + 1, 3);
    let parts = [("indices.npy", entries.clone()), ("indptr.npy", ends), ("data.npy", entries)];
    judge.refused("csr.npz", &archive("csr", [n_lines as i64, 3], parts.clone()), &[FRAMES], "Corrupt");
    judge.refused("csc.npz", &archive("csc", [3, n_lines as i64], parts), &[TURNED], "Corrupt");
}

#[test]
fn arrays_that_are_longer_than_their_matrix_are_refused_before_they_are_read() {
    let judge = Judge::new();
    let ones = || npy("|u1", false, "(3,)", &[1; 3]);
    let many = || vector("|u1", 1, 60_000_000, 0);
    let parts = [("indices.npy", ones()), ("indptr.npy", many()), ("data.npy", ones())];
    judge.refused("indptr.npz", &archive("csr", [3, 3], parts), &MATRIX, "Corrupt");
    let head = [("format.npy", npy("|S3", false, "()", b"csr")), ("shape.npy", many())];
    let parts = [("indices.npy", ones()), ("indptr.npy", longs(&[0, 3])), ("data.npy", ones())];
    judge.refused("shape.npz", &zip_of(&[head.to_vec(), parts.to_vec()].concat()), &MATRIX, "Corrupt");
}

#[test]
fn a_market_without_rows_is_empty_however_many_columns_it_claims() {
    let judge = Judge::new();
    for sizes in ["0 4294967295", "4294967295 0"] {
        let text = format!("%%MatrixMarket matrix array real general\n{sizes}\n");
        judge.refused("empty.mtx", text.as_bytes(), &MATRIX, "Empty");
    }
}

#[test]
fn a_market_whose_last_value_is_not_finite_is_refused_before_its_rows_are_made() {
    let judge = Judge::new();
    let n = 700_000;
    for last in ["nan", "1e999"] {
        let head = format!("%%MatrixMarket matrix coordinate real general\n{} 1 {n}\n", (1 << 20) + 16 * n);
        let text = head + &"1 1 1\n".repeat(n - 1) + &format!("1 1 {last}\n");
        judge.refused("rows.mtx", text.as_bytes(), &MATRIX, "Corrupt");
    }
    let text = "%%MatrixMarket matrix array real general\n1 1\ninf\n";
    judge.refused("array.mtx", text.as_bytes(), &MATRIX, "Corrupt");
}
