//! A page shown in the user's browser.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use thiserror::Error;

/// Programs that open a file in its default application; the first that works is used.
const OPENERS: &[&str] = if cfg!(target_os = "macos") {
    &["open"]
} else if cfg!(windows) {
    &["explorer"]
} else {
    // The second is that of Linux on Windows.
    &["xdg-open", "wslview"]
};

/// How long to wait for an opener to fail; one that becomes the browser itself never ends.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// Why a page could not be shown.
#[derive(Debug, Error)]
#[error("cannot open a browser: {reason}; open the page yourself: {page}")]
pub(crate) struct BrowserError {
    reason: String,
    page: String,
}

/// Opens `page` in the default browser and does not wait for it.
pub(crate) fn open(page: &Path) -> Result<(), BrowserError> {
    // A name that begins with `-` would be read as a flag.
    let page = page.canonicalize().unwrap_or_else(|_| page.to_path_buf());
    let mut reasons = Vec::new();
    for opener in OPENERS {
        match launch(opener, page.as_os_str()) {
            Ok(()) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => reasons.push(format!("{opener}: {e}")),
        }
    }
    if reasons.is_empty() {
        reasons.push(format!("there is no {} on the PATH", OPENERS.join(" or ")));
    }
    Err(BrowserError { reason: reasons.join("; "), page: page.display().to_string() })
}

fn launch(opener: &str, page: &OsStr) -> io::Result<()> {
    let quiet = || Stdio::null();
    let mut child = Command::new(opener).arg(page).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn()?;
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        match child.try_wait()? {
            // Explorer exits with 1 whatever it did.
            Some(status) if status.success() || cfg!(windows) => return Ok(()),
            Some(status) => return Err(io::Error::other(format!("it found no browser ({status})"))),
            None => sleep(PAUSE),
        }
    }
    Ok(())
}
