//! What a picture may take, in one place.
//!
//! A file must not decide how much memory is taken. Before pixels are given room, the header is read, and refused where it
//! claims more than [`MOST_PIXELS`], or pixels of more bytes than a file of its size may become: 64 MiB, or 200 times the
//! file, as for everything compressed ([`contractive_table::most_expanded`]). So 100 bytes that claim 60,000 × 60,000 are
//! refused for the pixels, 100 bytes that claim 8,000 × 8,000 in colour for the bytes, and a blank page of 35 megapixels in a few hundred bytes
//! is read. Decoders take up to three times the pixels' bytes on the way (the coefficients of a progressive JPEG).

use contractive_table::most_expanded;

use crate::error::PictureFault;

/// The most pixels of a picture: 100 million.
pub const MOST_PIXELS: u64 = 100_000_000;
/// The most bytes of a picture's file, 512 MiB: 100 million pixels of 5 bytes.
pub const MOST_FILE: u64 = 512 << 20;
/// Bytes that a stream's pictures in the making and those made ahead take together, unless one picture alone takes more.
pub const MOST_AHEAD: u64 = 128 << 20;
/// The most pictures in a folder or an archive: they are counted by 32 bits.
pub const MOST_PICTURES: usize = u32::MAX as usize;
/// What a decoder takes for each byte of its pixels.
pub(crate) const DECODING: u64 = 3;

/// Bytes of the pixels, or the refusal of a header that claims too many for a file of `size` bytes.
pub(crate) fn check(width: u64, height: u64, bytes_a_pixel: u64, size: u64) -> Result<u64, PictureFault> {
    let pixels = width.saturating_mul(height);
    if pixels == 0 {
        return Err(PictureFault::NoPixels { width, height });
    }
    if pixels > MOST_PIXELS {
        return Err(PictureFault::Pixels { width, height, most: MOST_PIXELS });
    }
    let (bytes, most) = (pixels * bytes_a_pixel, most_expanded(size));
    match bytes <= most {
        true => Ok(bytes),
        false => Err(PictureFault::Claim { width, height, bytes, size, most }),
    }
}
