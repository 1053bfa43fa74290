//! Ctrl-C, and a request to end.

use std::io::{self, Write};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use crate::progress::Reporting;

/// A flag that Ctrl-C, or a request to end, raises; a second one ends the program at once.
pub(crate) fn stop_flag(reporting: Reporting) -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            process::exit(130);
        }
        if reporting != Reporting::Quiet {
            // Standard error may be gone; a handler must not panic for it.
            let _ = writeln!(io::stderr(), "\nstopping: saving after this step; Ctrl-C again ends without saving");
        }
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(stop)
}
