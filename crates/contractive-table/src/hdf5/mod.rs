//! HDF5 files, read by the crate `hdf5-reader`, which is Rust alone. What a file claims is held against its size before
//! any of it is taken, links to other files are not followed, and a panic of the decoder is damage of the file.

mod attributes;
mod claims;
mod file;
mod heaps;
mod lzf;
mod metered;
mod number;
mod packed;
mod stream;
mod texts;
mod trial;

pub(crate) use file::Hdf5;
pub(crate) use stream::Hdf5Numbers;
