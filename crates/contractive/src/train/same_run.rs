//! Whether a checkpoint belongs to the run that is to go on from it.

use contractive_table::checksum::Sha256Sum;

use super::error::TrainError;
use super::prepared::Prepared;
use crate::checkpoint::{RunSettings, RunState};
use crate::preprocess::Preprocessing;

/// The state of a run that has not begun.
pub(super) fn state_of(prepared: &Prepared) -> RunState {
    let t = &prepared.config.training;
    let settings = RunSettings {
        objective: prepared.config.objective(),
        noise: prepared.config.objective.noise,
        scale: prepared.preprocessing.scale(),
        scaling_sha256: sum_of(&prepared.preprocessing),
        shuffle: t.shuffle,
        shuffle_rows: prepared.shuffle_buffer(),
        keep_last_partial_batch: t.keep_last_partial_batch,
    };
    let (architecture, rows) = (prepared.architecture.clone(), prepared.n_training_rows());
    let sha256 = prepared.data.sha256().map(str::to_owned);
    let mut state = RunState::new(architecture, t.optimiser, t.seed, rows, t.batch_size, sha256);
    state.settings = Some(settings);
    state
}

/// The sum of the numbers that rows are scaled by; names and spelling do not change a row.
fn sum_of(preprocessing: &Preprocessing) -> String {
    let mut sum = Sha256Sum::new();
    let knots = preprocessing.ranks.iter().map(|ranks| ranks.knots());
    for numbers in [&preprocessing.offset[..], &preprocessing.factor].into_iter().chain(knots) {
        sum.update(&(numbers.len() as u64).to_le_bytes());
        numbers.iter().for_each(|number| sum.update(&number.to_le_bytes()));
    }
    sum.update(&[u8::from(preprocessing.clip), u8::from(preprocessing.divides_bytes)]);
    let counts = preprocessing.counts;
    if !counts.is_none() {
        // Nothing where there are none: sums of older runs stay.
        sum.update(&counts.library_size.unwrap_or(0.0).to_le_bytes());
        sum.update(&[u8::from(counts.log1p)]);
    }
    sum.finish()
}

/// Refuses a checkpoint whose continuation would not be the run that it was taken from.
pub(super) fn check_same_run(now: &RunState, then: &RunState) -> Result<(), TrainError> {
    // First: other data have other rows as well.
    if then.data_sha256 != now.data_sha256 {
        return Err(TrainError::OtherData { checkpoint: then.data_sha256.clone(), run: now.data_sha256.clone() });
    }
    let own = [
        ("the architecture", in_words(&then.architecture), in_words(&now.architecture)),
        ("the optimiser", in_words(&then.optimiser), in_words(&now.optimiser)),
        ("the seed", in_words(&then.seed), in_words(&now.seed)),
        ("the number of training rows", in_words(&then.rows), in_words(&now.rows)),
        ("the batch size", in_words(&then.batch_size), in_words(&now.batch_size)),
    ];
    let settings = then.settings.iter().zip(&now.settings).flat_map(|(then, now)| {
        [
            ("the objective", in_words(&then.objective), in_words(&now.objective)),
            ("the input noise", in_words(&then.noise), in_words(&now.noise)),
            ("the scaling", in_words(&then.scale), in_words(&now.scale)),
            ("the sum of the scaling's numbers", in_words(&then.scaling_sha256), in_words(&now.scaling_sha256)),
            ("`training.shuffle`", in_words(&then.shuffle), in_words(&now.shuffle)),
            ("the rows of a stream's buffer", in_words(&then.shuffle_rows), in_words(&now.shuffle_rows)),
            (
                "`training.keep_last_partial_batch`",
                in_words(&then.keep_last_partial_batch),
                in_words(&now.keep_last_partial_batch),
            ),
        ]
    });
    match own.into_iter().chain(settings).find(|(_, checkpoint, run)| checkpoint != run) {
        Some((what, checkpoint, run)) => Err(TrainError::Resume { what, checkpoint, run }),
        None => Ok(()),
    }
}

/// A setting as a user would write it: `encoder_sizes 784 16, tied false`.
pub(super) fn in_words(setting: &impl serde::Serialize) -> String {
    fn text(value: &serde_json::Value) -> String {
        use serde_json::Value;
        match value {
            Value::Null => "none".to_owned(),
            Value::String(word) => word.clone(),
            Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(" "),
            Value::Object(table) => {
                let entry = |(key, value): (&String, &Value)| match key.as_str() {
                    "kind" => text(value),
                    key => format!("{key} {}", text(value)),
                };
                table.iter().map(entry).collect::<Vec<_>>().join(", ")
            }
            value => value.to_string(),
        }
    }
    serde_json::to_value(setting).map_or_else(|e| e.to_string(), |value| text(&value))
}
