//! The strips or tiles of a TIFF: where they lie in it and in the picture, and what they take.

use std::io::Cursor;

use tiff::TiffResult;
use tiff::decoder::{ChunkType, Decoder, Limits};
use tiff::tags::{CompressionMethod, Tag};

use super::directory::Directory;
use super::kind::Kind;
use super::part::{Part, Place};
use super::stream::Stream;
use super::strip;

/// What strips may have together beyond what is in proportion: nothing for a machine, and enough for small files of odd writers.
pub(super) const FREE: u64 = 1 << 20;

/// The strips or tiles of a file.
pub(super) struct Chunks<'a> {
    pub all: &'a [u8],
    limits: Limits,
    pub decoder: Decoder<Stream<'a>>,
    pub is_tiled: bool,
    /// Whether each channel has strips or tiles of its own.
    pub is_planar: bool,
    pub method: CompressionMethod,
    /// Where each begins, and how many bytes of the file it has.
    pub places: Vec<(u64, u64)>,
    /// Width and height of a whole one.
    pub width: u64,
    pub height: u64,
    /// Tables that JPEGs have in common.
    pub tables: Option<Vec<u8>>,
}

impl<'a> Chunks<'a> {
    pub fn of(all: &'a [u8], limits: Limits, is_reversed: bool) -> TiffResult<Self> {
        let mut decoder = Decoder::new(Stream::new(all, Vec::new()))?.with_limits(limits.clone());
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
        let is_jpeg = method == CompressionMethod::ModernJPEG;
        let tables = if is_jpeg { decoder.get_tag_u8_vec(Tag::JPEGTables).ok() } else { None };
        let mut chunks = Chunks {
            all,
            limits,
            decoder,
            is_tiled,
            is_planar,
            method,
            places: offsets.into_iter().zip(sizes).collect(),
            width: width.into(),
            height: height.into(),
            tables,
        };
        chunks.keep_within_file(is_reversed);
        Ok(chunks)
    }

    /// Cuts off what is not in the file, and lets deflate, whose decoder does not look at the number of bytes, be read so far, and what is
    /// reversed.
    fn keep_within_file(&mut self, is_reversed: bool) {
        let all = self.all.len() as u64;
        let (is_alone, has_ends) = (self.places.len() == 1, self.is_deflate() || is_reversed);
        for (at, n) in &mut self.places {
            let rest = all.saturating_sub(*at);
            // Without a number a single strip has all that follows, as libtiff has it.
            *n = if is_alone && *n == 0 && has_ends { rest } else { rest.min(*n) };
        }
        if has_ends {
            let ends = self.places.iter().map(|&(at, n)| at..at + n).collect();
            self.decoder.inner().set_ends(ends);
        }
        if is_reversed {
            self.decoder.inner().reverse();
        }
    }

    fn is_deflate(&self) -> bool {
        matches!(self.method, CompressionMethod::Deflate | CompressionMethod::OldDeflate)
    }

    pub fn is_jpeg(&self) -> bool {
        self.method == CompressionMethod::ModernJPEG
    }

    /// A decoder of the file as these strips are read, to which its differences may be plain numbers.
    pub fn decoder(&mut self, hides_predictor: bool) -> TiffResult<Decoder<Stream<'a>>> {
        let hidden = match hides_predictor {
            true => Directory::read(Cursor::new(self.all))?.places_of(Tag::Predictor),
            false => Vec::new(),
        };
        let mut decoder = Decoder::new(Stream::new(self.all, hidden))?.with_limits(self.limits.clone());
        decoder.inner().set_ends_of(self.decoder.inner());
        Ok(decoder)
    }

    /// The bytes of the file as these strips are read.
    pub fn stream(&mut self) -> Stream<'a> {
        let mut stream = Stream::new(self.all, Vec::new());
        stream.set_ends_of(self.decoder.inner());
        stream
    }

    /// Bytes of the file that are read for all of them.
    pub fn read(&mut self) -> u64 {
        let stream = self.decoder.inner();
        let end = |at: u64, n: u64| stream.end_of(at).unwrap_or(at + n);
        self.places.iter().map(|&(at, n)| end(at, n).saturating_sub(at)).fold(0, u64::saturating_add)
    }

    /// Bytes of a row of a strip or tile, channels that are left out and pixels beyond the picture among them.
    pub fn row(&mut self) -> TiffResult<u64> {
        Ok((self.width * self.bits()?).saturating_mul(self.samples()?.into()).div_ceil(8))
    }

    /// Channels of a pixel of a strip or tile.
    pub fn samples(&mut self) -> TiffResult<u16> {
        let samples = self.decoder.find_tag_unsigned::<u16>(Tag::SamplesPerPixel)?.unwrap_or(1);
        Ok(if self.is_planar { 1 } else { samples })
    }

    /// Bytes of all of them, of so many bytes a row.
    pub fn unpacked(&mut self, row: u64) -> u64 {
        let heights = (0..self.places.len() as u32).map(|i| u64::from(self.decoder.chunk_data_dimensions(i).1));
        heights.fold(0, |sum: u64, height| sum.saturating_add(row.saturating_mul(height)))
    }

    /// Bits of each channel of a pixel.
    fn bits(&mut self) -> TiffResult<u64> {
        let bits = self.decoder.find_tag_unsigned_vec::<u8>(Tag::BitsPerSample)?;
        Ok(bits.and_then(|bits| bits.first().copied()).unwrap_or(1).into())
    }

    /// Whether the decoder knows what integers are the differences of: of nothing, or of whole bytes.
    pub fn has_known_predictor(&mut self) -> TiffResult<bool> {
        Ok(match self.decoder.find_tag_unsigned::<u16>(Tag::Predictor)?.unwrap_or(1) {
            1 => true,
            2 => self.bits()? >= 8,
            _ => false,
        })
    }

    /// Width and height of the picture.
    pub fn picture(&mut self) -> TiffResult<(u64, u64)> {
        self.decoder.dimensions().map(|(width, height)| (width.into(), height.into()))
    }

    /// Where one lies in a picture of this size; `None` of a channel that is left out.
    pub fn place(&self, i: usize, picture: (u64, u64), kind: &Kind) -> Option<Place> {
        let (across, down) = (picture.0.div_ceil(self.width), picture.1.div_ceil(self.height));
        let (plane, i_of_plane) = (i as u64 / (across * down), i as u64 % (across * down));
        let (left, top) = (i_of_plane % across * self.width, i_of_plane / across * self.height);
        let plane = plane as usize;
        (plane < kind.channels).then_some(Place {
            left: left as usize,
            top: top as usize,
            width: self.width.min(picture.0 - left) as usize,
            height: self.height.min(picture.1 - top) as usize,
            plane: self.is_planar.then_some(plane),
        })
    }

    /// The pixels of one that is not JPEG, within the picture.
    pub fn part(&self, decoder: &mut Decoder<Stream<'a>>, i: usize, kind: &Kind) -> TiffResult<Part> {
        let n = decoder.image_chunk_buffer_layout(i as u32)?.len;
        let mut bytes = vec![0; n];
        decoder.read_chunk_bytes(i as u32, &mut bytes)?;
        let channels = if self.is_planar { 1 } else { kind.channels };
        let pixel = channels * kind.bytes_a_sample();
        Ok(Part { bytes, pixel, row: pixel * decoder.chunk_data_dimensions(i as u32).0 as usize })
    }

    /// The most bytes that the pixels of one have.
    pub fn largest(&mut self) -> TiffResult<u64> {
        let mut sizes =
            (0..self.places.len() as u32).map(|i| Ok(self.decoder.image_chunk_buffer_layout(i)?.len as u64));
        sizes.try_fold(0, |most, size: TiffResult<u64>| Ok(most.max(size?)))
    }

    /// Unpacks strips of so many bytes a row one after the other.
    pub fn unpack(&mut self, row: u64) -> TiffResult<()> {
        for (i, &(at, n)) in self.places.iter().enumerate() {
            let rest = self.all.get(at as usize..).unwrap_or_default();
            let height = self.decoder.chunk_data_dimensions(i as u32).1;
            strip::unpack(self.method, rest, n as usize, row * u64::from(height))?;
        }
        Ok(())
    }
}
