//! Preprocessing: what is learnt from the training rows and applied to every row since, feature by feature.
//!
//! | scale | x′ |
//! |---|---|
//! | `none` | x |
//! | `minmax`, `standard` | (x − offset)/factor |
//! | `robust` | arsinh((x − offset)/factor) |
//! | `quantile` | √12 · (rank of x − ½) |
//!
//! Counts may be made comparable before ([`Counts`]): each row divided by its sum, and log(1 + x) taken.
//!
//! It is stored with the model, so a model takes rows as they are in the user's table.

mod counts;
mod error;
mod fitted;
mod learning;
mod restored;
mod sample;
mod scale;
mod scaled_rows;
mod slopes;

pub use crate::ranks::Ranks;
pub(crate) use counts::median;
pub use counts::{Counts, LibrarySize};
pub use error::PreprocessError;
pub use fitted::Preprocessing;
pub(crate) use sample::Sample;
pub use scale::Scale;
pub use scaled_rows::{EVALUATION_ROWS, ScaledRows};
