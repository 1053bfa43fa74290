//! Data: rows of numbers in memory, from files or from a program.
//!
//! [`Dataset`] holds them; [`load`] reads a file: `table.rs` CSV, Parquet and Arrow, `arrays.rs` NPY, NPZ and IDX, `sparse.rs` sparse matrices;
//! [`load_share`] what one of several processes
//! takes of a table in files, [`load_encoded`] a table whose columns are not all numbers. No
//! file, however malformed, panics, hangs, or takes more memory than its own size justifies. Data sets known by name are
//! in the crate `contractive-datasets`.

mod arrays;
mod dataset;
mod encoded;
mod labels;
mod load;
mod notes;
mod options;
mod rows_ref;
mod singles;
mod sparse;
mod split;
mod table;

pub use crate::encoding::label_note;
pub use arrays::dataset_of_array;
pub(crate) use arrays::{bits_note, shape_of};
pub use contractive_table::{TableError, TextOptions};
pub use dataset::{Dataset, PatchError, Storage};
pub use encoded::{has_categories, load_encoded, load_encoded_share};
pub use load::{load, load_share};
pub use options::{ColumnOptions, FileOptions};
pub use rows_ref::RowsRef;
pub use singles::{HolderOfSingles, Singles};
pub use split::{split_together, split_validation};
pub use table::not_a_feature;
