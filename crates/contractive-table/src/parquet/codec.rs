//! Unpacking of pages, in Rust alone, within the size that a page's header claims.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;

/// A codec that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Snappy,
    Gzip,
    Lz4,
    Zstd,
}

impl Codec {
    /// The codec of a column; the name of one that is not read.
    pub fn of(compression: Compression) -> Result<Self, &'static str> {
        match compression {
            Compression::UNCOMPRESSED => Ok(Codec::None),
            Compression::SNAPPY => Ok(Codec::Snappy),
            Compression::GZIP(_) => Ok(Codec::Gzip),
            Compression::LZ4_RAW => Ok(Codec::Lz4),
            Compression::ZSTD(_) => Ok(Codec::Zstd),
            Compression::LZ4 => Err("LZ4 in Hadoop's framing"),
            Compression::LZO => Err("LZO"),
            Compression::BROTLI(_) => Err("BROTLI"),
        }
    }

    /// Bytes that unpacking takes beside `packed` bytes and the `n` that they become; `start` is how they begin.
    pub fn workspace(self, start: &[u8], n: u64) -> u64 {
        const TABLES: u64 = 1 << 20;
        match self {
            Codec::None | Codec::Snappy | Codec::Lz4 => 0,
            Codec::Gzip => TABLES,
            // A ring of twice the window at most.
            Codec::Zstd => TABLES.saturating_add(2 * window(start, n).unwrap_or(n)),
        }
    }

    /// Appends `packed`, unpacked to exactly `n` bytes, to `out`.
    pub fn unpack(self, packed: &[u8], n: usize, out: &mut Vec<u8>) -> Result<(), String> {
        let wrong = |got: usize| format!("a page unpacks to {got} bytes, but claims {n}");
        let start = out.len();
        match self {
            Codec::None => out.extend_from_slice(packed),
            Codec::Snappy => {
                let claimed = snap::raw::decompress_len(packed).map_err(|e| e.to_string())?;
                if claimed != n {
                    return Err(wrong(claimed));
                }
                out.resize(start + n, 0);
                let got = snap::raw::Decoder::new().decompress(packed, &mut out[start..]).map_err(|e| e.to_string())?;
                out.truncate(start + got);
            }
            Codec::Lz4 => {
                out.resize(start + n, 0);
                let got = lz4_flex::block::decompress_into(packed, &mut out[start..]).map_err(|e| e.to_string())?;
                out.truncate(start + got);
            }
            Codec::Gzip => read_all(MultiGzDecoder::new(packed), n, out)?,
            Codec::Zstd => {
                let most = window(packed, n as u64).unwrap_or(n as u64);
                let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(packed, most);
                let decoder = decoder.map_err(|e| e.to_string())?;
                read_all(decoder, n, out)?;
            }
        }
        match out.len() - start {
            got if got == n => Ok(()),
            got => Err(wrong(got)),
        }
    }
}

/// The bytes that a Zstandard frame says may be repeated at a time, for which its decoder takes memory; `n`, all of them, where
/// it is one segment. `None` where it is no such frame, or is cut off.
fn window(packed: &[u8], n: u64) -> Option<u64> {
    let frame = packed.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?;
    let (descriptor, window) = (frame.first()?, frame.get(1)?);
    if descriptor & 0x20 != 0 {
        return Some(n);
    }
    let base = 1_u64 << (10 + (window >> 3));
    Some(base + base / 8 * u64::from(window & 7))
}

/// One byte more than claimed is enough to know that the claim is wrong.
fn read_all(decoder: impl Read, n: usize, out: &mut Vec<u8>) -> Result<(), String> {
    out.reserve(n + 1);
    decoder.take(n as u64 + 1).read_to_end(out).map(drop).map_err(|e| e.to_string())
}
