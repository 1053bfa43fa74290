//! How the command ends: errors printed once, and exit codes.

use std::io;

use contractive_table::OutputError;

use crate::errors::{BAD_DATA, code, remedy};
use crate::terminal::say_error;

const DONE: u8 = 0;
const FAILED: u8 = 1;
const ANOMALIES: u8 = 5;
/// 128 + SIGINT, as shells count it.
const INTERRUPTED: u8 = 130;

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All was done.
    Done,
    /// Data were found to be bad, as the command was asked to find out.
    FoundBadData,
    /// Anomalies were found, and an exit code was asked for.
    FoundAnomalies,
    /// What was looked for is not there.
    NotFound,
    /// Stopped by the user, everything saved.
    Interrupted,
}

/// Prints what went wrong, if anything did, and gives the exit code.
pub(crate) fn report(result: anyhow::Result<Ending>) -> u8 {
    report_of(None, result)
}

/// The same of a rank among several.
pub(crate) fn report_of(rank: Option<usize>, result: anyhow::Result<Ending>) -> u8 {
    match result {
        Ok(Ending::Done) => DONE,
        Ok(Ending::NotFound) => FAILED,
        Ok(Ending::FoundAnomalies) => ANOMALIES,
        Ok(Ending::FoundBadData) => BAD_DATA,
        Ok(Ending::Interrupted) => INTERRUPTED,
        // The reader of the output has closed it, as `head` does.
        Err(error) if is_broken_pipe(&error) => DONE,
        Err(error) => {
            let rank = rank.map(|rank| format!("rank {rank}: ")).unwrap_or_default();
            say_error(&format!("{rank}{}", message(&error)));
            code(&error)
        }
    }
}

/// Whether it is that of standard output; connections break too.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is_it = |kind: Option<io::ErrorKind>| kind == Some(io::ErrorKind::BrokenPipe);
    match error.downcast_ref::<OutputError>() {
        Some(OutputError::Write { source, .. }) => is_it(Some(source.kind())),
        _ => {
            is_it(error.downcast_ref::<io::Error>().map(io::Error::kind))
                || is_it(error.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind))
        }
    }
}

/// The error and its causes in one line; a cause that the error already quotes is not repeated.
pub(crate) fn with_causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// The error, its causes and its remedy, in one line where there is one fault.
fn message(error: &anyhow::Error) -> String {
    let text = with_causes(error);
    match remedy(error) {
        // Remedies of several faults stand below them, a line each.
        Some(remedy) if remedy.starts_with('\n') => format!("{text}{remedy}"),
        Some(remedy) => format!("{text}; {remedy}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_quoted_cause_is_said_once_and_an_unquoted_one_is_added() {
        let quoted = OutputError::Write { path: "x.csv".into(), source: io::Error::other("disk full") };
        assert_eq!(message(&quoted.into()), "cannot write x.csv: disk full");
        let added = Err::<(), _>(io::Error::other("disk full")).context("cannot draw").unwrap_err();
        assert_eq!(message(&added), "cannot draw: disk full");
    }

    #[test]
    fn a_broken_pipe_is_recognised() {
        let broken = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&broken.into()));
        assert!(!is_broken_pipe(&io::Error::other("no").into()));
        let path = "-".into();
        let source = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&OutputError::Write { path, source: source() }.into()));
        let of_a_run = contractive::run::RunError::Read { path: "metrics.jsonl".into(), source: source() };
        assert!(!is_broken_pipe(&of_a_run.into()));
    }
}
