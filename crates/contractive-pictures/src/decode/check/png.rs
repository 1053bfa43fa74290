//! PNG: row by row, those of all seven passes where it is interlaced.

use std::io::{Cursor, ErrorKind};

use png::{Decoder, DecodingError, Limits, Transformations};

use crate::error::PictureFault;
use crate::limits::{BESIDE, Claim};

pub(super) fn check(all: &[u8], claim: &Claim) -> Result<(), PictureFault> {
    let rows = Claim { height: 1, held_for_ten: 10, ..*claim };
    if !rows.is_accounted_for() {
        return Err(claim.refusal());
    }
    let limits = Limits { bytes: BESIDE as usize };
    let mut decoder = Decoder::new_with_limits(Cursor::new(all), limits);
    // As `image` reads it: palettes and few bits become bytes, and what is wrong with them shows.
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(fault)?;
    while reader.next_interlaced_row().map_err(fault)?.is_some() {}
    Ok(())
}

fn fault(error: DecodingError) -> PictureFault {
    let format = "PNG";
    match error {
        DecodingError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
            PictureFault::Truncated { format, reason: "its bytes end before its pixels do".into() }
        }
        other => PictureFault::Damaged { format, reason: other.to_string() },
    }
}
