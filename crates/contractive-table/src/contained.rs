//! Third-party decoders of binary tables, kept from taking the process with them.
//!
//! The crates `parquet` and `arrow-ipc` are written to return errors on damaged files, but assertions in their decoders
//! have been met again and again (arrow-rs issues 7102, 9705, 10107, 10437); `hdf5-reader` is held the same way. A panic there is damage of the file: it
//! becomes an error here. A program that does not want to see the panic's own message on standard error asks
//! [`is_decoding`] in its panic hook; a library does not touch the hook.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(any(feature = "arrow", feature = "h5ad"))]
use std::path::Path;

#[cfg(any(feature = "arrow", feature = "h5ad"))]
use crate::error::TableError;

thread_local! {
    static IS_DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread runs a decoder whose panics become an error of its file.
pub fn is_decoding() -> bool {
    IS_DECODING.get()
}

/// Runs a decoder; after a panic, what it works on must not be used again.
///
/// # Errors
/// What the panic said.
pub fn contain<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    let outer = IS_DECODING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(decode));
    IS_DECODING.set(outer);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("no reason given").to_owned()
    })
}

/// Runs a decoder of a table.
#[cfg(any(feature = "arrow", feature = "h5ad"))]
pub(crate) fn contained<T>(path: &Path, decode: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    contain(decode).unwrap_or_else(|reason| {
        let reason = format!("its decoder gave up ({reason})");
        Err(TableError::Corrupt { path: path.to_path_buf(), reason })
    })
}

#[cfg(all(test, any(feature = "arrow", feature = "h5ad")))]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_damage() {
        let error = contained::<()>(Path::new("t.parquet"), || panic!("assertion {}", 7)).unwrap_err();
        assert_eq!(error.to_string(), "t.parquet is damaged: its decoder gave up (assertion 7)");
        assert!(!IS_DECODING.get());
    }
}
