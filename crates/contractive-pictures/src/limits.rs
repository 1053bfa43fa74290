//! What a picture may take, in one place.
//!
//! A file must not decide how much memory is taken. Before pixels are given room, the header is read, and refused where it
//! claims more than [`MOST_PIXELS`], or pixels of more bytes than a file of its size may become: 200 times the file, as
//! everything compressed, or as many as are decoded within 60 MiB. So 100 bytes that claim 60,000 × 60,000 are
//! refused for the pixels, 100 bytes that claim 8,000 × 8,000 in colour for the bytes, and a blank page of 35 megapixels in a few hundred bytes
//! of TIFF is read, two colours or levels a pixel. Of formats in which a byte can only become so much (JPEG: 512 pixels, a bit for each block of 64; PNG: 1032 bytes, which is
//! deflate's most; BMP: 128 pixels, runs of 255 in two bytes) a file that is too small for its pixels is cut off, and is refused by its header too. Decoders take up to three times the pixels' bytes on the way (the coefficients of a progressive JPEG).
//!
//! Within what a header may claim, 64 MiB and 4 times the file hold for a file that is not sound, with the file itself and all that decoding takes: what
//! these do not account for is read to its end in less memory first (`decode/check`, `decode/tiff`), and is given room if that finds it
//! sound. What can be neither held nor checked in so much is refused. Progressive JPEG, and WebP that is lossy and has alpha or is an animation, are the exceptions: their decoders make
//! whole pictures, and damage shows with the pixels. The tables of a lossless WebP, which its decoder makes without a limit, are counted, and its
//! stream is read to its end (`decode/webp`).
//!
//! Beside pixels as much holds for what is known of an archive's or array's pictures before one is read: names, places, labels.

use crate::error::PictureFault;

/// The most pixels of a picture: 100 million.
pub const MOST_PIXELS: u64 = 100_000_000;
/// The most bytes of a picture's file, 512 MiB: 100 million pixels of 5 bytes.
pub const MOST_FILE: u64 = 512 << 20;
/// Bytes that a stream's pictures in the making and those made ahead take together, unless one picture alone takes more.
pub const MOST_AHEAD: u64 = 128 << 20;
/// The most pictures in a folder or an archive: they are counted by 32 bits.
pub const MOST_PICTURES: usize = u32::MAX as usize;
/// Bytes that the unread pictures of an archive that are under way ahead of the one to be given take together, beside four times the archive:
/// they are unpacked, and may all turn out damaged. With what the one to be given takes it is within 64 MiB and 4 times the archive.
const UNREAD_AHEAD: u64 = 4 << 20;
/// What a decoder takes for each byte of its pixels, at most.
pub(crate) const DECODING: u64 = 3;
/// What chunks beside the pixels may take: profiles, texts, a row that is wider than the picture.
pub(crate) const BESIDE: u64 = 16 << 20;
/// What the pixels of a file of any size may take while they are decoded: with what is beside them less than 64 MiB.
const FREE: u64 = 60 << 20;
/// Bytes that a file's byte may become.
const MOST_EXPANSION: u64 = 200;

/// Bytes of a file, and how many there are of it on the disk: fewer where it is packed in an archive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileSize {
    pub bytes: u64,
    pub packed: u64,
}

impl FileSize {
    /// Of a file that lies on the disk as it is.
    pub fn plain(bytes: u64) -> Self {
        FileSize { bytes, packed: bytes }
    }

    /// What may be held beside the file while it is not known whether it is sound: with it, less than 64 MiB and 4 times
    /// what is on the disk.
    pub fn room(self) -> u64 {
        self.packed.saturating_mul(4).saturating_add(FREE).saturating_sub(self.bytes)
    }

    /// The most bytes that it may become, where any file may become `free`.
    fn most_unpacked(self, free: u64) -> u64 {
        self.packed.saturating_mul(MOST_EXPANSION).max(free)
    }
}

/// The most bytes that unread pictures ahead take together, of an archive of `packed` bytes; of single files, each of which has a bound of its own,
/// as many as are made ahead.
pub(crate) fn most_unread(packed: Option<u64>) -> u64 {
    packed.map_or(MOST_AHEAD, |packed| packed.saturating_mul(4).saturating_add(UNREAD_AHEAD).min(MOST_AHEAD))
}

/// What a picture of an array takes beside its pixels: its place in an order, at the least.
const AN_ARRAYS_PICTURE: u64 = 4;
/// What a label of an array takes, which is given as a copy.
const LABEL: u64 = 16;
/// What each class of them takes.
const CLASS: u64 = 160;

/// What may be held beside the pictures of an archive or an array of `packed` bytes: names, places, labels.
pub(crate) fn most_held(packed: u64) -> u64 {
    FileSize { bytes: 0, packed }.room()
}

/// The most pictures of an array in a file of `packed` bytes, which takes 64 MiB and 4 times that; of one that is not packed, any number.
pub(crate) fn most_in_array(packed: u64) -> u64 {
    (most_held(packed) / AN_ARRAYS_PICTURE).min(MOST_PICTURES as u64)
}

/// Whether so many labels and classes may be held of a file of `packed` bytes.
pub(crate) fn may_hold_labels(packed: u64, labels: usize, classes: usize) -> bool {
    let bytes = (labels as u64).saturating_mul(LABEL).saturating_add((classes as u64).saturating_mul(CLASS));
    bytes <= most_held(packed)
}

/// What a header claims of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub format: &'static str,
    pub width: u64,
    pub height: u64,
    /// Bytes a pixel as it is decoded.
    pub bytes_a_pixel: u64,
    pub size: FileSize,
    /// The most pixels that a byte of the format can become, where there is such a number.
    pub most_a_byte: Option<u64>,
    /// What is held for ten bytes of the pixels while they are decoded.
    pub held_for_ten: u64,
    /// Bytes held beside them: rows that are being made, a profile of colours.
    pub beside: u64,
}

impl Claim {
    /// Bytes of the pixels, or the refusal.
    pub fn check(&self) -> Result<u64, PictureFault> {
        let &Claim { format, width, height, bytes_a_pixel, size, most_a_byte, held_for_ten, .. } = self;
        let pixels = width.saturating_mul(height);
        if pixels == 0 {
            return Err(PictureFault::NoPixels { width, height });
        }
        if pixels > MOST_PIXELS {
            return Err(PictureFault::Pixels { width, height, most: MOST_PIXELS });
        }
        if most_a_byte.is_some_and(|most| pixels > most.saturating_mul(size.bytes)) {
            let reason = format!("its {} bytes are too few for {width} × {height} pixels", size.bytes);
            return Err(PictureFault::Truncated { format, reason });
        }
        let bytes = pixels * bytes_a_pixel;
        // Of what is free the file itself takes what is not on the disk.
        let free = FREE.saturating_sub(size.bytes.saturating_sub(size.packed));
        let most = size.most_unpacked(free * 10 / held_for_ten.max(10));
        match bytes <= most {
            true => Ok(bytes),
            false => Err(PictureFault::Claim { width, height, bytes, size: size.packed, most }),
        }
    }

    /// The most bytes that are unpacked of a file of this size.
    pub fn most(&self) -> u64 {
        self.size.most_unpacked(FREE)
    }

    /// What is held while it is decoded.
    pub fn held(&self) -> u64 {
        let pixels = self.width.saturating_mul(self.height).saturating_mul(self.bytes_a_pixel);
        (pixels / 10).saturating_mul(self.held_for_ten).saturating_add(self.beside)
    }

    /// Whether the file's size accounts for what is held: if not, it is first read to its end in less memory.
    pub fn is_accounted_for(&self) -> bool {
        self.held() <= self.size.room()
    }

    /// The refusal of what can be neither held nor read in less.
    pub fn refusal(&self) -> PictureFault {
        let &Claim { width, height, bytes_a_pixel, size, held_for_ten, .. } = self;
        let bytes = width.saturating_mul(height).saturating_mul(bytes_a_pixel);
        PictureFault::Claim { width, height, bytes, size: size.packed, most: size.room() / held_for_ten.max(1) * 10 }
    }
}
