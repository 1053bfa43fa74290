//! A picture's file whose header was read.

use std::io::{BufRead, Seek, SeekFrom};

use contractive_core::patches::PictureShape;
use image::codecs::{bmp::BmpDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ExtendedColorType, GrayImage, ImageDecoder, ImageFormat, Limits, RgbImage};

use super::check::check;
use super::fault::fault;
use super::head::Head;
use super::jpeg::{self, JpegHead};
use super::room::room;
use super::tiff::{self, Directory, Kind};
use super::{bmp, png, riff, samples, webp};
use crate::error::{PictureFault, beginning};
use crate::limits::{BESIDE, Claim, DECODING, FileSize};
use crate::picture::Picture;

/// The most bytes that a byte of deflate becomes.
const DEFLATE: u64 = 1032;
/// The most pixels that a byte of a BMP becomes.
const RUNS: u64 = 128;
/// Rows that decoders hold beside the pixels.
const ROWS: u64 = 4;
/// Bytes by which formats are told, and by which a BMP is known to be cut off.
const MAGIC: usize = bmp::HEAD;

/// A file whose header was read and found to be in proportion.
pub(super) struct Opened<'a> {
    claim: Claim,
    colour: ColorType,
    orientation: Orientation,
    bytes: u64,
    decoder: Decoder<'a>,
}

/// What makes pixels of a file.
enum Decoder<'a> {
    /// Of JPEG and TIFF, from all bytes at once.
    Jpeg(JpegHead),
    Tiff(Kind),
    Image(ImageFormat, Box<dyn ImageDecoder + 'a>),
}

impl<'a> Opened<'a> {
    pub fn new(mut stream: impl BufRead + Seek + 'a, size: FileSize) -> Result<Self, PictureFault> {
        let (mut first, mut got) = ([0; MAGIC], 0);
        while got < MAGIC {
            match stream.read(&mut first[got..]) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        stream.seek(SeekFrom::Start(0))?;
        let format = format_of(&first[..got])?;
        match format {
            ImageFormat::Jpeg => return Opened::with_jpeg(jpeg::head(stream)?, size),
            ImageFormat::Tiff => return Opened::with_tiff(stream, size),
            ImageFormat::Png => png::check_chunks(&mut stream)?,
            ImageFormat::WebP => riff::check_chunks(&mut stream, size.bytes)?,
            ImageFormat::Bmp => bmp::check_size(&first[..got], size)?,
            _ => {}
        }
        stream.seek(SeekFrom::Start(0))?;
        Opened::with_image(stream, format, size, &first)
    }

    fn with_jpeg(head: JpegHead, size: FileSize) -> Result<Self, PictureFault> {
        let (width, height) = (head.width as u64, head.height as u64);
        let bytes_a_pixel = head.colour.bytes_per_pixel().into();
        let most_a_byte = Some(jpeg::PIXELS_A_BYTE);
        let held_for_ten = if head.is_progressive { jpeg::WITH_COEFFICIENTS } else { 10 };
        // What is beside them is known from all bytes.
        let beside = 0;
        let claim =
            Claim { format: jpeg::FORMAT, width, height, bytes_a_pixel, size, most_a_byte, held_for_ten, beside };
        let bytes = claim.check()?;
        let (colour, orientation) = (head.colour, head.orientation);
        Ok(Opened { claim, colour, orientation, bytes, decoder: Decoder::Jpeg(head) })
    }

    fn with_tiff(mut stream: impl BufRead + Seek, size: FileSize) -> Result<Self, PictureFault> {
        Directory::read(&mut stream)?.check()?;
        stream.seek(SeekFrom::Start(0))?;
        let mut decoder = TiffDecoder::new(&mut stream).map_err(|e| fault(tiff::FORMAT, e))?;
        let ((width, height), colour) = (decoder.dimensions(), decoder.color_type());
        let original = decoder.original_color_type();
        // A broken note on orientation does not make a broken picture.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        drop(decoder);
        stream.seek(SeekFrom::Start(0))?;
        let kind = Kind::of(&mut stream, colour)?;
        let (width, height) = (width.into(), height.into());
        let bytes_a_pixel = u64::from(colour.bytes_per_pixel());
        // It is decoded into pixels of its own.
        let held_for_ten = match original {
            ExtendedColorType::L1 => 12,
            ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16 => 24,
            _ => 20,
        };
        let beside = ROWS * bytes_a_pixel * width;
        let most_a_byte = None;
        let claim =
            Claim { format: tiff::FORMAT, width, height, bytes_a_pixel, size, most_a_byte, held_for_ten, beside };
        let bytes = claim.check()?;
        Ok(Opened { claim, colour, orientation, bytes, decoder: Decoder::Tiff(kind) })
    }

    fn with_image(
        stream: impl BufRead + Seek + 'a,
        format: ImageFormat,
        size: FileSize,
        first: &[u8; MAGIC],
    ) -> Result<Self, PictureFault> {
        let name = name_of(format);
        let fault = |e| fault(name, e);
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(BESIDE);
        let mut is_animated = false;
        let mut decoder: Box<dyn ImageDecoder + 'a> = match format {
            ImageFormat::Png => Box::new(PngDecoder::with_limits(stream, limits.clone()).map_err(fault)?),
            ImageFormat::WebP => {
                let decoder = WebPDecoder::new(stream).map_err(fault)?;
                is_animated = decoder.has_animation();
                Box::new(decoder)
            }
            _ => Box::new(BmpDecoder::new(stream).map_err(fault)?),
        };
        let ((width, height), colour) = (decoder.dimensions(), decoder.color_type());
        let most_a_byte = match format {
            ImageFormat::Png => Some(8 * DEFLATE / bits_of_png(first)),
            ImageFormat::Bmp => Some(RUNS),
            _ => None,
        };
        // WebP has planes of colour, and alpha in a picture by itself.
        let held_for_ten = match format {
            ImageFormat::Png | ImageFormat::Bmp => 10,
            _ if is_animated => 40,
            _ => 28,
        };
        let bytes_a_pixel = u64::from(colour.bytes_per_pixel());
        let (width, height) = (width.into(), height.into());
        // Of PNG it is unpacked with the header, and stays.
        let profile = if format == ImageFormat::Png { decoder.icc_profile().ok().flatten() } else { None };
        let beside = ROWS * bytes_a_pixel * width + profile.map_or(0, |profile| profile.len() as u64);
        let claim = Claim { format: name, width, height, bytes_a_pixel, size, most_a_byte, held_for_ten, beside };
        let bytes = claim.check()?;
        // A broken note on orientation does not make a broken picture.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        Ok(Opened { claim, colour, orientation, bytes, decoder: Decoder::Image(format, decoder) })
    }

    /// What the header says.
    pub fn head(&self) -> Result<Head, PictureFault> {
        let (width, height) = self.sides();
        let (width, height) = if is_turned(self.orientation) { (height, width) } else { (width, height) };
        Ok(Head { width, height, is_grey: !self.colour.has_color(), bytes: self.bytes })
    }

    /// Width and height as the file has them.
    fn sides(&self) -> (usize, usize) {
        (self.claim.width as usize, self.claim.height as usize)
    }

    /// The pixels; `all` are the bytes of the file.
    pub fn decode(self, all: &[u8], reserve: &mut dyn FnMut(u64)) -> Result<Picture, PictureFault> {
        reserve(self.bytes.saturating_mul(DECODING));
        let (format, (width, height)) = (self.claim.format, self.sides());
        let is_over_black = matches!(self.decoder, Decoder::Tiff(kind) if kind.is_associated);
        let raw = match self.decoder {
            Decoder::Jpeg(head) => jpeg::decode(all, &head, &self.claim, self.bytes as usize)?,
            Decoder::Tiff(kind) => tiff::decode(all, &self.claim, &kind, self.bytes)?,
            Decoder::Image(kind, decoder) => {
                check(all, kind, &self.claim)?;
                let mut raw = room(self.bytes)?;
                decoder.read_image_boxed(&mut raw).map_err(|e| fault(format, e))?;
                raw
            }
        };
        let (channels, pixels) =
            samples::bytes(raw, self.colour, is_over_black).map_err(|value| samples::outside(format, value))?;
        let shape = PictureShape { height, width, channels };
        upright(Picture { shape, pixels }, self.orientation)
    }
}

/// Bits a pixel of a PNG as its header says, whose decoder tells those of what it makes of a palette and of few levels.
fn bits_of_png(first: &[u8; MAGIC]) -> u64 {
    let channels = match first[25] {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    u64::from(first[24]).max(1) * channels
}

fn is_turned(orientation: Orientation) -> bool {
    use Orientation::*;
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

fn upright(picture: Picture, orientation: Orientation) -> Result<Picture, PictureFault> {
    if orientation == Orientation::NoTransforms {
        return Ok(picture);
    }
    let PictureShape { height, width, channels } = picture.shape;
    let (w, h, pixels) = (width as u32, height as u32, picture.pixels);
    let image = match channels {
        1 => GrayImage::from_raw(w, h, pixels).map(DynamicImage::ImageLuma8),
        _ => RgbImage::from_raw(w, h, pixels).map(DynamicImage::ImageRgb8),
    };
    let mut image = image.ok_or(PictureFault::NoPixels { width: width as u64, height: height as u64 })?;
    image.apply_orientation(orientation);
    let shape = PictureShape { height: image.height() as usize, width: image.width() as usize, channels };
    Ok(Picture { shape, pixels: image.into_bytes() })
}

/// Whether a file of these first bytes is a picture.
pub(crate) fn is_picture(first: &[u8]) -> bool {
    format_of(&first[..first.len().min(MAGIC)]).is_ok()
}

/// The format that the first bytes are of.
fn format_of(first: &[u8]) -> Result<ImageFormat, PictureFault> {
    if first.is_empty() {
        return Err(PictureFault::Empty);
    }
    match image::guess_format(first) {
        Ok(
            format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP | ImageFormat::Tiff | ImageFormat::Bmp),
        ) => Ok(format),
        Ok(other) => Err(PictureFault::Format { format: name_of(other) }),
        Err(_) => match first.get(4..12) {
            Some(brand) if brand.starts_with(b"ftyphei") || brand.starts_with(b"ftypmif") => {
                Err(PictureFault::Format { format: "HEIF" })
            }
            _ if first.starts_with(b"II+\0") || first.starts_with(b"MM\0+") => {
                Err(PictureFault::Format { format: "BigTIFF" })
            }
            Some(b"jP  \r\n\x87\n") => Err(PictureFault::Format { format: "JPEG 2000" }),
            Some(b"JXL \r\n\x87\n") => Err(PictureFault::Format { format: "JPEG XL" }),
            _ => Err(PictureFault::NotAPicture { begins: beginning(first) }),
        },
    }
}

fn name_of(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => jpeg::FORMAT,
        ImageFormat::WebP => webp::FORMAT,
        ImageFormat::Tiff => tiff::FORMAT,
        ImageFormat::Bmp => "BMP",
        ImageFormat::Gif => "GIF",
        ImageFormat::Avif => "AVIF",
        ImageFormat::Pnm => "PNM",
        ImageFormat::Ico => "ICO",
        ImageFormat::Dds => "DDS",
        ImageFormat::Hdr => "Radiance HDR",
        ImageFormat::OpenExr => "OpenEXR",
        ImageFormat::Farbfeld => "farbfeld",
        ImageFormat::Qoi => "QOI",
        _ => "other",
    }
}

#[cfg(test)]
mod tests;
