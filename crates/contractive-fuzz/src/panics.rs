//! Panics that are no findings.

use std::sync::Once;

use crate::refusal;

/// Before an input. A panic of a foreign decoder that is contained, and becomes an error, is no finding. libFuzzer's
/// hook would end the process at it.
pub(crate) fn begin() {
    refusal::forget();
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !contractive_table::is_decoding() {
                usual(panic);
            }
        }));
    });
}
