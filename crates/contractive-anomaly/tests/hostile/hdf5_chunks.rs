//! HDF5 files whose chunks unpack to much, and are damaged where that is found last.

use flate2::{Compress, Compression, FlushCompress};

use crate::hdf5_file::{Hdf5File, attribute, file_of, file_with, integer, text, words};
use crate::judge::{FRAMES, Judge, MATRIX, ROWS, TURNED};

const SHUFFLE: u16 = 2;
const FLETCHER32: u16 = 3;
const DEFLATE: u16 = 1;
const LZF: u16 = 32000;

/// Zeros packed as zlib does: mebibytes that are packed once and repeated, and bytes more.
pub fn zeros(mebibytes: usize, more: usize) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(6), false);
    let mut part = Vec::with_capacity(1 << 16);
    compress.compress_vec(&vec![0; 1 << 20], &mut part, FlushCompress::Full).unwrap();
    let mut rest = Vec::with_capacity(1 << 16);
    Compress::new(Compression::new(6), false).compress_vec(&vec![0; more], &mut rest, FlushCompress::Finish).unwrap();
    let sum = (((mebibytes << 20) + more) % 65521) as u32;
    [&[0x78, 0x9c][..], &part.repeat(mebibytes), &rest, &(sum << 16 | 1).to_be_bytes()].concat()
}

/// Zeros packed by LZF: one as it is, and runs of 264 that come from there.
fn zeros_of_lzf(n: usize) -> Vec<u8> {
    let (runs, rest) = ((n - 1) / 264, (n - 1) % 264);
    [&[0, 0][..], &[7 << 5, 255, 0].repeat(runs), &[0, 0].repeat(rest)].concat()
}

fn float() -> Vec<u8> {
    crate::hdf5_file::float(127)
}

/// A file of a megabyte and its chunks whose `X` is a column of `n` floats in chunks of `of` bytes each.
fn column(filters: &[u16], of: usize, packed: &[&[u8]]) -> Vec<u8> {
    let mut file = Hdf5File::new();
    file.put(&vec![1; 1_000_000]);
    let x = floats(&mut file, filters, of, packed, 2);
    file_of(file, x)
}

/// Floats in chunks of `of` bytes each, as `rank` has it.
fn floats(file: &mut Hdf5File, filters: &[u16], of: usize, packed: &[&[u8]], rank: usize) -> u64 {
    let n = (of / 4) as u32;
    let starts: Vec<[u64; 2]> = (0..packed.len() as u64).map(|i| [i * u64::from(n), 0]).collect();
    let addresses: Vec<u64> = packed.iter().map(|packed| file.put(packed)).collect();
    let chunks: Vec<(&[u64], u64, u32)> =
        (0..packed.len()).map(|i| (&starts[i][..rank], addresses[i], packed[i].len() as u32)).collect();
    let shape = [packed.len() as u64 * u64::from(n), 1];
    file.chunked(&shape[..rank], &float(), &[n, 1][..rank], filters, &chunks)
}

fn damaged(packed: &[u8]) -> Vec<u8> {
    let mut packed = packed.to_vec();
    *packed.last_mut().unwrap() ^= 1;
    packed
}

#[test]
fn a_large_chunk_is_followed_to_its_end_before_room_is_made_for_it() {
    let judge = Judge::new();
    let (whole, of) = (zeros(200, 0), 200 << 20);
    let cut = &whole[..whole.len() - 4];
    for filters in [&[DEFLATE][..], &[SHUFFLE, DEFLATE]] {
        // Its sum is another, its stream does not end, it comes to less, or to more.
        for (i, packed) in [&damaged(&whole)[..], cut, &zeros(199, 0), &zeros(200, 4)].into_iter().enumerate() {
            judge.refused(&format!("gzip{i}.h5ad"), &column(filters, of, &[packed]), &MATRIX, "Corrupt");
        }
        // What was sound before it is not there either.
        let two = column(filters, of / 2, &[&zeros(100, 0), &damaged(&zeros(100, 0))]);
        judge.refused("two.h5ad", &two, &MATRIX, "Corrupt");
    }
    let (of, whole) = (128 << 20, zeros_of_lzf(128 << 20));
    for filters in [&[LZF][..], &[SHUFFLE, LZF]] {
        let too_far = [&whole[..whole.len() - 1], &[32, 255]].concat();
        let (less, more) = (&whole[..whole.len() - 2], [&whole[..], &[0, 0]].concat());
        for (i, packed) in [&whole[..whole.len() - 1], &too_far, less, &more].into_iter().enumerate() {
            judge.refused(&format!("lzf{i}.h5ad"), &column(filters, of, &[packed]), &MATRIX, "Corrupt");
        }
    }
}

#[test]
fn large_chunks_that_are_sound_are_read() {
    let judge = Judge::new();
    let of = 60 << 20;
    for (filters, packed) in [
        (&[DEFLATE][..], zeros(60, 0)),
        (&[SHUFFLE, DEFLATE, FLETCHER32], [zeros(60, 0), sum(&zeros(60, 0))].concat()),
        (&[LZF], zeros_of_lzf(of)),
        (&[SHUFFLE, LZF], zeros_of_lzf(of)),
    ] {
        let path = judge.at("sound.h5ad");
        std::fs::write(&path, column(filters, of, &[&packed])).unwrap();
        FRAMES.1(&path).unwrap_or_else(|e| panic!("{filters:?}: {e}"));
    }
}

/// The checksum of HDF5, of words whose larger byte comes first.
fn sum(bytes: &[u8]) -> Vec<u8> {
    let words = bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |byte| u64::from(*byte)));
    let (mut low, mut high) = (0, 0);
    for word in words {
        low = (low + word) % 65535;
        high = (high + low) % 65535;
    }
    ((high as u32) << 16 | low as u32).to_le_bytes().to_vec()
}

#[test]
fn what_is_known_of_a_chunk_only_when_it_is_there_is_of_small_ones() {
    let judge = Judge::new();
    let (of, packed) = (100 << 20, zeros(100, 4));
    for filters in [&[FLETCHER32, DEFLATE][..], &[4], &[5], &[6], &[SHUFFLE, 4]] {
        judge.refused("large.h5ad", &column(filters, of, &[&packed]), &MATRIX, "Corrupt");
    }
    // A checksum of what is unpacked, of nothing but zeros.
    let path = judge.at("small.h5ad");
    std::fs::write(&path, column(&[FLETCHER32, SHUFFLE, DEFLATE], 1 << 20, &[&zeros(1, 4)])).unwrap();
    FRAMES.1(&path).unwrap();
    for (filters, packed) in [(&[FLETCHER32, DEFLATE][..], zeros(1, 3)), (&[DEFLATE, FLETCHER32], zeros(1, 0))] {
        judge.refused("sum.h5ad", &column(filters, 1 << 20, &[&packed]), &MATRIX, "Corrupt");
    }
    judge.refused("twice.h5ad", &column(&[SHUFFLE, SHUFFLE], 1 << 20, &[&[0; 1 << 20]]), &MATRIX, "Codec");
}

#[test]
fn large_chunks_that_lie_on_one_another_are_refused() {
    let judge = Judge::new();
    // In order beneath a checksum: nothing is unpacked.
    let (filters, of) = (&[SHUFFLE, FLETCHER32][..], 100 << 20);
    let chunk = vec![0; of + 4];
    let mut file = Hdf5File::new();
    let address = file.put(&chunk);
    let n = (of / 4) as u64;
    let beside = [[0, 0], [n, 0]];
    let chunks: Vec<(&[u64], u64, u32)> =
        beside.iter().map(|start| (&start[..], address, chunk.len() as u32)).collect();
    let x = file.chunked(&[2 * n, 1], &float(), &[n as u32, 1], filters, &chunks);
    judge.refused("beside.h5ad", &file_of(file, x), &MATRIX, "Corrupt");
    // One is read, however much of the file it is.
    let path = judge.at("one.h5ad");
    std::fs::write(&path, column(filters, 20 << 20, &[&chunk[..(20 << 20) + 4]])).unwrap();
    FRAMES.1(&path).unwrap();
}

/// A matrix of one line as AnnData has it, whose indices and values are of so many mebibytes.
fn sparse(order: &str, indices: &[u8], data: &[u8], mebibytes: usize) -> Vec<u8> {
    let mut file = Hdf5File::new();
    file.put(&vec![1; 1_000_000]);
    let n = (mebibytes as u64) << 18;
    let indices = floats(&mut file, &[DEFLATE], mebibytes << 20, &[indices], 1);
    let data = floats(&mut file, &[DEFLATE], mebibytes << 20, &[data], 1);
    let indptr = file.array(&[2], &integer(8, false), Some(&words(&[0, n])));
    let order = attribute("encoding-type", &text(10), &[1], order.as_bytes());
    let shape = attribute("shape", &integer(8, false), &[2], &words(&[1, 1]));
    let x = file.group(&[("indices", indices), ("data", data), ("indptr", indptr)], &[order, shape]);
    file_of(file, x)
}

#[test]
fn all_arrays_of_a_matrix_are_tried_before_one_is_unpacked() {
    let judge = Judge::new();
    let (sound, damaged) = (zeros(60, 0), damaged(&zeros(60, 0)));
    for order in ["csr_matrix", "csc_matrix"] {
        for (indices, data) in [(&sound, &damaged), (&damaged, &sound)] {
            let bytes = sparse(order, indices, data, 60);
            judge.refused("sparse.h5ad", &bytes, &[FRAMES, TURNED], "Corrupt");
        }
    }
}

#[test]
fn chunks_beside_each_other_are_tried_before_a_block_is_made_of_them() {
    let judge = Judge::new();
    let mut file = Hdf5File::new();
    let packed = zeros(0, (128 << 10) - 1);
    let address = file.put(&packed);
    // All others were never written.
    let last: &[u64] = &[128, 63 << 10];
    let chunks = [(last, address, packed.len() as u32)];
    let x = file.chunked(&[256, 64 << 10], &integer(1, false), &[128, 1 << 10], &[DEFLATE], &chunks);
    let bytes = file_of(file, x);
    judge.refused("wide.h5ad", &bytes, &[FRAMES, ROWS], "Corrupt");
}

#[test]
fn all_is_tried_before_names_are_read_that_their_file_does_not_account_for() {
    let judge = Judge::new();
    let (n, size) = (1_u32 << 16, 1000);
    let mut packed = Vec::with_capacity(1 << 20);
    Compress::new(Compression::new(1), true)
        .compress_vec(&vec![b'a'; n as usize * size], &mut packed, FlushCompress::Finish)
        .unwrap();
    let (sound, damaged_names) = (packed.clone(), damaged(&packed));
    for (values, names) in [(damaged(&zeros(0, n as usize)), &sound), (zeros(0, n as usize), &damaged_names)] {
        let mut file = Hdf5File::new();
        let mut column = |of: &[u8], packed: &[u8], shape: &[u64]| {
            let address = file.put(packed);
            let chunk = [n, 1];
            let chunks: &[(&[u64], u64, u32)] = &[(&[0, 0][..shape.len()], address, packed.len() as u32)];
            file.chunked(shape, of, &chunk[..shape.len()], &[DEFLATE], chunks)
        };
        let x = column(&integer(1, false), &values, &[n.into(), 1]);
        let names = column(&text(size as u32), names, &[n.into()]);
        let obs = file.group(&[("_index", names)], &[]);
        let bytes = file_with(file, &[("X", x), ("obs", obs)]);
        judge.refused("names.h5ad", &bytes, &[FRAMES, TURNED], "Corrupt");
    }
    let mut file = Hdf5File::new();
    let (x, long) = (file.array(&[1, 1], &integer(1, false), Some(&[1])), file.array(&[1], &text(1 << 17), None));
    let var = file.group(&[("_index", long)], &[]);
    judge.refused("long.h5ad", &file_with(file, &[("X", x), ("var", var)]), &[FRAMES], "Corrupt");
}
