//! HDF5 files that say little and mean much.

use flate2::{Compress, Compression, FlushCompress};

use crate::hdf5_chunks::zeros;
use crate::hdf5_file::{
    Hdf5File, NOWHERE, any_text, attribute, datatype, file_of, file_with, float, integer, layout_of_integer, message,
    text, words,
};
use crate::judge::{FRAMES, Judge, MATRIX, TURNED};

/// A group `X` of three entries in three rows and columns, `indptr` being where its rows begin.
fn compressed(file: &mut Hdf5File, indptr: u64) -> u64 {
    let indices = file.array(&[3], &integer(1, false), Some(&[0, 1, 2]));
    let data = file.array(&[3], &integer(1, false), Some(&[1, 1, 1]));
    let order = attribute("encoding-type", &text(10), &[1], b"csr_matrix");
    let shape = attribute("shape", &integer(8, false), &[2], &words(&[3, 3]));
    file.group(&[("indices", indices), ("data", data), ("indptr", indptr)], &[order, shape])
}

#[test]
fn arrays_that_are_longer_than_their_matrix_are_refused_before_they_are_read() {
    let judge = Judge::new();
    let (byte, n) = (integer(1, false), 60_000_000);
    let mut file = Hdf5File::new();
    let (x, names) = (file.array(&[2, 2], &byte, Some(&[1; 4])), file.array(&[n], &text(1), None));
    let var = file.group(&[("_index", names)], &[]);
    judge.refused("names.h5ad", &file_with(file, &[("X", x), ("var", var)]), &MATRIX, "Corrupt");
    let mut file = Hdf5File::new();
    let starts = file.array(&[n], &byte, None);
    let x = compressed(&mut file, starts);
    judge.refused("indptr.h5ad", &file_of(file, x), &MATRIX, "Corrupt");
    let mut file = Hdf5File::new();
    let [indptr, indices, data] = [(); 3].map(|()| file.array(&[1], &byte, Some(&[0])));
    let shape = file.array(&[n], &byte, None);
    let matrix = file.group(&[("indptr", indptr), ("indices", indices), ("data", data), ("shape", shape)], &[]);
    judge.refused("shape.h5", &file_with(file, &[("matrix", matrix)]), &MATRIX, "Corrupt");
}

#[test]
fn numbers_of_another_layout_are_no_others() {
    let judge = Judge::new();
    for (i, (of, size)) in [
        (layout_of_integer(2, true, 0, 12), 2),
        (layout_of_integer(2, false, 4, 12), 2),
        (datatype(8 | 2 << 8, 1, &layout_of_integer(1, true, 0, 4)), 1),
        (float(100), 4),
    ]
    .into_iter()
    .enumerate()
    {
        let mut file = Hdf5File::new();
        // Names and values of truth values: none is there, but their room.
        let x = file.array(&[2, 2], &[of, vec![0; 32]].concat(), Some(&vec![0; 4 * size]));
        judge.refused(&format!("layout{i}.h5ad"), &file_of(file, x), &MATRIX, "Type");
    }
    let mut file = Hdf5File::new();
    let x = file.array(&[2, 2], &float(127), Some(&[0; 16]));
    let path = judge.at("ieee.h5ad");
    std::fs::write(&path, file_of(file, x)).unwrap();
    MATRIX.iter().for_each(|reader| reader.1(&path).unwrap());
}

#[test]
fn chunks_that_come_to_more_than_the_file_can_hold_are_refused() {
    let judge = Judge::new();
    let mut file = Hdf5File::new();
    let packed = zeros(30, 0);
    let address = file.put(&packed);
    let chunks: Vec<[u64; 2]> = (0..4).map(|i| [i, 0]).collect();
    let chunks: Vec<(&[u64], u64, u32)> =
        chunks.iter().map(|start| (&start[..], address, packed.len() as u32)).collect();
    let x = file.chunked(&[4, 1], &integer(1, false), &[1, 30 << 20], &[1], &chunks);
    judge.refused("chunks.h5ad", &file_of(file, x), &MATRIX, "Oversized");
}

#[test]
fn two_filters_that_unpack_are_refused() {
    let judge = Judge::new();
    for filters in [[32000, 1], [1, 1]] {
        let mut file = Hdf5File::new();
        let packed = zeros(150, 0);
        let address = file.put(&packed);
        let x =
            file.chunked(&[4, 1], &integer(1, false), &[4, 1], &filters, &[(&[0, 0], address, packed.len() as u32)]);
        judge.refused("filters.h5ad", &file_of(file, x), &MATRIX, "Codec");
    }
}

#[test]
fn one_text_that_an_attribute_has_many_times_is_not_repeated() {
    let judge = Judge::new();
    let mut file = Hdf5File::new();
    let long = 1_u64 << 20;
    let heap = [&b"GCOL\x01\0\0\0"[..], &words(&[32 + long + 8, 0x1_0001, long]), &vec![b'a'; long as usize], &[0; 8]]
        .concat();
    let heap = file.put(&heap);
    let reference = [&(long as u32).to_le_bytes()[..], &heap.to_le_bytes(), &1_u32.to_le_bytes()].concat();
    let x = file.group(&[], &[attribute("encoding-type", &any_text(), &[200], &reference.repeat(200))]);
    judge.refused("texts.h5ad", &file_of(file, x), &MATRIX, "Corrupt");
    let mut file = Hdf5File::new();
    let x = file.group(&[], &[attribute("shape", &integer(1, false), &[3], &[1, 2, 3])]);
    judge.refused("three.h5ad", &file_of(file, x), &MATRIX, "Corrupt");
}

#[test]
fn texts_whose_heaps_overlap_are_refused() {
    let judge = Judge::new();
    let mut file = Hdf5File::new();
    // Each heap begins within the first object of the one before, and ends where all of them end.
    let (n_heaps, n_objects) = (200_u64, 20_000);
    let total = n_heaps * 32 + n_objects * 16 + 8;
    let mut heaps = Vec::new();
    for i in 0..n_heaps {
        heaps.extend([&b"GCOL\x01\0\0\0"[..], &words(&[total - i * 32, 0x1_0001, (n_heaps - 1 - i) * 32])].concat());
    }
    heaps.extend([words(&[0x1_0002, 0]).repeat(n_objects as usize), vec![0; 8]].concat());
    let heaps = file.put(&heaps);
    let reference = |i: u64| [&1_u32.to_le_bytes()[..], &(heaps + 32 * i).to_le_bytes(), &1_u32.to_le_bytes()].concat();
    let references: Vec<u8> = (0..n_heaps).flat_map(reference).collect();
    let names = file.array(&[n_heaps], &any_text(), Some(&references));
    let x = file.array(&[1, n_heaps], &integer(1, false), Some(&vec![0; n_heaps as usize]));
    let var = file.group(&[("_index", names)], &[]);
    judge.refused("heaps.h5ad", &file_with(file, &[("X", x), ("var", var)]), &MATRIX, "Corrupt");
}

#[test]
fn headers_that_share_what_they_hold_are_counted_together() {
    let judge = Judge::new();
    let many = |folder: Option<&str>| {
        let mut file = Hdf5File::new();
        let n = (1 << 20) - 200;
        let shared = file.put(&vec![0; n]);
        let continued = message(0x10, &words(&[shared, n as u64]));
        let names: Vec<String> = (0..12).map(|i| format!("g{i}")).collect();
        let members: Vec<(&str, u64)> =
            names.iter().map(|name| (&name[..], file.object(&[message(0x0a, &[0; 8]), continued.clone()]))).collect();
        match folder {
            Some(folder) => {
                let folder_of_all = file.group(&members, &[]);
                file_with(file, &[(folder, folder_of_all)])
            }
            None => file_with(file, &members),
        }
    };
    judge.refused("root.h5ad", &many(None), &MATRIX, "NoSuchArray|Corrupt");
    judge.refused("layers.h5ad", &many(Some("layers")), &MATRIX, "NoSuchArray|Corrupt");
}

#[test]
fn one_long_name_of_many_members_is_not_repeated() {
    let judge = Judge::new();
    let mut file = Hdf5File::new();
    let (long, n) = (1 << 20, 200_u16);
    let names = file.put(&[vec![b'a'; long], vec![0; 8]].concat());
    let heap = file.put(&[&b"HEAP\0\0\0\0"[..], &words(&[long as u64 + 8, 1 << 63, names])].concat());
    let member = file.group(&[], &[]);
    let symbol = [words(&[0, member]), vec![0; 24]].concat();
    let symbols = file.put(&[&b"SNOD\x01\0"[..], &n.to_le_bytes(), &symbol.repeat(usize::from(n))].concat());
    let tree = file.put(&[&b"TREE\0\0\x01\0"[..], &words(&[NOWHERE, NOWHERE, 0, symbols, 0])].concat());
    let root = file.object(&[message(0x11, &words(&[tree, heap]))]);
    let mut bytes = file.finish(root);
    judge.refused("names.h5ad", &bytes, &[FRAMES, TURNED], "Corrupt");
    // The same behind a block of the user's, from which addresses count.
    bytes[24..32].copy_from_slice(&512_u64.to_le_bytes());
    judge.refused("block.h5ad", &[vec![0; 512], bytes].concat(), &[FRAMES, TURNED], "Corrupt");
}

#[test]
fn a_chunk_is_held_once_and_its_numbers_by_parts() {
    let judge = Judge::new();
    let n = 4_000_000_u32;
    let mut values = vec![0; 8 * n as usize];
    values[8 * n as usize - 8..].copy_from_slice(&f64::NAN.to_le_bytes());
    let mut compress = Compress::new(Compression::new(1), true);
    let mut packed = Vec::with_capacity(1 << 20);
    compress.compress_vec(&values, &mut packed, FlushCompress::Finish).unwrap();
    let mut file = Hdf5File::new();
    let address = file.put(&packed);
    let of =
        datatype(1 | 0x20 << 8 | 63 << 16, 8, &[&[0, 0, 64, 0, 52, 11, 0, 52][..], &1023_u32.to_le_bytes()].concat());
    let chunks: &[(&[u64], u64, u32)] = &[(&[0, 0], address, packed.len() as u32)];
    let x = file.chunked(&[n.into(), 1], &of, &[n, 1], &[1], chunks);
    judge.refused("chunk.h5ad", &file_of(file, x), &[FRAMES, TURNED], "Cell|Corrupt");
    let mut file = Hdf5File::new();
    let packed = zeros(48, 0);
    let address = file.put(&packed);
    let (n, chunks) = (48_u32 << 20, [(&[0, 0][..], address, packed.len() as u32)]);
    let x = file.chunked(&[n.into(), 1], &integer(1, false), &[n, 1], &[1], &chunks);
    judge.refused("large.h5ad", &file_of(file, x), &[FRAMES, TURNED], "Corrupt");
}

#[test]
fn chunks_of_next_to_nothing_are_no_more_than_the_file_can_hold() {
    let judge = Judge::new();
    let mut file = Hdf5File::new();
    let x = file.chunked(&[1_000_000, 1], &integer(1, false), &[1, 1], &[], &[]);
    judge.refused("chunks.h5ad", &file_of(file, x), &MATRIX, "Corrupt");
}
