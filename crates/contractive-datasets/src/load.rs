//! Rows of a spec, and all that a configuration asks for.

use contractive::data::Dataset;
use contractive::train::TrainError;
use contractive::{Prepared, TrainConfig};
use contractive_core::communicator::Group;

use crate::error::DatasetError;
use crate::options::{LoadOptions, refuse_options};
use crate::part::Part;
use crate::registry::{self, Source};
use crate::spec::{DataSpec, Target};
use crate::{file, pictures, share};

/// Loads data; `part` is meant when the spec names none.
///
/// # Errors
///
/// Any [`DatasetError`].
pub fn load(spec: &DataSpec, part: Part, options: &LoadOptions) -> Result<Dataset, DatasetError> {
    load_with_progress(spec, part, options, &mut |_, _, _| {})
}

/// [`load`], telling `progress` about a download: (file, bytes done, bytes in all).
///
/// # Errors
///
/// As [`load`].
pub fn load_with_progress(
    spec: &DataSpec,
    part: Part,
    options: &LoadOptions,
    progress: registry::Progress<'_>,
) -> Result<Dataset, DatasetError> {
    if options.file.rows == Some(0) {
        return Err(DatasetError::RowCount { name: spec.to_string(), asked: 0, most: u32::MAX as usize });
    }
    match spec.target() {
        Target::File(path) => file::load(path, &options.file),
        Target::Pictures(path) => pictures::load(path, options),
        Target::Files(_) => share::load(spec, part, options, &Group::alone(), progress),
        Target::Registered { set, part: named } => {
            refuse_options(set, &options.file)?;
            let data = registry::load(set, named.unwrap_or(part), &options.source, options.file.rows, progress)?;
            Ok(match options.file.rows {
                Some(rows) => data.take(rows),
                None => data,
            })
        }
    }
}

/// Whether the data have a test part: registered names do, single files do not.
pub fn has_test_part(spec: &DataSpec) -> bool {
    spec.registered().is_some()
}

/// Checks a configuration, loads its data, and makes them ready to be trained on.
///
/// # Errors
/// Any [`DatasetError`].
pub fn prepare(config: &TrainConfig, source: &Source) -> Result<Prepared, DatasetError> {
    prepare_with_progress(config, source, &mut |_, _, _| {})
}

/// [`prepare`], telling `progress` about a download: (file, bytes done, bytes in all).
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with_progress(
    config: &TrainConfig,
    source: &Source,
    progress: registry::Progress<'_>,
) -> Result<Prepared, DatasetError> {
    prepare_shared(config, source, &Group::alone(), progress)
}

/// The same of a rank of `group`.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_shared(
    config: &TrainConfig,
    source: &Source,
    group: &Group,
    progress: registry::Progress<'_>,
) -> Result<Prepared, DatasetError> {
    group.agree(config.check().map_err(|e| DatasetError::from(TrainError::from(e))))?;
    let mut load = |spec: &DataSpec, part, options: &LoadOptions| match group.is_alone() {
        true => load_with_progress(spec, part, options, &mut *progress),
        false => share::load(spec, part, options, group, &mut *progress),
    };
    let spec = group.agree(config.data.spec.parse::<DataSpec>())?;
    if let (None, Some((setting, got))) = (spec.pictures(), config.data.first_of_pictures()) {
        return group.agree(Err(DatasetError::NoPictures { setting, name: config.data.spec.clone(), got }));
    }
    if let (true, Some(path)) = (group.is_alone(), spec.pictures())
        && let Some(prepared) = pictures::streamed(config, path, &LoadOptions::of(&config.data, source.clone()))?
    {
        return Ok(prepared);
    }
    if config.data.stream {
        return streamed(config, &spec, group);
    }
    let mut options = LoadOptions::of(&config.data, source.clone());
    let data = load(&spec, Part::Train, &options)?;
    // A spec that names its part is trained on as it is: there is nothing else to test on.
    let test = if spec.part().is_none() && has_test_part(&spec) {
        options.file.rows = None;
        Some(load(&spec, Part::Test, &options)?)
    } else {
        None
    };
    Ok(Prepared::shared(config, data, test, group)?)
}

fn streamed(config: &TrainConfig, spec: &DataSpec, group: &Group) -> Result<Prepared, DatasetError> {
    if !group.is_alone() {
        let (what, remedy) = ("a stream (`data.stream`)", "leave it out: each rank holds its share in memory");
        return Err(TrainError::NotShared { what, remedy }.into());
    }
    match spec.path() {
        Some(path) => Ok(Prepared::streamed(config, path)?),
        None => Err(TrainError::NotAStream { name: config.data.spec.clone() }.into()),
    }
}
