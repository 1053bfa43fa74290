//! The schema of an Arrow file.

use arrow_ipc::Endianness;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_schema::Schema;

use crate::arrow_schema::{Fault, verified};

/// The schema in the description of the first message of a file of `size` bytes.
pub(super) fn read(description: &[u8], size: u64) -> Result<Schema, String> {
    let message = verified(description, size).map_err(Fault::reason)?;
    let schema = message.header_as_schema().ok_or("it does not begin with a schema")?;
    if schema.endianness() != Endianness::Little {
        return Err(
            "its numbers are big-endian, which is not read; write it on, or for, a little-endian machine".into()
        );
    }
    try_fb_to_schema(schema).map_err(|e| e.to_string())
}
