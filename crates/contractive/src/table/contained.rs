//! Third-party decoders of binary tables, kept from taking the process with them.
//!
//! The crates `parquet` and `arrow-ipc` are written to return errors on damaged files, but assertions in their decoders
//! have been met again and again (arrow-rs issues 7102, 9705, 10107, 10437). A panic there is damage of the file: it
//! becomes an error here, without the message that Rust prints for a bug.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;

use crate::data::DataError;

thread_local! {
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// Runs a decoder; after a panic, what it works on must not be used again.
pub(super) fn contained<T>(path: &Path, decode: impl FnOnce() -> Result<T, DataError>) -> Result<T, DataError> {
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_CONTAINED.get() {
                usual(panic);
            }
        }));
    });
    let outer = IS_CONTAINED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(decode));
    IS_CONTAINED.set(outer);
    result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let reason = format!("its decoder gave up ({})", text.unwrap_or("no reason given"));
        Err(DataError::Corrupt { path: path.to_path_buf(), reason })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_damage() {
        let error = contained::<()>(Path::new("t.parquet"), || panic!("assertion {}", 7)).unwrap_err();
        assert_eq!(error.to_string(), "t.parquet is damaged: its decoder gave up (assertion 7)");
        assert!(!IS_CONTAINED.get());
    }
}
