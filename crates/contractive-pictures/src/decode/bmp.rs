//! BMP: whether its bytes are as many as its header needs.

use crate::error::PictureFault;
use crate::limits::FileSize;

/// Bytes of a file by which this is told.
pub(super) const HEAD: usize = 34;
/// The size of the oldest header, which has sides of 16 bits.
const CORE: u32 = 12;

/// What `image` takes for pixels without runs must be there in full.
pub(super) fn check_size(first: &[u8], size: FileSize) -> Result<(), PictureFault> {
    let (Some(needed), false) = (needed(first), is_packed(first)) else { return Ok(()) };
    if needed <= size.bytes {
        return Ok(());
    }
    Err(PictureFault::Truncated { format: "BMP", reason: format!("it has {} of {needed} bytes", size.bytes) })
}

/// Whether it has runs of pixels.
pub(super) fn is_packed(first: &[u8]) -> bool {
    first.get(14..18) != Some(&CORE.to_le_bytes()) && matches!(at(first, 30), Some(1 | 2))
}

/// Where its pixels end, if they have no runs.
fn needed(first: &[u8]) -> Option<u64> {
    let (width, height, bits) = match at(first, 14)? {
        CORE => (at(first, 18)? & 0xffff, at(first, 18)? >> 16, at(first, 22)? >> 16),
        // Rows from the top down have a height below zero.
        _ => (at(first, 18)?, (at(first, 22)? as i32).unsigned_abs(), at(first, 26)? >> 16),
    };
    let row = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
    row.checked_mul(height.into())?.checked_add(at(first, 10)?.into())
}

fn at(first: &[u8], i: usize) -> Option<u32> {
    first.get(i..i + 4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}
