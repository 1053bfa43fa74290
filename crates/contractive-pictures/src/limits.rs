//! What a picture may take, in one place.
//!
//! A file must not decide how much memory is taken. Before pixels are given room, the header is read, and refused where it
//! claims more than [`MOST_PIXELS`], or pixels of more bytes than a file of its size may become: 64 MiB, or 200 times the
//! file, as for everything compressed ([`contractive_table::most_expanded`]). So 100 bytes that claim 60,000 × 60,000 are
//! refused for the pixels, 100 bytes that claim 8,000 × 8,000 in colour for the bytes, and a blank page of 35 megapixels in a few hundred bytes
//! of TIFF is read. Of formats in which a byte can only become so much (JPEG: 512 pixels, a bit for each block of 64; PNG: 1032 bytes, which is
//! deflate's most; BMP: 128 pixels, runs of 255 in two bytes) a file that is too small for its pixels is cut off, and is refused by its header too. Decoders take up to three times the pixels' bytes on the way (the coefficients of a progressive JPEG).

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

/// What a header claims of a file of `size` bytes.
pub(crate) struct Claim {
    pub format: &'static str,
    pub width: u64,
    pub height: u64,
    /// Bytes a pixel as it is decoded.
    pub bytes_a_pixel: u64,
    pub size: u64,
    /// The most pixels that a byte of the format can become, where there is such a number.
    pub most_a_byte: Option<u64>,
}

impl Claim {
    /// Bytes of the pixels, or the refusal.
    pub fn check(&self) -> Result<u64, PictureFault> {
        let &Claim { format, width, height, bytes_a_pixel, size, most_a_byte } = self;
        let pixels = width.saturating_mul(height);
        if pixels == 0 {
            return Err(PictureFault::NoPixels { width, height });
        }
        if pixels > MOST_PIXELS {
            return Err(PictureFault::Pixels { width, height, most: MOST_PIXELS });
        }
        if most_a_byte.is_some_and(|most| pixels > most.saturating_mul(size)) {
            let reason = format!("its {size} bytes are too few for {width} × {height} pixels");
            return Err(PictureFault::Truncated { format, reason });
        }
        let (bytes, most) = (pixels * bytes_a_pixel, most_expanded(size));
        match bytes <= most {
            true => Ok(bytes),
            false => Err(PictureFault::Claim { width, height, bytes, size, most }),
        }
    }
}
