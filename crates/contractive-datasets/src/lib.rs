//! Data sets by name, files by path, and the runs that train on them.
//!
//! 1. [`DataSpec`] says which data: `fashion-mnist`, `mnist:test`, `path/to/table.csv.gz`.
//! 2. [`load`] gets the rows, [`prepare`] all that a configuration asks for.
//! 3. [`registry`]: the registered sets, with their checksums and downloads; [`strokes`]: images like handwritten digits,
//!    drawn from a seed, which need no files and no network.

mod error;
mod file;
mod load;
mod options;
mod part;
mod pictures;
pub mod registry;
mod share;
mod spec;
pub mod strokes;

pub use error::DatasetError;
pub use load::{has_test_part, load, load_with_progress, prepare, prepare_shared, prepare_with_progress};
pub use options::LoadOptions;
pub use part::Part;
pub use registry::Source;
pub use spec::DataSpec;
