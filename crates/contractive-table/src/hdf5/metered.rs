//! The file as the decoder sees it. While it reads what describes arrays, headers and names, the bytes that it is given are
//! counted: it keeps each header that it parsed, takes much more for one than the file does, and lets them share their
//! parts; of groups it copies each name, and of attributes in a heap each value, however many members or records have it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use hdf5_reader::error::{Error, Result};
use hdf5_reader::fractal_heap::FractalHeap;
use hdf5_reader::io::Cursor;
use hdf5_reader::local_heap::LocalHeap;
use hdf5_reader::storage::{FileStorage, Storage, StorageBuffer};
use hdf5_reader::superblock::Superblock;
use hdf5_reader::symbol_table::SymbolTableNode;

/// Bytes of descriptions that are read of a file of any size …
const FREE_DESCRIBED: u64 = 1 << 20;
/// … and one for so many bytes of the file.
const BYTES_A_DESCRIBED: u64 = 16;
/// Blocks of heaps are read anew for each attribute in them, and not kept: so many reads of one count as one.
const READS_A_BLOCK: u64 = 64;
/// Bytes that one of a node of a B-tree counts for: an inner one's records are not looked at, of which there is one for each
/// node below it.
const NODE: u64 = 8;
/// No name or attribute in a block of a heap has so many bytes: the library lays larger ones elsewhere.
const MOST_OBJECT: u64 = 1 << 16;

/// A file whose descriptions are counted.
pub(super) struct Metered {
    file: FileStorage,
    is_on: AtomicBool,
    meter: Mutex<Option<Meter>>,
}

/// What may still be read, and names.
struct Meter {
    left: u64,
    names: Names,
}

/// The names of members of groups, and attributes in heaps.
struct Names {
    /// What addresses begin from.
    base: u64,
    /// Bytes of addresses and of lengths.
    sizes: (u8, u8),
    left: u64,
    /// Where the names of the group lie, once they were read the names themselves.
    place: Option<(u64, u64)>,
    all: Option<StorageBuffer>,
    /// Where names begin whose group's names were not read yet.
    waiting: Vec<u64>,
    /// In the number of an object of a heap: where its bytes are said, and by how many bytes.
    lengths: Option<(usize, usize)>,
}

impl Metered {
    pub fn new(file: FileStorage) -> Self {
        Metered { file, is_on: AtomicBool::new(false), meter: Mutex::new(None) }
    }

    /// Counts from here on, where it is switched on.
    pub fn begin(&self, superblock: &Superblock) {
        let sizes = (superblock.offset_size, superblock.length_size);
        let left = FREE_DESCRIBED + self.file.len() / BYTES_A_DESCRIBED;
        let base = superblock.base_address;
        let names = Names { base, sizes, left, place: None, all: None, waiting: Vec::new(), lengths: None };
        *self.meter.lock().unwrap_or_else(PoisonError::into_inner) = Some(Meter { left, names });
    }

    /// Switches counting on or off; says which it was.
    pub fn switch(&self, is_on: bool) -> bool {
        self.is_on.swap(is_on, Relaxed)
    }
}

impl Storage for Metered {
    fn len(&self) -> u64 {
        self.file.len()
    }

    fn read_range(&self, offset: u64, len: usize) -> Result<StorageBuffer> {
        if !self.is_on.load(Relaxed) {
            return self.file.read_range(offset, len);
        }
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(meter) = meter.as_mut() else { return self.file.read_range(offset, len) };
        let bytes = self.file.read_range(offset, len)?;
        let read = match bytes.get(..4) {
            Some(b"FHDB") => (len as u64).div_ceil(READS_A_BLOCK),
            Some(b"BTLF" | b"BTIN") => (len as u64).saturating_mul(NODE),
            _ => len as u64,
        };
        meter.left = meter.left.checked_sub(read).ok_or_else(|| too_much("headers"))?;
        meter.names.count(offset, &bytes)?;
        Ok(bytes)
    }
}

impl Names {
    fn count(&mut self, offset: u64, bytes: &StorageBuffer) -> Result<()> {
        let (offset_size, length_size) = self.sizes;
        if bytes.starts_with(b"HEAP") {
            let heap = LocalHeap::parse(&mut Cursor::new(bytes), offset_size, length_size);
            self.place =
                heap.ok().map(|heap| (heap.data_segment_address.saturating_add(self.base), heap.data_segment_size));
            (self.all, self.waiting) = (None, Vec::new());
        } else if self.place == Some((offset, bytes.len() as u64)) {
            self.all = Some(bytes.clone());
        } else if bytes.starts_with(b"SNOD")
            && let Ok(node) = SymbolTableNode::parse(&mut Cursor::new(bytes), offset_size, length_size)
        {
            for entry in node.entries {
                self.waiting.push(entry.link_name_offset);
                if entry.cache_type == 2 {
                    let [a, b, c, d, ..] = entry.scratch;
                    self.waiting.push(u64::from(u32::from_le_bytes([a, b, c, d])));
                }
            }
        } else if bytes.starts_with(b"FRHP") {
            self.lengths = Some(lengths_in(bytes, self.sizes)?);
        } else if bytes.starts_with(b"BTHD") {
            let kind = record_of(bytes);
            if kind.is_some_and(|(.., size)| bytes.get(10..12) != Some(&(size as u16).to_le_bytes())) {
                return Err(Error::InvalidData("records of names or attributes are of another size".into()));
            }
        } else if bytes.starts_with(b"BTLF") {
            self.count_objects(bytes)?;
        }
        let Some(all) = &self.all else { return Ok(()) };
        for start in self.waiting.drain(..) {
            let name = usize::try_from(start).ok().and_then(|start| all.get(start..)).unwrap_or_default();
            let n = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
            self.left = self.left.checked_sub(n as u64).ok_or_else(|| too_much("names of members"))?;
        }
        Ok(())
    }
}

impl Names {
    /// Counts the bytes of the objects of a heap that the records in a leaf of a B-tree mean: links and attributes.
    fn count_objects(&mut self, node: &[u8]) -> Result<()> {
        let Some((start, n_bytes)) = self.lengths else { return Ok(()) };
        let Some((at, of_number, size)) = record_of(node) else { return Ok(()) };
        for record in node[6..].chunks_exact(size) {
            let number = &record[at..at + of_number];
            // Others lie by themselves, or in the record.
            let is_in_a_block = number[0] & 0x30 == 0;
            if let (true, Some(length)) = (is_in_a_block, number.get(start..start + n_bytes)) {
                let n = length.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte));
                self.left = self.left.checked_sub(n).ok_or_else(|| too_much("names of members, or attributes,"))?;
            }
        }
        Ok(())
    }
}

/// Of a B-tree of names or attributes: where an object's number is in a record, its bytes, and those of the record.
fn record_of(node: &[u8]) -> Option<(usize, usize, usize)> {
    match node.get(5)? {
        5 => Some((4, 7, 11)),
        6 => Some((8, 7, 15)),
        8 => Some((0, 8, 17)),
        9 => Some((0, 8, 13)),
        _ => None,
    }
}

/// Where the number of an object of a heap says how many bytes it has, and by how many bytes.
fn lengths_in(heap: &[u8], (offset_size, length_size): (u8, u8)) -> Result<(usize, usize)> {
    // None that is written is packed; what it unpacked to would not be counted.
    if heap.get(7..9) != Some(&[0, 0]) {
        return Err(Error::UnsupportedFilter("of names or attributes".into()));
    }
    let heap = FractalHeap::parse(&mut Cursor::new(heap), offset_size, length_size)?;
    let most = heap.max_direct_block_size.min(heap.max_managed_object_size);
    if most >= MOST_OBJECT {
        return Err(Error::InvalidData(format!(
            "names and attributes must have less than {MOST_OBJECT} bytes in blocks"
        )));
    }
    let n_bytes = (u64::BITS - most.leading_zeros()).div_ceil(8).max(1) as usize;
    Ok((1 + usize::from(heap.max_heap_size).div_ceil(8).max(1), n_bytes))
}

fn too_much(what: &str) -> Error {
    Error::ResourceLimit(format!("it has more {what} than a file of its size can"))
}
