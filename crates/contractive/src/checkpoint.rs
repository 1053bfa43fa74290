//! Checkpoints: everything from which a run goes on to the same bits, in one safetensors file.
//!
//! The tensors are those of a model file and the optimiser's memory, `optimiser.first` and `optimiser.second`. All else
//! is JSON in the file's metadata, under `contractive`. A checkpoint may lie in the middle of an epoch. There is no
//! generator state: random streams are keyed by (seed, purpose, epoch, step). The JSON begins with `sha256`, of the JSON
//! without it and the tensors' bytes in their order: a run does not go on from a damaged file. Older files have none.

use std::path::{Path, PathBuf};

use contractive_core::optimiser::{Optimiser, OptimiserState};
use contractive_core::schedule::ScheduleState;
use contractive_core::{Architecture, ArgumentError, Noise, Objective, Parameters};
use contractive_table::checksum::Sha256Sum;
use contractive_table::json::from_json;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::history::{EpochRecord, StoppingState, Sums};
use crate::preprocess::Scale;
use crate::tensor_file::{Expected, TensorFile, TensorFileError, tensors_of, write_tensors};

const METADATA: &str = "contractive";
const FORMAT_VERSION: u64 = 1;

/// A moment of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Weights and biases.
    pub parameters: Parameters,
    /// The optimiser's memory.
    pub optimiser: OptimiserState,
    /// Where the run stands.
    pub state: RunState,
}

/// Where a run goes on from.
#[derive(Debug, Clone)]
pub struct Resume {
    /// The last checkpoint.
    pub last: Checkpoint,
    /// The best one, where an epoch was completed.
    pub best: Option<Checkpoint>,
}

/// Where a run stands: all that is not a tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunState {
    format_version: u64,
    /// The network's shape.
    pub architecture: Architecture,
    /// The optimiser that the memory belongs to.
    pub optimiser: Optimiser,
    /// The optimiser's count of steps.
    pub optimiser_step: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Rows trained on.
    pub rows: usize,
    /// Rows a step.
    pub batch_size: usize,
    /// SHA-256 of the data's source, in hexadecimal.
    pub data_sha256: Option<String>,
    /// What else must stay as it was; `None` in checkpoints of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<RunSettings>,
    /// Epochs completed.
    pub epoch: usize,
    /// Steps done of the epoch after those.
    pub step_in_epoch: usize,
    /// Steps done since the run began.
    pub step: u64,
    /// Sums over the unfinished epoch.
    pub(crate) sums: Sums,
    /// Wall time of the unfinished epoch so far.
    pub seconds: f64,
    /// What the schedule remembers.
    pub schedule: ScheduleState,
    /// What the stopping rule remembers.
    pub stopping: StoppingState,
    /// One record a completed epoch.
    pub history: Vec<EpochRecord>,
}

/// Settings under which the numbers of a checkpoint mean what they do: a run that goes on under others is another run.
///
/// Epochs, learning rate, schedule, clipping, stopping rule and threads may change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSettings {
    /// What is minimised.
    pub objective: Objective,
    /// Input noise.
    pub noise: Option<Noise>,
    /// How features are scaled.
    pub scale: Scale,
    /// SHA-256 of the numbers learnt for that, in hexadecimal.
    pub scaling_sha256: String,
    /// Whether each epoch takes the rows in a new order.
    pub shuffle: bool,
    /// Rows of the buffer through which a stream is shuffled; `None` for rows in memory.
    pub shuffle_rows: Option<usize>,
    /// Whether the rows left over make a short batch.
    pub keep_last_partial_batch: bool,
}

impl RunState {
    /// A run that has not begun.
    pub fn new(
        architecture: Architecture,
        optimiser: Optimiser,
        seed: u64,
        rows: usize,
        batch_size: usize,
        data_sha256: Option<String>,
    ) -> Self {
        RunState {
            format_version: FORMAT_VERSION,
            architecture,
            optimiser,
            optimiser_step: 0,
            seed,
            rows,
            batch_size,
            data_sha256,
            settings: None,
            epoch: 0,
            step_in_epoch: 0,
            step: 0,
            sums: Sums::default(),
            seconds: 0.0,
            schedule: ScheduleState::default(),
            stopping: StoppingState::default(),
            history: Vec::new(),
        }
    }
}

/// Why a checkpoint cannot be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The tensors are refused, or the file cannot be read or written.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// A tensor file that is no checkpoint, or a damaged one.
    #[error("{} is not a checkpoint, or damaged: {reason}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Its numbers are not those that were written.
    #[error("{} is damaged: its SHA-256 must be {expected}, got {got}", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The sum in the file, in hexadecimal.
        expected: String,
        /// The sum of what is in the file.
        got: String,
    },
    /// Its settings contradict each other.
    #[error("{}: {source}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ArgumentError,
    },
}

impl Checkpoint {
    /// Writes the checkpoint atomically.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let path = path.as_ref();
        let state = serde_json::to_string(&self.state)
            .map_err(|e| CheckpointError::State { path: path.to_path_buf(), reason: e.to_string() })?;
        let values = self.parameters.values();
        let state = summed(&state, &[values, &self.optimiser.first, &self.optimiser.second]);
        let mut tensors: Vec<(Expected, &[f32])> = self
            .parameters
            .places()
            .iter()
            .map(|p| (Expected { name: p.name.clone(), shape: p.shape.clone() }, &values[p.range()]))
            .collect();
        for (name, memory) in [("optimiser.first", &self.optimiser.first), ("optimiser.second", &self.optimiser.second)]
        {
            if !memory.is_empty() {
                tensors.push((Expected { name: name.into(), shape: vec![memory.len()] }, memory));
            }
        }
        Ok(write_tensors(path, &tensors, (METADATA, state))?)
    }

    /// As bytes for another process of the same version; files are written by [`Checkpoint::save`].
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let state = serde_json::to_vec(&self.state).unwrap_or_default();
        let numbers = [self.parameters.values(), &self.optimiser.first, &self.optimiser.second];
        let lengths = [state.len(), numbers[0].len(), numbers[1].len(), numbers[2].len()];
        let mut bytes: Vec<u8> = lengths.iter().flat_map(|length| (*length as u64).to_le_bytes()).collect();
        bytes.extend_from_slice(&state);
        bytes.extend(numbers.into_iter().flatten().flat_map(|number| number.to_le_bytes()));
        bytes
    }

    /// What [`Checkpoint::to_bytes`] gave.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let wrong = |reason: &str| CheckpointError::State { path: "(from rank 0)".into(), reason: reason.to_owned() };
        let (lengths, rest) = bytes.split_at_checked(4 * 8).ok_or_else(|| wrong("it was cut off"))?;
        let lengths: Vec<usize> =
            lengths.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes) as usize).collect();
        let (state, rest) = rest.split_at_checked(lengths[0]).ok_or_else(|| wrong("it was cut off"))?;
        let state: RunState = serde_json::from_slice(state).map_err(|e| wrong(&e.to_string()))?;
        let numbers: Vec<f32> = rest.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let settings = |source| CheckpointError::Settings { path: "(from rank 0)".into(), source };
        let mut parameters = Parameters::zeros(&state.architecture).map_err(settings)?;
        if lengths[1] != parameters.len() || lengths[1..].iter().sum::<usize>() != numbers.len() {
            return Err(wrong("it was cut off"));
        }
        let (values, memory) = numbers.split_at(lengths[1]);
        parameters.values_mut().copy_from_slice(values);
        let (first, second) = memory.split_at(lengths[2]);
        let (step, first, second) = (state.optimiser_step, first.to_vec().into(), second.to_vec().into());
        Ok(Checkpoint { parameters, optimiser: OptimiserState { step, first, second }, state })
    }

    /// Reads a checkpoint. Sizes are checked against its own state before they are allocated.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = path.as_ref();
        let wrong = |reason: String| CheckpointError::State { path: path.to_path_buf(), reason };
        let settings = |source| CheckpointError::Settings { path: path.to_path_buf(), source };
        let mut file = TensorFile::open(path)?;
        let text = file.take_metadata(METADATA).ok_or_else(|| wrong(format!("it has no metadata `{METADATA}`")))?;
        let (sha256, text) = without_sum(text);
        let state: RunState = from_json(text.as_bytes()).map_err(|e| wrong(e.to_string()))?;
        if state.format_version != FORMAT_VERSION {
            let got = state.format_version;
            return Err(wrong(format!("its `format_version` must be {FORMAT_VERSION}, got {got}")));
        }
        state.architecture.check().map_err(settings)?;
        state.optimiser.check().map_err(settings)?;
        if state.history.len() != state.epoch || state.stopping.best_epoch > state.epoch {
            return Err(wrong(format!("{} epochs are done, but {} recorded", state.epoch, state.history.len())));
        }
        let mut expected = tensors_of(&state.architecture);
        let n = expected.iter().map(|e| e.shape.iter().product::<usize>()).sum::<usize>();
        let memories = match state.optimiser {
            Optimiser::Sgd { .. } => 0,
            Optimiser::Momentum { .. } => 1,
            Optimiser::Adam { .. } | Optimiser::AdamW { .. } => 2,
        };
        for name in ["optimiser.first", "optimiser.second"].iter().take(memories) {
            expected.push(Expected { name: (*name).into(), shape: vec![n] });
        }
        let values = file.read(&expected)?;
        if let Some(expected) = sha256 {
            let got = sum_of(&text, &[&values]);
            if got != expected {
                return Err(CheckpointError::Checksum { path: path.to_path_buf(), expected, got });
            }
        }
        let mut parts = values.chunks_exact(n.max(1));
        let mut next = || parts.next().map(<[f32]>::to_vec).unwrap_or_default();
        let mut parameters = Parameters::zeros(&state.architecture).map_err(settings)?;
        parameters.values_mut().copy_from_slice(&next());
        let optimiser = OptimiserState { step: state.optimiser_step, first: next().into(), second: next().into() };
        Ok(Checkpoint { parameters, optimiser, state })
    }
}

const SUM: &str = "{\"sha256\":\"";
const AFTER_SUM: &str = "\",";

/// The JSON `text` with the SHA-256 of itself and `numbers` in front.
fn summed(text: &str, numbers: &[&[f32]]) -> String {
    format!("{SUM}{}{AFTER_SUM}{}", sum_of(text, numbers), text.trim_start_matches('{'))
}

/// The sum in front, if there is one, and the text that it is of.
fn without_sum(mut text: String) -> (Option<String>, String) {
    let found = text.strip_prefix(SUM).and_then(|rest| rest.split_once(AFTER_SUM));
    let Some(sum) = found.map(|(sum, _)| sum.to_owned()) else { return (None, text) };
    text.replace_range(..SUM.len() + sum.len() + AFTER_SUM.len(), "{");
    (Some(sum), text)
}

fn sum_of(text: &str, numbers: &[&[f32]]) -> String {
    let mut sum = Sha256Sum::new();
    sum.update(text.as_bytes());
    for some in numbers.iter().flat_map(|numbers| numbers.chunks(4096)) {
        sum.update(&some.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>());
    }
    sum.finish()
}
