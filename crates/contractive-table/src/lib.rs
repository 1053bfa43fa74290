//! Tables read and written by chunks of rows, in bounded memory: larger ones than memory holds, and columns that are not
//! numbers.
//!
//! [`FrameReader::open`] gives [`Frame`]s of CSV, Parquet, Arrow, NPY and NPZ files, and of matrices (SciPy's sparse NPZ,
//! Matrix Market, AnnData's and 10x Genomics' HDF5), whose zeros are never held; [`FrameWriter::create`] takes them to CSV, Parquet, Arrow, NPY and JSON lines; [`array`](mod@array) reads IDX, NPY and NPZ arrays whole. Keys come out as
//! they went in: integers are never floats on the way, decimals keep their digits, text is never parsed. Numbers are f64,
//! as the file has them.
//!
//! Memory: a reader holds one frame, one page a Parquet column, one record batch of an Arrow file (whose writer chose
//! its size), one line of CSV (at most 32 MiB). A writer holds one frame, or one row group of 131,072 rows, packed.
//! Compressed contents are followed to 200 times their size, or 64 MiB; no header's word is taken for more,
//! and reading a damaged file takes at most 64 MiB and 4 times its size: see [`limits`].
//!
//! Parquet pages may be packed with SNAPPY, ZSTD, GZIP or LZ4_RAW, Arrow batches with LZ4 or ZSTD; all are unpacked in Rust.
//!
//! ```
//! use contractive_table::{FrameReader, FrameWriter, ReadOptions, TextOptions, Values};
//!
//! let folder = tempfile::tempdir()?;
//! let (table, copy) = (folder.path().join("t.csv"), folder.path().join("t.parquet"));
//! std::fs::write(&table, "id;load\n007;\"1.250,5\"\n008;\n")?;
//! let text = TextOptions { decimal: Some(','), thousands: Some('.'), ..TextOptions::default() };
//! let options = ReadOptions { as_text: vec!["id".into()], text, ..ReadOptions::default() };
//! let frames = FrameReader::open(&table, &options)?;
//! let mut writer = FrameWriter::create(&copy, frames.fields())?;
//! for frame in frames {
//!     writer.write(&frame?)?;
//! }
//! writer.finish()?;
//! let frame = FrameReader::open(&copy, &ReadOptions::default())?.next().expect("there are rows")?;
//! assert_eq!(frame.column("id").unwrap().values.text(0).as_deref(), Some("007"));
//! assert!(matches!(&frame.column("load").unwrap().values, Values::Numbers(load) if load[0] == 1250.5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! `arrow` (.arrow, .ipc, .feather), `parquet` (which needs `arrow`), `npz` and `h5ad` (HDF5), all on by default. Without them a file of
//! such a format is refused by [`TableError::NotBuilt`].

pub mod array;
#[cfg(feature = "arrow")]
mod arrow_batches;
#[cfg(feature = "arrow")]
mod arrow_schema;
#[cfg(feature = "arrow")]
mod arrow_values;
pub mod atomic;
pub mod checksum;
mod contained;
pub mod csv;
mod error;
mod files;
mod following;
mod format;
mod frame;
mod frame_source;
pub mod gzip;
#[cfg(feature = "h5ad")]
mod hdf5;
mod held;
#[cfg(feature = "arrow")]
mod ipc;
pub mod json;
mod keeping;
pub mod limits;
pub mod listing;
pub mod message;
pub mod numbers;
pub mod opening;
mod output;
#[cfg(feature = "arrow")]
mod pandas_note;
#[cfg(feature = "parquet")]
mod parquet;
mod place;
mod reader;
mod row_place;
mod share;
pub mod slips;
mod source;
mod sparse;
mod spelling;
mod table_source;
mod text_options;
mod time;
mod transposed;
mod writer;
#[cfg(feature = "npz")]
pub mod zipped;
#[cfg(feature = "arrow")]
mod zstandard;

#[cfg(feature = "arrow")]
pub use arrow_values::frame_of_batches;
pub use contained::{contain, is_decoding};
pub use error::{TableError, shown};
pub use files::{files_of, names_several, tables_of_folder};
pub use format::Format;
pub use frame::{Column, Field, Frame, Kind, Values};
pub use frame_source::{ReadOptions, Unreadable};
pub use keeping::Keeping;
pub use limits::{most_expanded, unpacks_to_too_much};
pub use output::OutputError;
pub use place::Place;
pub use reader::FrameReader;
pub use share::{Piece, Share};
pub use sparse::is_sparse;
pub use spelling::{Sign, Spelling};
pub use table_source::TableSource;
pub use text_options::TextOptions;
pub use time::Unit;
pub use writer::FrameWriter;
#[cfg(feature = "npz")]
pub use writer::npz::{ArrayNumbers, NamedArray, write_npz};
