//! Global heaps, where texts of any length lie. The decoder keeps heaps by the bytes of their objects, which may be none,
//! and lets them overlap: here each byte of the file is looked through once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use hdf5_reader::Hdf5File;
use hdf5_reader::error::{Error, Result};
use hdf5_reader::io::Cursor;

/// An object: its number, where it begins in the heap, and its bytes.
type Object = (u16, u32, u32);

/// The heaps of a file that were looked through.
pub(super) struct Heaps<'a> {
    file: &'a Hdf5File,
    objects: HashMap<u64, Vec<Object>>,
    /// Bytes that further heaps may have.
    left: u64,
}

impl<'a> Heaps<'a> {
    pub fn of(file: &'a Hdf5File) -> Self {
        Heaps { file, objects: HashMap::new(), left: file.storage().len() }
    }

    /// The bytes that `reference` means: how many, the heap's address, and the object's number there.
    pub fn bytes(&mut self, reference: &[u8]) -> Result<Vec<u8>> {
        let offset_size = self.file.superblock().offset_size;
        let mut cursor = Cursor::new(reference);
        let (n, address) = (cursor.read_u32_le()?, cursor.read_offset(offset_size)?);
        let number = cursor.read_u32_le()?;
        if n == 0 || number == 0 || Cursor::is_undefined_offset(address, offset_size) {
            return Ok(Vec::new());
        }
        let objects = match self.objects.entry(address) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(objects(self.file, address, &mut self.left)?),
        };
        // Numbers are in order from 1, as a rule.
        let is_it = |object: &&Object| u32::from(object.0) == number;
        let usual = objects.get(number as usize - 1).filter(is_it);
        let (_, start, size) = usual
            .or_else(|| objects.iter().find(is_it))
            .ok_or_else(|| Error::InvalidData(format!("the heap at {address} has no object {number}")))?;
        if n > *size {
            return Err(Error::InvalidData(format!("object {number} of the heap at {address} is cut off")));
        }
        Ok(self.file.storage().read_range(address + u64::from(*start), n as usize)?.to_vec())
    }
}

/// The objects of the heap at `address`, whose bytes are taken from `left`.
fn objects(file: &Hdf5File, address: u64, left: &mut u64) -> Result<Vec<Object>> {
    let length_size = file.superblock().length_size;
    let head_size = 8 + usize::from(length_size);
    let head = file.storage().read_range(address, head_size)?;
    let mut cursor = Cursor::new(&head);
    if cursor.read_bytes(4)? != b"GCOL" || cursor.read_u8()? != 1 {
        return Err(Error::InvalidGlobalHeapSignature);
    }
    cursor.skip(3)?;
    let size = cursor.read_length(length_size)?;
    let too_long = || Error::InvalidData("heaps of texts must not overlap, nor be longer than the file".into());
    *left = left.checked_sub(size).ok_or_else(too_long)?;
    let size = u32::try_from(size).map_err(|_| too_long())?;
    let bytes = file.storage().read_range(address, size as usize)?;
    let mut cursor = Cursor::new(&bytes);
    cursor.skip(head_size)?;
    let mut objects = Vec::new();
    while cursor.remaining() >= head_size as u64 {
        let number = cursor.read_u16_le()?;
        // The room that is free.
        if number == 0 {
            break;
        }
        cursor.skip(6)?;
        let size = cursor.read_length(length_size)?;
        if size > cursor.remaining() {
            return Err(Error::InvalidData(format!("object {number} of the heap at {address} is cut off")));
        }
        objects.push((number, cursor.position() as u32, size as u32));
        let padded = size.next_multiple_of(8).min(cursor.remaining());
        cursor.skip(padded as usize)?;
    }
    Ok(objects)
}
