//! CSV: text tables, plain or gzip, with or without a header line; tabs and semicolons are recognised.

mod cells;
mod first_line;
mod records;
mod source;

pub use cells::number_or_missing;
pub(crate) use first_line::line_of;
pub use first_line::{is_data, separator};
pub use records::{ByteRecord, Position, records};
pub(crate) use source::CsvSource;
