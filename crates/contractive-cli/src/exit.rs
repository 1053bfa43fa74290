//! How the command ends: errors printed once, and exit codes.

use std::fmt;
use std::io;
use std::process::ExitCode;

use contractive::Error;
use contractive::checkpoint::CheckpointError;
use contractive::config::ConfigError;
use contractive::core::ArgumentError;
use contractive::data::DataError;
use contractive::detector::DetectorError;
use contractive::model::ModelError;
use contractive::output::OutputError;
use contractive::preprocess::PreprocessError;
use contractive::run::RunError;
use contractive::series::SeriesError;
use contractive::train::TrainError;

use crate::output::paint_error;

const USAGE: u8 = 2;
const BAD_DATA: u8 = 3;
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
    /// Anomalies were found, and that is to be told.
    FoundAnomalies,
    /// What was looked for is not there.
    NotFound,
    /// Stopped by the user, everything saved.
    Interrupted,
}

/// A request that cannot be met, whatever the files hold; exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Prints what went wrong, if anything did, and gives the exit code.
pub(crate) fn report(result: anyhow::Result<Ending>) -> ExitCode {
    match result {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::NotFound) => ExitCode::FAILURE,
        Ok(Ending::FoundAnomalies) => ExitCode::from(ANOMALIES),
        Ok(Ending::FoundBadData) => ExitCode::from(BAD_DATA),
        Ok(Ending::Interrupted) => ExitCode::from(INTERRUPTED),
        // The reader of our output has gone, as `head` does: there is nobody to tell.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} {}", paint_error("error:"), message(&error));
            ExitCode::from(code(error))
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is_it = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(is_it)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|e| e.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}

/// The error and its causes in one line; a cause that the error already quotes is not said twice.
fn message(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn code(error: anyhow::Error) -> u8 {
    if error.is::<Usage>() {
        return USAGE;
    }
    toolkit_error(error).map_or(1, |error| error.exit_code())
}

/// The toolkit's error in `error`, if it is one; the toolkit knows the code.
fn toolkit_error(error: anyhow::Error) -> Option<Error> {
    fn taken<E: Into<Error> + fmt::Debug + fmt::Display + Send + Sync + 'static>(
        error: anyhow::Error,
    ) -> Result<Error, anyhow::Error> {
        error.downcast::<E>().map(Into::into)
    }
    let error = error
        .downcast::<Error>()
        .or_else(taken::<ConfigError>)
        .or_else(taken::<DataError>)
        .or_else(taken::<TrainError>)
        .or_else(taken::<ModelError>)
        .or_else(taken::<RunError>)
        .or_else(taken::<OutputError>)
        .or_else(taken::<CheckpointError>)
        .or_else(taken::<PreprocessError>)
        .or_else(taken::<DetectorError>)
        .or_else(taken::<SeriesError>)
        .or_else(taken::<ArgumentError>);
    error.ok()
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
    fn codes_are_the_toolkits_also_under_a_context() {
        let unknown = || contractive::recipe::find("strkes").unwrap_err();
        assert_eq!(code(unknown().into()), 2);
        assert_eq!(code(anyhow::Error::from(unknown()).context("while looking")), 2);
        assert_eq!(code(Usage("no".into()).into()), 2);
        assert_eq!(code(io::Error::other("no").into()), 1);
        let diverged = TrainError::Diverged { epoch: 1, step: 1, term: "total".into(), last_good: None };
        assert_eq!(code(diverged.into()), 4);
    }

    #[test]
    fn a_broken_pipe_is_recognised() {
        let broken = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&broken.into()));
        assert!(!is_broken_pipe(&io::Error::other("no").into()));
    }
}
