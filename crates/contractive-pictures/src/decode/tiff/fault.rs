//! What is wrong with a TIFF.

use std::io::ErrorKind;

use tiff::TiffError;

use crate::error::PictureFault;

pub(in super::super) const FORMAT: &str = "TIFF";

pub(super) fn unsupported(reason: String) -> PictureFault {
    PictureFault::Unsupported { format: FORMAT, reason }
}

pub(super) fn damaged(reason: String) -> PictureFault {
    PictureFault::Damaged { format: FORMAT, reason }
}

pub(super) fn fault(error: TiffError) -> PictureFault {
    match error {
        TiffError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
            PictureFault::Truncated { format: FORMAT, reason: "its bytes end before its pixels do".into() }
        }
        TiffError::UnsupportedError(e) => PictureFault::Unsupported { format: FORMAT, reason: e.to_string() },
        other => damaged(other.to_string()),
    }
}
