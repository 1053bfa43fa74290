//! HDF5 files of the newer form, whose names and attributes lie in heaps: one object of which many records speak.

use crate::hdf5_file::{Hdf5File, NOWHERE, attribute, file_of, integer, message, words};
use crate::judge::{FRAMES, Judge, TURNED};

/// Bytes with the checksum of HDF5's structures after them, Bob Jenkins' lookup3.
fn summed(bytes: Vec<u8>) -> Vec<u8> {
    let [mut a, mut b, mut c] = [0xdead_beef_u32.wrapping_add(bytes.len() as u32); 3];
    let n_parts = bytes.len().div_ceil(12);
    for (i, part) in bytes.chunks(12).enumerate() {
        let mut padded = [0; 12];
        padded[..part.len()].copy_from_slice(part);
        let word = |at: usize| u32::from_le_bytes(padded[at..at + 4].try_into().unwrap());
        (a, b, c) = (a.wrapping_add(word(0)), b.wrapping_add(word(4)), c.wrapping_add(word(8)));
        if i + 1 == n_parts {
            break;
        }
        for k in [4, 6, 8, 16, 19, 4] {
            (a, c) = (a.wrapping_sub(c) ^ c.rotate_left(k), c.wrapping_add(b));
            (a, b, c) = (b, c, a);
        }
    }
    for k in [14, 11, 25, 16, 4, 14, 24] {
        c = (c ^ b).wrapping_sub(b.rotate_left(k));
        (a, b, c) = (b, c, a);
    }
    [bytes, b.to_le_bytes().to_vec()].concat()
}

/// The addresses of a heap of one object, and of an index in which `n` records speak of it: of links (kind 5), with numbers
/// of 7 bytes, or of attributes (kind 8), with 8.
fn heap(file: &mut Hdf5File, object: &[u8], kind: u8, n: u16, filters: u16) -> [u64; 2] {
    let bits: u16 = if kind == 5 { 32 } else { 40 };
    let size = object.len() as u64 + 64;
    let head = 5 + 8 + bits / 8;
    let block = [&b"FHDB\0"[..], &vec![0; usize::from(head) - 5], object, &[0; 64]].concat();
    let block = file.put(&block);
    let mut header = [&b"FRHP\0"[..], &[if kind == 5 { 7 } else { 8 }, 0], &filters.to_le_bytes(), &[0]].concat();
    header.extend(65_535_u32.to_le_bytes());
    header.extend(words(&[0, NOWHERE, 0, NOWHERE, size, size, size, 1, 0, 0, 0, 0]));
    header.extend([&[4, 0][..], &words(&[size, 1 << 16]), &bits.to_le_bytes(), &[1, 0], &words(&[block])].concat());
    header.extend([0; 2]);
    if filters > 0 {
        header.extend([&words(&[size])[..], &[0; 4], &vec![0; filters.into()]].concat());
    }
    let heap = file.put(&summed(header));
    let number = [&[0][..], &u64::from(head).to_le_bytes()[..usize::from(bits / 8)]].concat();
    let number = [number, (object.len() as u16).to_le_bytes().to_vec()].concat();
    let mut leaf = [&b"BTLF\0"[..], &[kind]].concat();
    for i in 0..u32::from(n) {
        leaf.extend(match kind {
            5 => [&i.to_le_bytes()[..], &number].concat(),
            _ => [&number[..], &[0], &i.to_le_bytes(), &i.to_le_bytes()].concat(),
        });
    }
    let record = (leaf.len() - 6) / usize::from(n);
    let leaf = summed(leaf);
    let node = leaf.len() as u32;
    let leaf = file.put(&leaf);
    let tree = [&b"BTHD\0"[..], &[kind], &node.to_le_bytes(), &(record as u16).to_le_bytes(), &[0, 0, 98, 40]].concat();
    let tree = [tree, words(&[leaf]), n.to_le_bytes().to_vec(), words(&[n.into()])].concat();
    [heap, file.put(&summed(tree))]
}

/// A link to `address` with a name of `n` bytes.
fn link(n: usize, address: u64) -> Vec<u8> {
    [&[1, 1][..], &(n as u16).to_le_bytes(), &vec![b'a'; n], &address.to_le_bytes()].concat()
}

/// A file whose `layers` is a group of `n` members, all of one name of `size` bytes.
fn members(n: u16, size: usize, filters: u16) -> Vec<u8> {
    let mut file = Hdf5File::new();
    let member = file.group(&[], &[]);
    let [heap, index] = heap(&mut file, &link(size, member), 5, n, filters);
    let layers = file.object(&[message(2, &[&[0; 2][..], &words(&[heap, index])].concat())]);
    let root = file.group(&[("layers", layers)], &[]);
    file.finish(root)
}

/// A file whose `X` is a group of `n` attributes, all of them one of `size` bytes.
fn attributes(n: u16, size: usize) -> Vec<u8> {
    let mut file = Hdf5File::new();
    let one = attribute("note", &integer(1, false), &[size as u64], &vec![7; size]);
    let [heap, index] = heap(&mut file, &one[8..], 8, n, 0);
    let info = message(0x15, &[&[0; 2][..], &words(&[heap, index])].concat());
    let x = file.object(&[message(0x0a, &[0; 8]), info]);
    file_of(file, x)
}

#[test]
fn one_name_of_many_members_in_a_heap_is_not_repeated() {
    let judge = Judge::new();
    judge.refused("few.h5ad", &members(2, 20, 0), &[FRAMES], "NoSuchArray");
    judge.refused("names.h5ad", &members(8000, 60_000, 0), &[FRAMES, TURNED], "Corrupt");
}

#[test]
fn one_attribute_of_many_in_a_heap_is_not_repeated() {
    let judge = Judge::new();
    // Two are read: what is missing is another.
    judge.refused("few.h5ad", &attributes(2, 20), &[FRAMES], "Corrupt");
    judge.refused("attributes.h5ad", &attributes(8000, 60_000), &[FRAMES, TURNED], "Corrupt");
}

#[test]
fn heaps_that_are_packed_are_refused_as_such() {
    let judge = Judge::new();
    judge.refused("packed.h5ad", &members(2, 20, 9), &[FRAMES], "Codec");
}
