//! Unpacking of pages, in Rust alone, within the size that a page's header claims.

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;

use crate::zstandard;

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
            Codec::Zstd => zstandard::workspace(start, n),
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
            Codec::Gzip => zstandard::read_all(MultiGzDecoder::new(packed), n, out)?,
            Codec::Zstd => zstandard::unpack(packed, n, out)?,
        }
        match out.len() - start {
            got if got == n => Ok(()),
            got => Err(wrong(got)),
        }
    }
}
