//! CSV: text tables, plain or gzip, with or without a header line; tabs and semicolons are recognised, so are UTF-16 and
//! the first line `sep=;` that Excel understands.

mod cells;
mod first_line;
mod limited;
mod line;
mod records;
mod source;
mod text;

pub use cells::{HOLES, Numerals, number_or_missing};
pub use first_line::{is_data, separator};
pub(crate) use line::{line_of, lines_of};
pub use records::{ByteRecord, LineEnds, Position, records};
pub(crate) use source::CsvSource;
pub use text::named_separator;
pub(crate) use text::open_text;
