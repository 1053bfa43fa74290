//! Arrow schemas are flatbuffers, which may name one part many times, and parts of that again: a kilobyte can stand for
//! gigabytes. What one stands for is held against the size of its file before it is read.

use arrow_ipc::{Message, root_as_message_with_opts};
use flatbuffers::{InvalidFlatbuffer, VerifierOptions};

use crate::limits::most_described;

/// Bytes for each table of a schema, a column or a type, once it is read.
const TABLE_BYTES: u64 = 200;

/// Why a schema is not read.
pub(super) enum Fault {
    /// It takes more than a file of its size may have.
    TooLarge(String),
    Malformed(String),
}

impl Fault {
    pub fn reason(self) -> String {
        match self {
            Fault::TooLarge(reason) | Fault::Malformed(reason) => reason,
        }
    }
}

/// The message that a schema is, without its head, in a file of `size` bytes.
pub(super) fn verified(message: &[u8], size: u64) -> Result<Message<'_>, Fault> {
    let half = most_described(size) / 2;
    let options = VerifierOptions {
        max_tables: usize::try_from(half / TABLE_BYTES).unwrap_or(usize::MAX),
        max_apparent_size: usize::try_from(half).unwrap_or(usize::MAX),
        ..VerifierOptions::default()
    };
    root_as_message_with_opts(&options, message).map_err(|e| {
        let wrong = match e {
            InvalidFlatbuffer::TooManyTables => format!("more than {} tables", options.max_tables),
            InvalidFlatbuffer::ApparentSizeTooLarge => format!("more than {half} bytes"),
            e => return Fault::Malformed(e.to_string()),
        };
        Fault::TooLarge(format!("the Arrow schema in it comes to {wrong}, the most of a file of its size"))
    })
}
