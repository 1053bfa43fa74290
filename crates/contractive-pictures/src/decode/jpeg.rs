//! JPEG, by `zune-jpeg` itself: `image`, which uses it too, takes a file that is cut off for a picture with a grey end.

mod markers;
mod scans;

use std::io::{BufRead, Seek, SeekFrom};

use image::ColorType;
use image::metadata::Orientation;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

pub(super) use self::markers::FORMAT;
use self::markers::{END, SCAN, frame};
use super::room::room;
use crate::error::PictureFault;
use crate::limits::Claim;

/// The most pixels that a byte becomes: a block of 64 takes a bit at least.
pub(super) const PIXELS_A_BYTE: u64 = 512;
/// What `zune-jpeg` says, when it is strict, of bytes between segments, which cameras leave there and which do no harm.
const HARMLESS: &str = "Extra bytes between headers";
/// Far more than the notes of a picture need, of up to 64 kB each.
const MOST_SEGMENTS: usize = 4096;

/// What is held for ten bytes of the pixels where all coefficients are there first: two bytes for each sample.
pub(super) const WITH_COEFFICIENTS: u64 = 30;

/// What the header says.
#[derive(Debug, Clone, Copy)]
pub(super) struct JpegHead {
    pub width: usize,
    pub height: usize,
    pub colour: ColorType,
    /// Whether its coefficients are all held before there are pixels.
    pub is_progressive: bool,
    pub orientation: Orientation,
    /// Channels of the frame, or of what a note of Adobe's says that it has.
    pub components: u8,
    /// The channels as the file has them.
    space: Option<ColorSpace>,
}

/// Reads the segments before the pixels.
pub(super) fn head(mut stream: impl BufRead + Seek) -> Result<JpegHead, PictureFault> {
    check_segments(&mut stream)?;
    let mut decoder = JpegDecoder::new_with_options(stream, options(false));
    decoder.decode_headers().map_err(fault)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let space = decoder.input_colorspace();
    let colour = match space {
        Some(ColorSpace::Luma) => ColorType::L8,
        _ => ColorType::Rgb8,
    };
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let info = decoder.info();
    Ok(JpegHead {
        width,
        height,
        colour,
        is_progressive: info.as_ref().is_some_and(|info| info.sof.is_progressive()),
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        components: info.map_or(0, |info| info.components).max(space.map_or(0, |space| space.num_components() as u8)),
        space,
    })
}

/// That there are no more segments before the pixels than any picture has: the decoder sorts the notes among them after each.
fn check_segments(stream: &mut (impl BufRead + Seek)) -> Result<(), PictureFault> {
    stream.seek(SeekFrom::Start(2))?;
    for _ in 0..MOST_SEGMENTS {
        let (Some(marker), Some(high), Some(low)) = (next_marker(stream), next(stream), next(stream)) else {
            return Ok(stream.seek(SeekFrom::Start(0)).map(drop)?);
        };
        let length = i64::from(u16::from_be_bytes([high, low]));
        // What is none the decoder refuses.
        if matches!(marker, SCAN | END) || length < 2 {
            return Ok(stream.seek(SeekFrom::Start(0)).map(drop)?);
        }
        stream.seek_relative(length - 2)?;
    }
    let reason = format!("it has more than {MOST_SEGMENTS} segments before its pixels");
    Err(PictureFault::Damaged { format: FORMAT, reason })
}

/// The next marker before the first scan: what follows FF, fill bytes and zeros left out.
fn next_marker(stream: &mut impl BufRead) -> Option<u8> {
    while next(stream)? != 0xff {}
    loop {
        let byte = next(stream)?;
        if byte != 0xff && byte != 0 {
            return Some(byte);
        }
    }
}

fn next(stream: &mut impl BufRead) -> Option<u8> {
    let mut byte = [0];
    stream.read_exact(&mut byte).ok().map(|()| byte[0])
}

/// The pixels, as the head says, in `n` bytes.
pub(super) fn decode(all: &[u8], head: &JpegHead, claim: &Claim, n: usize) -> Result<Vec<u8>, PictureFault> {
    check_whole(all, head)?;
    let space = if head.colour == ColorType::L8 { ColorSpace::Luma } else { ColorSpace::RGB };
    match check(all, head, claim)? {
        // Damage that the check does not find, in the colours of the last block, is no reason to refuse it once there is room for it.
        true => decoded(all, space, n, false).map_err(fault),
        false => decoded_strictly(all, space, n),
    }
}

/// The channels as the file has them, side by side, of a file that is sound to its end.
pub(super) fn channels(all: &[u8], head: &JpegHead) -> Result<Vec<u8>, PictureFault> {
    check_whole(all, head)?;
    let space = head.space.unwrap_or(ColorSpace::YCbCr);
    decoded_strictly(all, space, head.width * head.height * space.num_components())
}

/// That it is whole, and that its scans are what the decoder reads.
pub(super) fn check_whole(all: &[u8], head: &JpegHead) -> Result<(), PictureFault> {
    scans::check(all, head.is_progressive)
}

/// Decodes its luma alone, in a third of the memory, where its size does not account for the pixels: the codes of all channels are
/// gone through for it. Whether it did; nothing is checked of a progressive one, whose coefficients are what takes the memory.
fn check(all: &[u8], head: &JpegHead, claim: &Claim) -> Result<bool, PictureFault> {
    let of_a_channel = rows_of_blocks(all) * claim.width;
    let claim = Claim { beside: of_a_channel * u64::from(head.components), ..*claim };
    if head.is_progressive || claim.is_accounted_for() {
        return Ok(false);
    }
    let luma = Claim { bytes_a_pixel: 1, held_for_ten: 10, beside: of_a_channel, ..claim };
    // The first channel is a grey picture by itself.
    let has_luma = matches!(head.space, Some(ColorSpace::Luma | ColorSpace::YCbCr));
    if !has_luma || !luma.is_accounted_for() {
        return Err(claim.refusal());
    }
    decoded_strictly(all, ColorSpace::Luma, head.width * head.height)?;
    Ok(true)
}

/// Bytes that a channel of a baseline file has for each pixel of a row: of blocks as they are decoded, and as they are brought to the
/// picture's size, each of eight rows, or of as many more as there are blocks one above the other, of two bytes.
fn rows_of_blocks(all: &[u8]) -> u64 {
    let channels = frame(all).get(1..).unwrap_or_default();
    let above = channels.chunks_exact(3).take(4).map(|channel| u64::from(channel[1] & 15)).max();
    32 * above.unwrap_or(1).clamp(1, 4)
}

fn decoded_strictly(all: &[u8], space: ColorSpace, n: usize) -> Result<Vec<u8>, PictureFault> {
    match decoded(all, space, n, true) {
        Err(e) if e.to_string().contains(HARMLESS) => decoded(all, space, n, false).map_err(fault),
        other => other.map_err(fault),
    }
}

fn decoded(all: &[u8], space: ColorSpace, n: usize, is_strict: bool) -> Result<Vec<u8>, DecodeErrors> {
    let mut pixels = room(n as u64).map_err(|_| DecodeErrors::FormatStatic("there is no memory for its pixels"))?;
    let options = options(is_strict).jpeg_set_out_colorspace(space);
    JpegDecoder::new_with_options(ZCursor::new(all), options).decode_into(&mut pixels)?;
    Ok(pixels)
}

fn options(is_strict: bool) -> DecoderOptions {
    // The size is judged by this crate's own limits.
    DecoderOptions::default().set_strict_mode(is_strict).set_max_width(usize::MAX).set_max_height(usize::MAX)
}

fn fault(error: DecodeErrors) -> PictureFault {
    let reason = error.to_string();
    match error {
        DecodeErrors::Unsupported(_) => PictureFault::Unsupported { format: FORMAT, reason },
        DecodeErrors::ExhaustedData => {
            PictureFault::Truncated { format: FORMAT, reason: "its bytes end before its pixels do".into() }
        }
        _ => PictureFault::Damaged { format: FORMAT, reason },
    }
}
