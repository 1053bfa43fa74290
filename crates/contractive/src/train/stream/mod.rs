//! Training rows that stay in their file: for tables larger than memory.
//!
//! One pass over the file before training ([`survey`](Survey)) counts its rows, learns the scaling, and keeps a bounded
//! sample: validation rows, and some training rows for the report. In each epoch a thread of its own reads the file
//! ahead by chunks, scales the rows, shuffles them through a bounded buffer, and hands blocks to the training loop.
//!
//! **Held out:** row i is held out for validation when a hash of (seed, i) falls below the share. Where more rows are
//! held out than the sample may hold, those of the lowest hashes are measured; none of the others is trained on.
//!
//! **Order:** the buffer holds B rows. Each row read takes the place of a random one in it, which goes to the training
//! loop. A row thus comes after a wait of B rows on average, geometrically distributed; never more than B rows before
//! its place in the file. With B as many as the rows of the file, every order is equally likely; with fewer, rows that
//! lie many B apart never meet in a batch. A file sorted by time or class should be shuffled once before, or given a
//! buffer of a good part of it.
//!
//! **One file:** the file's place on its device, its size and the time of its last change are those of the first pass at the
//! beginning of each epoch, and at its end where it is still the same file; else the run ends with an error.
//!
//! **Same seed, same bits:** the order depends on the seed, the epoch and B alone, so a resumed run reads the epoch anew
//! up to its step and goes on with the bits of one never interrupted.

mod file_rows;
mod identity;
#[cfg(feature = "pictures")]
mod picture_rows;
mod reader;
mod shuffle;
#[cfg(feature = "pictures")]
mod streamed_pictures;
mod streamed_rows;
mod survey;

pub(super) use reader::{StreamSettings, Streamed};
pub(crate) use streamed_rows::StreamedRows;
#[cfg(feature = "pictures")]
pub use survey::picture_notes;
#[cfg(feature = "pictures")]
pub(super) use survey::survey_pictures;
pub(super) use survey::{Surveyed, survey};
