//! What `image` says of a file that it does not decode, as faults of this crate.

use image::ImageError;

use crate::error::PictureFault;

/// The fault of a file of this format.
pub(super) fn fault(format: &'static str, error: ImageError) -> PictureFault {
    let reason = error.to_string();
    match error {
        ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            PictureFault::Truncated { format, reason: "its bytes end before its pixels do".into() }
        }
        ImageError::Unsupported(_) => PictureFault::Unsupported { format, reason },
        ImageError::IoError(e) if e.raw_os_error().is_some() => PictureFault::Io(e),
        _ => PictureFault::Damaged { format, reason },
    }
}
