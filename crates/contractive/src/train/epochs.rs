//! The loop over epochs and steps.

use std::sync::atomic::AtomicBool;

use super::{EngineBuilder, Observer, Outcome, Prepared, TrainError};
use crate::checkpoint::Resume;
use crate::run::RunDirectory;

pub(super) fn run_epochs(
    _build: &EngineBuilder<'_>,
    _prepared: &Prepared,
    _run: Option<&RunDirectory>,
    _resume: Option<Resume>,
    _observer: &mut dyn Observer,
    _stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    todo!()
}
