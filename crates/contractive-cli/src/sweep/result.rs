//! What a run of a sweep came to, as its directory says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contractive::history::StoppingState;
use contractive::run::RunError;
use contractive::{Divergence, EpochRecord, Model, RunDirectory, TrainConfig};
use serde::Serialize;

use super::folder::SweepFolder;
use super::plan::{Plan, PlannedRun};

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Not begun, or begun and not ended.
    Unfinished,
    /// All epochs were done, or the stopping rule held.
    Finished,
    /// A number was no longer finite.
    Diverged,
    /// It could not be trained.
    Failed,
}

impl State {
    /// The word in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Unfinished => "unfinished",
            State::Finished => "finished",
            State::Diverged => "diverged",
            State::Failed => "failed",
        }
    }
}

/// A run with its numbers: those of the epoch whose model was kept.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RunResult {
    /// Its directory.
    pub(crate) run: PathBuf,
    /// Its words by the settings that differ.
    pub(crate) settings: BTreeMap<String, String>,
    /// How far it has come.
    pub(crate) state: State,
    /// Epochs done.
    pub(crate) epochs: usize,
    /// Seconds of all epochs.
    pub(crate) seconds: f64,
    /// The kept epoch.
    pub(crate) best: Option<EpochRecord>,
    /// Where it diverged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) divergence: Option<Divergence>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

impl RunResult {
    /// Reads a run of the sweep.
    ///
    /// # Errors
    /// [`RunError`] where its files are damaged.
    pub(crate) fn read(folder: &SweepFolder, plan: &Plan, run: &PlannedRun) -> Result<Self, RunError> {
        let place = folder.place(run);
        let settings = plan.settings.iter().cloned().zip(run.words.iter().cloned()).collect();
        let (history, divergence, state) = match RunDirectory::open(&place) {
            Err(_) => (Vec::new(), None, State::Unfinished),
            Ok(directory) => {
                let (history, divergence) = (directory.metrics()?, directory.divergence()?);
                // What was left to the data is filled in there once the run has begun.
                let config = directory.config()?;
                let state = match divergence {
                    Some(_) => State::Diverged,
                    None if is_over(&history, &config) && has_model(&directory.model(), &history) => State::Finished,
                    None => State::Unfinished,
                };
                (history, divergence, state)
            }
        };
        Ok(RunResult {
            run: place,
            settings,
            state,
            epochs: history.len(),
            seconds: history.iter().map(|epoch| epoch.seconds).sum(),
            best: best_of(&history).copied(),
            divergence,
            error: None,
        })
    }

    /// Whether there is nothing left to train.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Finished | State::Diverged)
    }

    /// The kept epoch of a run that ended well.
    pub(crate) fn kept(&self) -> Option<&EpochRecord> {
        self.best.as_ref().filter(|_| self.state == State::Finished)
    }
}

fn best_of(history: &[EpochRecord]) -> Option<&EpochRecord> {
    history.iter().rev().find(|epoch| epoch.is_best)
}

/// Whether all epochs are done, or the stopping rule holds.
fn is_over(history: &[EpochRecord], config: &TrainConfig) -> bool {
    let rule = config.training.early_stopping;
    let mut state = StoppingState::default();
    for epoch in history {
        state.observe(epoch.epoch, epoch.watched(), rule);
    }
    history.len() >= config.training.epochs() || (!history.is_empty() && state.is_over(rule))
}

/// Whether the model is that of the best epoch: one that was saved when the run was stopped may not be.
fn has_model(path: &Path, history: &[EpochRecord]) -> bool {
    let best = best_of(history).map(|epoch| epoch.epoch);
    Model::load(path).is_ok_and(|model| Some(model.provenance().epoch) == best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive::config::EarlyStopping;

    fn history(totals: &[f64]) -> Vec<EpochRecord> {
        let text = |(i, total): (usize, &f64)| {
            let terms = format!("{{\"total\":{total},\"reconstruction\":{total},\"penalty\":0,\"sparsity\":0}}");
            format!(
                "{{\"epoch\":{},\"step\":1,\"seconds\":1,\"rows_per_second\":1,\"learning_rate\":1,\"train\":{terms},\
                 \"validation\":{terms},\"test\":null,\"jacobian_norm\":1,\"jacobian_square\":1,\"is_best\":{}}}",
                i + 1,
                totals[..i].iter().all(|other| other > total)
            )
        };
        totals.iter().enumerate().map(|epoch| serde_json::from_str(&text(epoch)).unwrap()).collect()
    }

    #[test]
    fn a_run_is_over_after_its_epochs_or_when_its_rule_holds() {
        let mut config = TrainConfig::default();
        (config.training.epochs, config.training.early_stopping) = (Some(4), None);
        let history = history(&[3.0, 2.0, 2.5]);
        assert_eq!(best_of(&history).unwrap().epoch, 2);
        assert!(!is_over(&history, &config) && !is_over(&[], &config));
        config.training.early_stopping = Some(EarlyStopping { patience: Some(1), min_delta: 0.0 });
        assert!(is_over(&history, &config) && !is_over(&history[..2], &config));
        config.training.epochs = Some(2);
        assert!(is_over(&history[..2], &config));
    }
}
