//! Rows that lie with several ranks: what each must know of the others', and that all were given the same.

use contractive_core::ArgumentError;
use contractive_core::communicator::{CommunicationError, Group};
use contractive_core::patches::PictureShape;
use serde::{Deserialize, Serialize};

use super::error::TrainError;
use crate::batch::Here;
use crate::config::TrainConfig;
use crate::data::{Dataset, Storage, split_together};

/// The rows of all ranks, by their numbers over all: those of rank 0 come first, then those of rank 1, and so on.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) group: Group,
    /// The rows trained on, ascending, and those held out.
    pub(crate) train_rows: Vec<u32>,
    pub(crate) validation_rows: Vec<u32>,
    /// Where this rank's rows are among them.
    pub(crate) here: Here,
    /// Rows of the test part, those of all ranks, and where this rank's are; none without one.
    pub(crate) test: Option<(u32, Here)>,
}

impl Shared {
    /// Of ranks that hold the rows of `data`, and so many of a test part, each.
    pub(super) fn of(
        group: &Group,
        config: &TrainConfig,
        data: &Dataset,
        test: Option<usize>,
    ) -> Result<Self, TrainError> {
        let (total, here) = place(group, data.len())?;
        let test = test.map(|rows| place(group, rows)).transpose()?;
        let (train_rows, validation_rows) =
            split_together(total as usize, data.rows_a_picture(), config.data.validation, config.training.seed);
        Ok(Shared { group: group.clone(), train_rows, validation_rows, here, test })
    }

    /// Those of `rows` that lie here, by their numbers here.
    pub(super) fn own(&self, rows: &[u32]) -> Vec<u32> {
        rows.iter().filter_map(|row| self.here.own(*row)).collect()
    }
}

/// Rows of all ranks, and where those of this one are.
fn place(group: &Group, rows: usize) -> Result<(u32, Here), TrainError> {
    let counts = group.each(rows as f64)?;
    let total = counts.iter().sum::<f64>();
    if total > f64::from(u32::MAX) {
        let (name, must_be) = ("rows of all ranks", "at most 4294967295");
        return Err(ArgumentError::Number { name, must_be, got: total }.into());
    }
    let first = counts[..group.rank()].iter().sum::<f64>() as u32;
    Ok((total as u32, Here { first, n_rows: rows as u32 }))
}

/// What the rows of all ranks must have in common.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Form {
    rows: usize,
    features: usize,
    names: Option<Vec<String>>,
    picture_shape: Option<PictureShape>,
    bytes: bool,
    encoding: Option<String>,
    has_test: bool,
}

/// Refuses settings, seeds apart from the data's name and the threads, that are not the same on all ranks.
pub(super) fn check_settings(group: &Group, config: &TrainConfig) -> Result<(), TrainError> {
    let mut config = config.clone();
    config.data.spec = String::new();
    config.training.threads = None;
    group.same("settings", &config.to_toml()?)?;
    Ok(())
}

/// Refuses rows of other columns than those of the other ranks, and gives a rank without rows what is known of theirs.
pub(super) fn in_common(group: &Group, data: Dataset, has_test: bool) -> Result<Dataset, TrainError> {
    let form = Form {
        rows: data.len(),
        features: data.n_features(),
        names: data.feature_names().map(<[String]>::to_vec),
        picture_shape: data.picture_shape(),
        bytes: matches!(data.storage(), Storage::U8(_)),
        encoding: data.encoding().map(|encoding| serde_json::to_string(encoding).unwrap_or_default()),
        has_test,
    };
    let told = group.gather_bytes(serde_json::to_vec(&form).unwrap_or_default())?;
    let all: Vec<Form> = told.iter().filter_map(|bytes| serde_json::from_slice(bytes).ok()).collect();
    let Some(known) = all.iter().find(|form| form.rows > 0) else {
        return Err(contractive_table::TableError::Empty { what: "the data of all ranks".into() }.into());
    };
    let alike = |what, of: fn(&Form) -> String| {
        CommunicationError::unless_alike(what, &all.iter().map(of).collect::<Vec<String>>())
    };
    alike("number of features", |form| form.features.to_string())?;
    // A rank without rows may not know what they are called, or that they are pictures.
    let alike_with_rows = |what, of: fn(&Form) -> String| {
        let of_rows = |form: &Form| of(if form.rows > 0 { form } else { known });
        CommunicationError::unless_alike(what, &all.iter().map(of_rows).collect::<Vec<String>>())
    };
    alike_with_rows("names of features", |form| format!("{:?}", form.names))?;
    alike_with_rows("image shape", |form| format!("{:?}", form.picture_shape))?;
    alike_with_rows("kind of values, bytes or numbers", |form| form.bytes.to_string())?;
    alike_with_rows("encoding of columns", |form| format!("{:?}", form.encoding))?;
    alike("parts, with or without test rows", |form| form.has_test.to_string())?;
    if form.rows > 0 { Ok(data) } else { Ok(known_of(data, known)?) }
}

/// A data set without rows, with what is known of those of others.
fn known_of(data: Dataset, known: &Form) -> Result<Dataset, contractive_table::TableError> {
    let mut data = Dataset::without_rows(data.name(), known.features, known.bytes);
    if let Some(names) = &known.names {
        data = data.with_feature_names(names.clone())?;
    }
    if let Some(shape) = known.picture_shape {
        data = data.with_picture_shape(shape)?;
    }
    if let Some(encoding) = known.encoding.as_ref().and_then(|text| serde_json::from_str(text).ok()) {
        data = data.with_encoding(std::sync::Arc::new(encoding));
    }
    Ok(data)
}
