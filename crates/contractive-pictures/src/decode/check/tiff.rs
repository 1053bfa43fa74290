//! TIFF: strip by strip, or tile by tile. A strip that is too large by itself is decoded without being held: [`strip`].

use std::io::{Cursor, ErrorKind};

use image::ColorType;
use tiff::decoder::{ChunkType, Decoder, Limits};
use tiff::tags::{CompressionMethod, Tag};
use tiff::{TiffError, TiffResult};

use super::super::{jpeg, samples};
use super::strip;
use crate::error::PictureFault;
use crate::limits::{BESIDE, Claim, DECODING};

const FORMAT: &str = "TIFF";
/// JPEG has blocks of so many pixels a side, and a strip or tile ends within one.
const BLOCK: u64 = 16;

/// What a strip or tile takes by itself is in proportion to the picture, and, where the size does not account for all pixels, each is sound.
pub(super) fn check(all: &[u8], claim: &Claim) -> Result<(), PictureFault> {
    let mut chunks = Chunks::of(all, limits(claim)).map_err(fault)?;
    let row = chunks.row().map_err(fault)?;
    if row > BESIDE {
        return Err(damaged(format!("a row of its strips or tiles has {row} bytes")));
    }
    // Strips may be wider than the picture, and lie on one another: what is unpacked is as much as any picture of this size has.
    let (unpacked, most) = (chunks.unpacked(row).map_err(fault)?, claim.most());
    if unpacked > most {
        return Err(damaged(format!(
            "its strips or tiles have {unpacked} bytes, and in a file of its size at most {most}"
        )));
    }
    let unpacking = if chunks.method == CompressionMethod::ModernJPEG { chunks.most_of_jpeg()? } else { 0 };
    let room = claim.size.room().saturating_sub(row + unpacking);
    if claim.held() <= room {
        return Ok(());
    }
    let is_float = claim.bytes_a_pixel >= ColorType::Rgb32F.bytes_per_pixel().into();
    if chunks.largest().map_err(fault)? <= room {
        return chunks.each(is_float);
    }
    if is_float
        || chunks.is_tiled
        || !strip::is_unpacked(chunks.method)
        || !chunks.has_known_predictor().map_err(fault)?
    {
        return Err(claim.refusal());
    }
    chunks.unpack(row).map_err(fault)
}

/// The strips or tiles of a file.
struct Chunks<'a> {
    all: &'a [u8],
    decoder: Decoder<Cursor<&'a [u8]>>,
    is_tiled: bool,
    /// Whether each channel has strips or tiles of its own.
    is_planar: bool,
    method: CompressionMethod,
    /// Where each begins, and how many bytes of the file it has.
    places: Vec<(u64, u64)>,
    /// Width and height of a whole one.
    width: u64,
    height: u64,
}

impl<'a> Chunks<'a> {
    fn of(all: &'a [u8], limits: Limits) -> TiffResult<Self> {
        let mut decoder = Decoder::new(Cursor::new(all))?.with_limits(limits);
        let is_tiled = decoder.get_chunk_type() == ChunkType::Tile;
        let (offsets, sizes) = match is_tiled {
            true => (Tag::TileOffsets, Tag::TileByteCounts),
            false => (Tag::StripOffsets, Tag::StripByteCounts),
        };
        let offsets = decoder.get_tag_u64_vec(offsets)?;
        let sizes = decoder.get_tag_u64_vec(sizes)?;
        let method = decoder.find_tag_unsigned::<u16>(Tag::Compression)?;
        let method = method.map_or(CompressionMethod::None, CompressionMethod::from_u16_exhaustive);
        let is_planar = decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration)?.is_some_and(|order| order != 1);
        let (width, height) = decoder.chunk_dimensions();
        let places = offsets.into_iter().zip(sizes).collect();
        Ok(Chunks { all, decoder, is_tiled, is_planar, method, places, width: width.into(), height: height.into() })
    }

    /// Bytes of a row of a strip or tile, channels that are left out and pixels beyond the picture among them.
    fn row(&mut self) -> TiffResult<u64> {
        let channels = self.decoder.find_tag_unsigned::<u16>(Tag::SamplesPerPixel)?.unwrap_or(1);
        let channels = if self.is_planar { 1 } else { channels };
        Ok((self.width * self.bits()?).saturating_mul(channels.into()).div_ceil(8))
    }

    /// Bytes of all of them, of so many bytes a row.
    fn unpacked(&mut self, row: u64) -> TiffResult<u64> {
        let heights = (0..self.places.len() as u32).map(|i| u64::from(self.decoder.chunk_data_dimensions(i).1));
        Ok(heights.fold(0, |sum: u64, height| sum.saturating_add(row.saturating_mul(height))))
    }

    /// Bits of each channel of a pixel.
    fn bits(&mut self) -> TiffResult<u64> {
        let bits = self.decoder.find_tag_unsigned_vec::<u8>(Tag::BitsPerSample)?;
        Ok(bits.and_then(|bits| bits.first().copied()).unwrap_or(1).into())
    }

    /// Whether the decoder knows what integers are the differences of: of nothing, or of whole bytes.
    fn has_known_predictor(&mut self) -> TiffResult<bool> {
        Ok(match self.decoder.find_tag_unsigned::<u16>(Tag::Predictor)?.unwrap_or(1) {
            1 => true,
            2 => self.bits()? >= 8,
            _ => false,
        })
    }

    /// The most bytes that the pixels of one have.
    fn largest(&mut self) -> TiffResult<u64> {
        let mut sizes =
            (0..self.places.len() as u32).map(|i| Ok(self.decoder.image_chunk_buffer_layout(i)?.len as u64));
        sizes.try_fold(0, |most, size: TiffResult<u64>| Ok(most.max(size?)))
    }

    /// Decodes one after the other.
    fn each(&mut self, is_float: bool) -> Result<(), PictureFault> {
        let mut pixels = vec![0; self.largest().map_err(fault)? as usize];
        for i in 0..self.places.len() as u32 {
            let n = self.decoder.image_chunk_buffer_layout(i).map_err(fault)?.len;
            self.decoder.read_chunk_bytes(i, &mut pixels[..n]).map_err(fault)?;
            let outside = if is_float { samples::first_outside(&pixels[..n]) } else { None };
            if let Some(value) = outside {
                return Err(samples::outside(FORMAT, value));
            }
        }
        Ok(())
    }

    /// Unpacks strips of so many bytes a row one after the other.
    fn unpack(&mut self, row: u64) -> TiffResult<()> {
        for (i, &(at, n)) in self.places.iter().enumerate() {
            let rest = self.all.get(at as usize..).unwrap_or_default();
            let height = self.decoder.chunk_data_dimensions(i as u32).1;
            strip::unpack(self.method, rest, n as usize, row * u64::from(height))?;
        }
        Ok(())
    }

    /// What unpacking takes, at most, of those that are JPEG: each is a file by itself, whose header may lie as well.
    fn most_of_jpeg(&mut self) -> Result<u64, PictureFault> {
        let tables = self.decoder.get_tag_u8_vec(Tag::JPEGTables).ok();
        if self.places.iter().map(|&(_, n)| n).fold(0, u64::saturating_add) > self.all.len() as u64 {
            return Err(damaged("its strips or tiles lie over one another".into()));
        }
        let height = if self.is_tiled { self.height } else { self.height.min(self.picture_height()?) };
        let pixels = self.width.next_multiple_of(BLOCK) * height.next_multiple_of(BLOCK);
        let mut most = 0;
        for &(at, n) in &self.places {
            let here = self.all.get(at as usize..).unwrap_or_default();
            let here = &here[..here.len().min(n as usize)];
            // As `tiff` puts them together: tables without their end, a strip without its beginning.
            let file = match &tables {
                Some(tables) => [&tables[..tables.len().saturating_sub(2)], here.get(2..).unwrap_or_default()].concat(),
                None => here.to_vec(),
            };
            let head = jpeg::head(Cursor::new(&file))?;
            if head.width as u64 * head.height as u64 > pixels {
                return Err(damaged(format!("a strip or tile is a JPEG of {} × {} pixels", head.width, head.height)));
            }
            // As many coefficients of two bytes as samples, some more at the edges.
            let of_a_sample = if jpeg::has_coefficients(&file, &head) { 4 } else { 2 };
            most = most.max(file.len() as u64 + pixels * u64::from(head.components) * of_a_sample);
        }
        Ok(most)
    }

    fn picture_height(&mut self) -> Result<u64, PictureFault> {
        Ok(self.decoder.dimensions().map_err(fault)?.1.into())
    }
}

/// What is decoded is bounded here; no strip or tile is longer than the decoder of the pixels takes it.
fn limits(claim: &Claim) -> Limits {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::MAX;
    let pixels = claim.width * claim.height * claim.bytes_a_pixel;
    limits.intermediate_buffer_size = (pixels * (DECODING - 1) + BESIDE + claim.size.bytes) as usize;
    limits
}

fn damaged(reason: String) -> PictureFault {
    PictureFault::Damaged { format: FORMAT, reason }
}

fn fault(error: TiffError) -> PictureFault {
    match error {
        TiffError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
            PictureFault::Truncated { format: FORMAT, reason: "its bytes end before its pixels do".into() }
        }
        TiffError::UnsupportedError(e) => PictureFault::Unsupported { format: FORMAT, reason: e.to_string() },
        other => damaged(other.to_string()),
    }
}

/// The check of strips that are too large to be held, of such as are not.
#[cfg(test)]
pub(in super::super) fn unpacked(all: &[u8]) -> TiffResult<()> {
    let mut chunks = Chunks::of(all, Limits::default())?;
    let row = chunks.row()?;
    chunks.unpack(row)
}
