//! Requests to end: Ctrl-C (SIGINT), SIGTERM, as a cluster ends jobs, and SIGHUP, as a terminal that closes. And the limit of
//! a file's size.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::progress::Reporting;
use crate::terminal::say_lines;

/// A flag that the first request raises; a second one, of whatever kind, ends the program at once, by its signal.
pub(crate) fn stop_flag(reporting: Reporting) -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut caught = vec![SIGINT, SIGTERM];
    // `nohup` has it ignored, so that the work outlives the terminal.
    caught.extend((!is_ignored(SIGHUP)).then_some(SIGHUP));
    for signal in &caught {
        // In this order: the first request finds the flag down.
        flag::register_conditional_default(*signal, Arc::clone(&stop))
            .and_then(|_| flag::register(*signal, Arc::clone(&stop)))
            .context("cannot listen for Ctrl-C")?;
    }
    if reporting != Reporting::Quiet {
        let mut signals = Signals::new(&caught).context("cannot listen for Ctrl-C")?;
        let tell = move || {
            if signals.forever().next().is_some() {
                say_lines("\nstopping: saving after this step; Ctrl-C again ends without saving");
            }
        };
        std::thread::Builder::new().name("signals".into()).spawn(tell).context("cannot listen for Ctrl-C")?;
    }
    Ok(stop)
}

/// Makes a write beyond the limit of a file's size (`ulimit -f`) fail, with an error that names the file; unheeded, SIGXFSZ
/// ends the program.
pub(crate) fn outlive_the_size_limit() {
    // It needs to be caught, and no more. Where it cannot be, all is as it was.
    let _ = flag::register(SIGXFSZ, Arc::default());
}

/// Whether the process that started this one has the signal ignored; known on Linux.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use signal_hook::consts::{SIGPIPE, SIGUSR1};

    use super::*;

    #[test]
    fn what_is_ignored_is_known() {
        // Rust ignores it before `main`.
        assert!(is_ignored(SIGPIPE));
        assert!(!is_ignored(SIGUSR1));
    }
}
