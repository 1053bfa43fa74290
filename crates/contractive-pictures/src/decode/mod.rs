//! Bytes of a file to pixels: the format by content, the header before anything is given room, 8 bits a channel, alpha over
//! black, upright.

mod bmp;
mod check;
mod fault;
mod head;
mod jpeg;
mod opened;
mod png;
mod riff;
mod room;
mod samples;
mod tiff;
mod webp;

use std::io::{BufRead, Cursor, Seek};

use contractive_core::patches::PictureShape;
use contractive_table::contain;

use crate::error::PictureFault;
use crate::limits::FileSize;
use crate::picture::Picture;
pub(crate) use head::Head;
use opened::Opened;
pub(crate) use opened::is_picture;
pub(crate) use samples::{of_unit, over_black};

/// Reads the header of a file.
pub(crate) fn head<'a>(stream: impl BufRead + Seek + 'a, size: FileSize) -> Result<Head, PictureFault> {
    contained(|| Opened::new(stream, size)?.head())
}

/// Decodes a file of which there are `packed` bytes on the disk; `reserve` is told how many bytes that takes before they are taken.
pub(crate) fn decode(bytes: &[u8], packed: u64, reserve: &mut dyn FnMut(u64)) -> Result<Picture, PictureFault> {
    let size = FileSize { bytes: bytes.len() as u64, packed };
    contained(|| Opened::new(Cursor::new(bytes), size)?.decode(bytes, reserve))
}

fn contained<T>(decode: impl FnOnce() -> Result<T, PictureFault>) -> Result<T, PictureFault> {
    let gave_up = |reason| PictureFault::Damaged { format: "", reason: format!("its decoder gave up ({reason})") };
    contain(decode).map_err(gave_up)?
}

/// One channel of three: luma, 0.299 R + 0.587 G + 0.114 B, rounded (as Pillow rounds it).
pub(crate) fn grey(picture: Picture) -> Picture {
    if picture.shape.channels == 1 {
        return picture;
    }
    let luma = |p: &[u8]| (19595 * u32::from(p[0]) + 38470 * u32::from(p[1]) + 7471 * u32::from(p[2]) + 0x8000) >> 16;
    let pixels = picture.pixels.chunks_exact(3).map(|pixel| luma(pixel) as u8).collect();
    Picture { shape: PictureShape { channels: 1, ..picture.shape }, pixels }
}

/// Three channels of one.
pub(crate) fn rgb(picture: Picture) -> Picture {
    if picture.shape.channels == 3 {
        return picture;
    }
    let pixels = picture.pixels.iter().flat_map(|&value| [value; 3]).collect();
    Picture { shape: PictureShape { channels: 3, ..picture.shape }, pixels }
}

/// How far the channels of a pixel that is grey may lie apart: what a JPEG makes of grey.
const GREY: u8 = 8;

/// Whether a pixel's channels differ by more than rounding makes them.
pub(crate) fn has_colour(picture: &Picture) -> bool {
    let is_coloured = |p: &[u8]| p[0].max(p[1]).max(p[2]) - p[0].min(p[1]).min(p[2]) > GREY;
    picture.shape.channels == 3 && picture.pixels.chunks_exact(3).any(is_coloured)
}
