//! The table of bad inputs: every reader with files made to do harm. Each is refused with an error of the kind that the table
//! names, in bounded time, and reading it takes at most 64 MiB and 4 times the file's size of memory.
//!
//! `cargo test -p contractive-anomaly --test hostile` runs all of it: this crate sees every reader but the command's own.

mod arrow_file;
mod bombs;
mod columnar;
mod cut;
mod documents;
mod hdf5;
mod hdf5_chunks;
mod hdf5_file;
mod hdf5_heaps;
mod headers;
mod judge;
mod parquet_descriptions;
mod parquet_file;
mod parquet_texts;
mod picture_stores;
mod pictures;
mod pictures_webp;
mod pixels;
mod series;
mod sparse;
mod width;
mod work;
