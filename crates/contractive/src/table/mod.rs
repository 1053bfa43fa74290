//! Tables read and written by chunks of rows, in bounded memory: larger ones than memory holds, and columns that are not
//! numbers.
//!
//! [`FrameReader::open`] gives [`Frame`]s of CSV, Parquet, Arrow, NPY and NPZ files; [`FrameWriter::create`] takes them
//! to CSV, Parquet, Arrow, NPY and JSON lines. Keys come out as they went in: integers are never floats on the way, text
//! is never parsed.
//!
//! Memory: a reader holds one frame, one page a Parquet column, one record batch of an Arrow file (whose writer chose
//! its size), one line of CSV (at most 64 MiB). A writer holds one frame, or one row group of 131,072 rows, packed.
//! Compressed contents are followed to 200 times their size, or 64 MiB; no header's word is taken for more.
//!
//! Parquet pages may be packed with SNAPPY, ZSTD, GZIP or LZ4_RAW, Arrow batches with LZ4; all are unpacked in Rust.

mod arrays;
mod arrow_values;
mod cells;
mod contained;
mod csv_source;
mod frame;
mod ipc;
mod parquet;
mod reader;
mod time;
mod writer;

pub(crate) use cells::number_or_missing;
pub use frame::{Column, Field, Frame, Kind, Values};
pub use reader::{FrameReader, ReadOptions};
pub use time::Unit;
pub use writer::FrameWriter;

/// More columns than any table has.
const MOST_COLUMNS: usize = 1 << 20;
