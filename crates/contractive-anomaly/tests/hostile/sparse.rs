//! Sparse matrices of few bytes and many entries, all of them sound but the last.

use contractive::data::{self, FileOptions};

use crate::judge::{FRAMES, Judge, MATRIX, ROWS, TURNED, npy, peak_of, zip_of};

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

/// A CSR matrix of `n` rows and columns that are zeros, but for one value in its last row.
fn of_zeros(n: usize, column: i64, value: f64) -> Vec<u8> {
    let values = npy("<f8", false, "(1,)", &value.to_le_bytes());
    let parts = [("indices.npy", longs(&[column])), ("indptr.npy", vector("|u1", 1, n + 1, 1)), ("data.npy", values)];
    archive("csr", [n as i64; 2], parts)
}

#[test]
fn zeros_are_not_kept_of_a_matrix_that_is_wrong_at_its_end() {
    let judge = Judge::new();
    judge.refused("place.npz", &of_zeros(6_000, 6_000, 1.0), &[ROWS], "Corrupt");
    judge.refused("value.npz", &of_zeros(6_000, 5, f64::NAN), &[ROWS], "Cell");
    let text = "%%MatrixMarket matrix coordinate real general\n6000 6000 2\n6000 5 1e308\n6000 5 1e308\n";
    judge.refused("sum.mtx", text.as_bytes(), &[ROWS], "Cell");
}

#[test]
fn zeros_in_64_bits_take_what_64_bits_take() {
    let judge = Judge::new();
    let n = 6_000;
    for (value, bytes) in [(0.1, 8), (0.5, 4)] {
        std::fs::write(judge.at("sound.npz"), of_zeros(n, 5, value)).unwrap();
        let peak = peak_of(|| {
            let rows = data::load(judge.at("sound.npz"), &FileOptions::default()).unwrap();
            assert_eq!((rows.len(), rows.n_features()), (n, n));
        });
        assert!(peak < bytes * n * n + (32 << 20), "{peak} bytes for {value}");
    }
    // As 32 bits they would be within the limit of a GiB, as 64 they are not.
    judge.refused("wide.npz", &of_zeros(11_600, 5, 0.1), &[ROWS], "Dense");
}

#[test]
fn the_last_array_of_a_matrix_is_read_to_its_end() {
    let judge = Judge::new();
    let mut bytes = of_zeros(3, 1, 0.1);
    // The checksum that the archive's last entry has in the directory at the end.
    let last = bytes.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    bytes[last + 16] ^= 1;
    judge.refused("sum.npz", &bytes, &[FRAMES, ROWS], "Corrupt|Io");
}
