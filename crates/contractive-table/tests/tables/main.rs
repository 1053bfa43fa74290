//! Tables from the public door, in one program.

mod anndata;
mod parquet_memory;
mod parquet_pages;
mod shares;
mod table_csv;
mod table_files;
mod table_hostile;
mod table_round_trip;
mod table_support;
mod transposed;
