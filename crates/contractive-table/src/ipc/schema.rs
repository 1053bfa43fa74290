//! The schema of an Arrow file, which is a flatbuffer.

use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::{Endianness, root_as_message_with_opts};
use arrow_schema::Schema;
use flatbuffers::VerifierOptions;

/// A description names each of its parts once, but for tables of their fields' places, which parts of one kind share: written out it is
/// so many times as long at most.
const MOST_WRITTEN_OUT: usize = 4;
/// Bytes that any description may be when it is written out.
const FREE: usize = 64 << 10;

/// The schema in the description of a file's first message.
///
/// A flatbuffer may name one part many times, and parts of that again: a kilobyte can stand for gigabytes. What it stands for
/// is bounded by its length.
pub(super) fn read(description: &[u8]) -> Result<Schema, String> {
    let max_apparent_size = description.len().saturating_mul(MOST_WRITTEN_OUT).saturating_add(FREE);
    let options = VerifierOptions { max_apparent_size, ..VerifierOptions::default() };
    let message = root_as_message_with_opts(&options, description).map_err(|e| e.to_string())?;
    let schema = message.header_as_schema().ok_or("it does not begin with a schema")?;
    if schema.endianness() != Endianness::Little {
        return Err(
            "its numbers are big-endian, which is not read; write it on, or for, a little-endian machine".into()
        );
    }
    try_fb_to_schema(schema).map_err(|e| e.to_string())
}
