//! Data: rows of numbers in memory, from files or from a program.
//!
//! [`Dataset`] holds them; [`load`] reads a file: `table.rs` CSV, Parquet and Arrow, `arrays.rs` NPY, NPZ and IDX. No
//! file, however malformed, panics, hangs, or takes more memory than its own size justifies. Data sets known by name are
//! in the crate `contractive-datasets`.

mod arrays;
mod dataset;
mod labels;
mod load;
mod notes;
mod options;
mod rows_ref;
mod split;
mod table;

pub(crate) use arrays::bits_note;
pub use arrays::dataset_of_array;
pub use contractive_table::{TableError, TextOptions};
pub use dataset::{Dataset, Storage};
pub use load::load;
pub use notes::label_note;
pub use options::FileOptions;
pub use rows_ref::RowsRef;
pub use split::split_validation;
pub use table::not_a_feature;
