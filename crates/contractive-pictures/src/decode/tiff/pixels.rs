//! Strips and tiles that are read one by one: those that are JPEG, of which the decoder of TIFF takes damaged ones for sound, and those with
//! channels that are left out, of which it lays tiles over their neighbours and adds up the wrong differences.

use super::super::samples;
use super::chunks::Chunks;
use super::fault::{FORMAT, damaged, fault, unsupported};
use super::kind::Kind;
use super::part::{Part, Place};
use crate::decode::room::room;
use crate::error::PictureFault;

/// The pixels of all strips or tiles, in `n` bytes.
pub(super) fn assembled(chunks: &mut Chunks<'_>, kind: &Kind, n: u64) -> Result<Vec<u8>, PictureFault> {
    if kind.is_cmyk && (chunks.is_planar || kind.channels != 4) {
        return Err(unsupported("CMYK whose channels lie apart, or with alpha".into()));
    }
    let mut raw = room(n)?;
    let picture = chunks.picture().map_err(fault)?;
    let mut decoder = chunks.decoder(kind.has_differences).map_err(fault)?;
    for i in 0..chunks.places.len() {
        let Some(place) = chunks.place(i, picture, kind) else { continue };
        let mut part = match chunks.is_jpeg() {
            true => chunks.jpeg(i)?,
            false => chunks.part(&mut decoder, i, kind).map_err(fault)?,
        };
        if kind.has_differences {
            add_up(&mut part, kind);
        }
        lay(&part, place, kind, picture.0 as usize, &mut raw)?;
    }
    if kind.is_inverted {
        raw.iter_mut().for_each(|byte| *byte = 255 - *byte);
    }
    Ok(raw)
}

/// Decodes one after the other, without a picture to lay them in.
pub(super) fn check_each(chunks: &mut Chunks<'_>, is_float: bool) -> Result<(), PictureFault> {
    let mut pixels = vec![0; chunks.largest().map_err(fault)? as usize];
    for i in 0..chunks.places.len() {
        if chunks.is_jpeg() {
            chunks.jpeg(i)?;
            continue;
        }
        let n = chunks.decoder.image_chunk_buffer_layout(i as u32).map_err(fault)?.len;
        chunks.decoder.read_chunk_bytes(i as u32, &mut pixels[..n]).map_err(fault)?;
        let outside = if is_float { samples::first_outside(&pixels[..n]) } else { None };
        if let Some(value) = outside {
            return Err(samples::outside(FORMAT, value));
        }
    }
    Ok(())
}

/// Sums of differences, along each row.
fn add_up(part: &mut Part, kind: &Kind) {
    for row in part.bytes.chunks_exact_mut(part.row) {
        if kind.bytes_a_sample() == 1 {
            for i in part.pixel..row.len() {
                row[i] = row[i].wrapping_add(row[i - part.pixel]);
            }
            continue;
        }
        let at = |row: &[u8], i: usize| u16::from_ne_bytes([row[i], row[i + 1]]);
        for i in (part.pixel..row.len() - 1).step_by(2) {
            let sum = at(row, i).wrapping_add(at(row, i - part.pixel));
            row[i..i + 2].copy_from_slice(&sum.to_ne_bytes());
        }
    }
}

/// Copies a part to its place in pixels of this colour.
fn lay(part: &Part, place: Place, kind: &Kind, width: usize, raw: &mut [u8]) -> Result<(), PictureFault> {
    let (pixel, sample) = (usize::from(kind.colour.bytes_per_pixel()), kind.bytes_a_sample());
    let taken = if place.plane.is_some() { sample } else { kind.channels * sample };
    let from = place.plane.unwrap_or(0) * sample;
    for y in 0..place.height {
        let row = part.bytes.get(y * part.row..(y + 1) * part.row);
        let row = row.ok_or_else(|| damaged("a strip or tile has fewer rows than it must have".into()))?;
        let to = &mut raw[((place.top + y) * width + place.left) * pixel..][..place.width * pixel];
        if taken == pixel && part.pixel == pixel && !kind.is_cmyk {
            to.copy_from_slice(&row[..to.len()]);
            continue;
        }
        for (to, from_pixel) in to.chunks_exact_mut(pixel).zip(row.chunks_exact(part.pixel)) {
            match kind.is_cmyk {
                true => to.copy_from_slice(&rgb(from_pixel)),
                false => to[from..from + taken].copy_from_slice(&from_pixel[..taken]),
            }
        }
    }
    Ok(())
}

/// Red, green and blue of cyan, magenta, yellow and black, as `image` makes them of what is not JPEG.
fn rgb(cmyk: &[u8]) -> [u8; 3] {
    let black = 1.0 - f32::from(cmyk[3]) / 255.0;
    [0, 1, 2].map(|c| ((255.0 - f32::from(cmyk[c])) * black) as u8)
}
