//! What the tags of a TIFF say of its channels beyond what `image` tells.

use std::io::{Read, Seek};

use image::ColorType;
use tiff::decoder::{ChunkType, Decoder};
use tiff::tags::{CompressionMethod, PhotometricInterpretation, Predictor, Tag};

use super::fault::{fault, unsupported};
use crate::error::PictureFault;

/// The `ExtraSamples` of alpha by which colours are multiplied already.
const ASSOCIATED: u16 = 1;

/// Of the first picture of a file.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Kind {
    pub colour: ColorType,
    /// Whether the colours lie over black already, however opaque they are.
    pub is_associated: bool,
    /// Colours, and alpha; channels of no known meaning follow.
    pub channels: usize,
    /// Whether the channels are those of print.
    pub is_cmyk: bool,
    /// Whether white is zero.
    pub is_inverted: bool,
    /// Whether there are differences from the pixel before, of channels some of which are left out: the decoder leaves these out first, and
    /// adds up as though they were there.
    pub has_differences: bool,
    /// Whether strips or tiles are read one by one, and laid side by side here.
    pub is_assembled: bool,
    /// Whether the bytes of strips or tiles have their bits from the last to the first, as fax and scanners send them.
    pub is_reversed: bool,
}

impl Kind {
    /// Of a file that `image` takes for one of this colour.
    pub fn of(stream: impl Read + Seek, colour: ColorType) -> Result<Self, PictureFault> {
        let mut decoder = Decoder::new(stream).map_err(fault)?;
        let channels = decoder.colortype().map_err(fault)?.num_samples();
        let photometric = decoder.find_tag_unsigned::<u16>(Tag::PhotometricInterpretation).map_err(fault)?;
        let is = |kind: PhotometricInterpretation| photometric == Some(kind.to_u16());
        let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).map_err(fault)?.unwrap_or_default();
        let has_floats = matches!(colour, ColorType::Rgb32F | ColorType::Rgba32F);
        if has_floats && decoder.find_tag(Tag::SampleFormat).map_err(fault)?.is_none() {
            return Err(unsupported("integers must have 8 or 16 bits, and floats 32; its integers have 32".into()));
        }
        let mut kind = Kind {
            colour,
            is_associated: colour.has_alpha() && extra.first() == Some(&ASSOCIATED),
            channels: channels.into(),
            is_cmyk: is(PhotometricInterpretation::CMYK),
            is_inverted: is(PhotometricInterpretation::WhiteIsZero),
            has_differences: false,
            is_assembled: false,
            is_reversed: false,
        };
        kind.find_packing(&mut decoder)?;
        kind.find_order(&mut decoder)?;
        Ok(kind)
    }

    /// What was done to the bytes of strips: neither order of bits nor differences are the decoder's to judge.
    fn find_packing(&mut self, decoder: &mut Decoder<impl Read + Seek>) -> Result<(), PictureFault> {
        use CompressionMethod::{Fax4, ModernJPEG, None, PackBits};
        let mut number = |tag| decoder.find_tag_unsigned::<u16>(tag).map_err(fault).map(|found| found.unwrap_or(1));
        let (order, predictor) = (number(Tag::FillOrder)?, number(Tag::Predictor)?);
        let method = CompressionMethod::from_u16_exhaustive(number(Tag::Compression)?);
        self.is_reversed = match (order, method) {
            // JPEG has one order.
            (1, _) | (2, ModernJPEG) => false,
            (2, None | Fax4) => true,
            _ => return Err(unsupported(format!("fill order {order} of strips that are packed ({method:?})"))),
        };
        if predictor != 1 && matches!(method, None | PackBits | Fax4) {
            return Err(unsupported(format!(
                "predictor {predictor} of strips that are not packed by LZW or deflate, which programs read in two ways"
            )));
        }
        Ok(())
    }

    /// How what is left out lies beside what is not.
    fn find_order(&mut self, decoder: &mut Decoder<impl Read + Seek>) -> Result<(), PictureFault> {
        let mut number = |tag| decoder.find_tag_unsigned::<u16>(tag).map_err(fault).map(|found| found.unwrap_or(1));
        let (samples, predictor) = (number(Tag::SamplesPerPixel)?, number(Tag::Predictor)?);
        let is_planar = number(Tag::PlanarConfiguration)? != 1;
        let is_jpeg = number(Tag::Compression)? == CompressionMethod::ModernJPEG.to_u16();
        let is_tiled = decoder.get_chunk_type() == ChunkType::Tile;
        let has_differences = predictor != Predictor::None.to_u16();
        if is_jpeg {
            let bits = decoder.colortype().map_err(fault)?.bit_depth();
            if bits != 8 {
                return Err(unsupported(format!("channels of {bits} bits packed as JPEG, which must have 8")));
            }
            self.is_assembled = true;
        } else if !is_planar && usize::from(samples) > self.channels && (has_differences || is_tiled) {
            let is_known = predictor == Predictor::Horizontal.to_u16() && self.bytes_a_sample() < 4;
            if self.is_cmyk || (has_differences && !is_known) {
                return Err(unsupported(format!(
                    "predictor {predictor} of {samples} channels, of which {} are read",
                    self.channels
                )));
            }
            (self.has_differences, self.is_assembled) = (has_differences, true);
        }
        Ok(())
    }

    /// Bytes of a channel of a pixel.
    pub fn bytes_a_sample(self) -> usize {
        usize::from(self.colour.bytes_per_pixel() / self.colour.channel_count())
    }
}
