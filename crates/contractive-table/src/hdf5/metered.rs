//! The file as the decoder sees it. While it reads what describes arrays, headers and names, the bytes that it is given are
//! counted: it keeps each header that it parsed, takes much more for one than the file does, and lets them share their
//! parts; of groups in the old form it copies each name, however many members have it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use hdf5_reader::error::{Error, Result};
use hdf5_reader::io::Cursor;
use hdf5_reader::local_heap::LocalHeap;
use hdf5_reader::storage::{FileStorage, Storage, StorageBuffer};
use hdf5_reader::superblock::Superblock;
use hdf5_reader::symbol_table::SymbolTableNode;

/// Bytes of descriptions that are read of a file of any size …
const FREE_DESCRIBED: u64 = 1 << 20;
/// … and one for so many bytes of the file.
const BYTES_A_DESCRIBED: u64 = 16;

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

/// The names of members of groups in the old form.
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
        let names = Names { base, sizes, left, place: None, all: None, waiting: Vec::new() };
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
        meter.left = meter.left.checked_sub(len as u64).ok_or_else(|| too_much("headers"))?;
        let bytes = self.file.read_range(offset, len)?;
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

fn too_much(what: &str) -> Error {
    Error::ResourceLimit(format!("it has more {what} than a file of its size can"))
}
