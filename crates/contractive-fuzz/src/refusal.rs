//! Inputs that are refused, as most must be.

use std::cell::Cell;

thread_local! {
    static IS_REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// Whether something of the last input on this thread was refused. Seeds are not, or they would not be worth much.
pub fn was_refused() -> bool {
    IS_REFUSED.get()
}

/// A new input comes.
pub(crate) fn forget() {
    IS_REFUSED.set(false);
}

/// What is refused can say why.
pub(crate) fn refused(error: &dyn std::error::Error) {
    IS_REFUSED.set(true);
    assert!(!error.to_string().is_empty(), "an error must say something");
}
