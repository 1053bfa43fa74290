//! Where a run begins: drawn parameters, those of a model, or a checkpoint of the same run. With several ranks, where rank 0
//! says.

use contractive_core::Parameters;
use contractive_core::optimiser::OptimiserState;
use contractive_core::random::{Purpose, Stream};

use super::error::TrainError;
use super::outcome::Start;
use super::prepared::Prepared;
use super::same_run::{check_same_run, in_words, state_of};
use crate::checkpoint::{Checkpoint, Resume, RunState};

/// What a run begins with.
pub(super) struct Beginning {
    pub(super) parameters: Parameters,
    /// The optimiser's memory; none for a new one.
    pub(super) memory: Option<OptimiserState>,
    pub(super) state: RunState,
    pub(super) best: Option<Parameters>,
}

impl Beginning {
    pub(super) fn of(prepared: &Prepared, start: Start) -> Result<Self, TrainError> {
        let fresh = state_of(prepared);
        let group = prepared.group();
        let start = if group.is_alone() { start } else { of_first(prepared, start)? };
        group.agree(begin(prepared, start, fresh))
    }
}

fn begin(prepared: &Prepared, start: Start, fresh: RunState) -> Result<Beginning, TrainError> {
    match start {
        Start::Fresh => {
            let t = &prepared.config.training;
            let mut stream = Stream::new(t.seed, Purpose::Initialisation, 0, 0);
            let parameters = t.initialisation.parameters(&prepared.architecture, || stream.uniform())?;
            Ok(Beginning { parameters, memory: None, state: fresh, best: None })
        }
        Start::From(parameters) => {
            let given = (in_words(parameters.architecture()), in_words(&prepared.architecture));
            if given.0 != given.1 {
                let (checkpoint, run) = given;
                return Err(TrainError::Resume { what: "the architecture", checkpoint, run });
            }
            Ok(Beginning { parameters: *parameters, memory: None, state: fresh, best: None })
        }
        Start::Resume(resume) => {
            let Resume { mut last, best } = *resume;
            check_same_run(&fresh, &last.state)?;
            if let Some(best) = &best {
                check_same_run(&fresh, &best.state)?;
            }
            // Checkpoints of older versions do not say; those to come do.
            last.state.settings = fresh.settings;
            let best = best.map(|best| best.parameters);
            Ok(Beginning { parameters: last.parameters, memory: Some(last.optimiser), state: last.state, best })
        }
    }
}

/// Rank 0's start, whatever the others were given.
fn of_first(prepared: &Prepared, start: Start) -> Result<Start, TrainError> {
    let group = prepared.group();
    let checkpoint = |parameters: Parameters| {
        let optimiser = OptimiserState { step: 0, first: Vec::new().into(), second: Vec::new().into() };
        let mut state = state_of(prepared);
        state.architecture = parameters.architecture().clone();
        Checkpoint { parameters, optimiser, state }
    };
    let (kind, checkpoints) = match start {
        Start::Fresh => ("fresh", vec![]),
        Start::From(parameters) => ("from", vec![checkpoint(*parameters)]),
        Start::Resume(resume) => {
            let Resume { last, best } = *resume;
            ("resume", std::iter::once(last).chain(best).collect())
        }
    };
    let kind = group.of_first(kind.as_bytes().to_vec())?;
    let sent: Vec<Vec<u8>> = checkpoints.iter().map(Checkpoint::to_bytes).collect();
    let n = group.of_first(vec![sent.len() as u8])?;
    let mut sent = sent.into_iter();
    let mut received = Vec::new();
    for _ in 0..n.first().copied().unwrap_or(0) {
        let bytes = group.of_first(sent.next().unwrap_or_default())?;
        received.push(group.agree(Checkpoint::from_bytes(&bytes).map_err(TrainError::from))?);
    }
    let mut received = received.into_iter();
    Ok(match (&kind[..], received.next()) {
        (b"from", Some(checkpoint)) => Start::From(Box::new(checkpoint.parameters)),
        (b"resume", Some(last)) => Start::Resume(Box::new(Resume { last, best: received.next() })),
        _ => Start::Fresh,
    })
}
