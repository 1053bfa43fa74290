//! The rows of one of several ranks.

use contractive::data::{Dataset, FileOptions, Storage, load_encoded_share, load_share};
use contractive_core::communicator::Group;
use contractive_table::Share;
use contractive_table::checksum::{Sha256Sum, sha256_of_file};

use crate::error::DatasetError;
use crate::file::is_encoded;
use crate::options::{LoadOptions, refuse_options};
use crate::part::Part;
use crate::pictures;
use crate::registry::{self, Registered};
use crate::spec::{DataSpec, Target};

/// The rows of this rank: of a table in files a run of row groups (Parquet) or of whole files, of a registered set a range.
/// Without others, all rows. Collective: every rank must call it.
///
/// The checksum is that of the file, of several files the sum of their sums, on however many ranks.
///
/// # Errors
/// Any [`DatasetError`], on every rank where one has it.
pub(crate) fn load(
    spec: &DataSpec,
    part: Part,
    options: &LoadOptions,
    group: &Group,
    progress: registry::Progress<'_>,
) -> Result<Dataset, DatasetError> {
    match spec.target() {
        Target::Registered { set, part: named } => registered(set, named.unwrap_or(part), options, group, progress),
        Target::Pictures(path) => pictures::load_share(path, options, group),
        _ => files(spec, &options.file, group),
    }
}

/// A range of a registered set. Rank 0 goes first: what it downloads the others then find, where they look in the same place.
fn registered(
    set: &'static Registered,
    part: Part,
    options: &LoadOptions,
    group: &Group,
    progress: registry::Progress<'_>,
) -> Result<Dataset, DatasetError> {
    let mut load = || -> Result<Dataset, DatasetError> {
        refuse_options(set, &options.file)?;
        let rows = options.file.rows;
        let whole = registry::load(set, part, &options.source, rows, progress)?;
        let n = rows.map_or(whole.len(), |rows| rows.min(whole.len()));
        // Even to a row, the first ranks having one more.
        let from = |rank: usize| (rank * n).div_ceil(group.size()) as u32;
        let own: Vec<u32> = (from(group.rank())..from(group.rank() + 1)).collect();
        let data = whole.notes().iter().fold(whole.select(&own), |data, note| data.with_note(note.clone()));
        Ok(match whole.sha256() {
            Some(sum) => data.with_sha256(sum.to_owned()),
            None => data,
        })
    };
    if group.is_first() {
        let rows = group.agree(load())?;
        return group.agree(Ok(rows));
    }
    group.agree(Ok::<(), DatasetError>(()))?;
    group.agree(load())
}

/// A share of a table in files.
fn files(spec: &DataSpec, options: &FileOptions, group: &Group) -> Result<Dataset, DatasetError> {
    let listed = group.agree(spec.files().map_err(DatasetError::from))?;
    let names: Vec<String> = listed.iter().map(|file| file.display().to_string()).collect();
    group.same("files", &names.join(", "))?;
    let wanted = options.rows.map(|rows| rows as u64);
    let share = group.agree(Share::of(listed, group.rank(), group.size(), wanted).map_err(DatasetError::from))?;
    let rows = rows_of(&share, &spec.name(), options, group)?;
    let rows = alike(rows, &spec.name(), options, &share, group)?;
    let data = first_rows(rows, options.rows, group)?.with_sha256(sum(&share, group)?);
    Ok(match share.note().filter(|_| group.is_first()) {
        Some(note) => data.with_note(note),
        None => data,
    })
}

fn rows_of(share: &Share, name: &str, options: &FileOptions, group: &Group) -> Result<Option<Dataset>, DatasetError> {
    // The first file tells for all, on every rank.
    match group.agree(is_encoded(&share.files()[0], options))? {
        true => Ok(load_encoded_share(share, name, options, group)?),
        false => group.agree(load_share(share, name, options).map_err(DatasetError::from)),
    }
}

/// The rows as those of the other ranks are kept: without any where there are none, and bytes as numbers from 0 to 255 or as 0
/// and 1, which no rank can tell by its own.
fn alike(
    rows: Option<Dataset>,
    name: &str,
    options: &FileOptions,
    share: &Share,
    group: &Group,
) -> Result<Dataset, DatasetError> {
    let (mut features, mut bytes) = ([0.0], [0.0]);
    if let Some(rows) = &rows {
        features = [rows.n_features() as f64];
        bytes = [f64::from(u8::from(matches!(rows.storage(), Storage::U8(_))))];
    }
    let features = group.each(features[0])?;
    group.sum(&mut bytes)?;
    let (has_bytes, known) = (bytes[0] > 0.0, features.into_iter().find(|n| *n > 0.0).unwrap_or(1.0) as usize);
    let rows = match rows {
        // Rows of nothing but 0 and 1 that are images where others' are.
        Some(rows) if has_bytes && !matches!(rows.storage(), Storage::U8(_)) => {
            let as_bytes = FileOptions { divide_bytes: Some(true), ..options.clone() };
            load_share(share, name, &as_bytes).map(|again| again.unwrap_or(rows)).map_err(DatasetError::from)
        }
        Some(rows) => Ok(rows),
        None => Ok(Dataset::without_rows(name, known, has_bytes)),
    };
    group.agree(rows)
}

/// Those of this rank that are among the first `rows` of all.
fn first_rows(data: Dataset, rows: Option<usize>, group: &Group) -> Result<Dataset, DatasetError> {
    let Some(rows) = rows else { return Ok(data) };
    let counts = group.each(data.len() as f64)?;
    let before = counts[..group.rank()].iter().sum::<f64>() as usize;
    let left = rows.saturating_sub(before);
    Ok(if left < data.len() { data.take(left) } else { data })
}

/// The checksum of the table: each file is read for it by one rank.
fn sum(share: &Share, group: &Group) -> Result<String, DatasetError> {
    let own: Result<Vec<String>, _> = share.summed_files().iter().map(sha256_of_file).collect();
    let own = group.agree(own.map_err(DatasetError::from))?;
    let all = group.gather_bytes(own.concat().into_bytes())?.concat();
    if share.files().len() == 1 {
        return Ok(String::from_utf8_lossy(&all).into_owned());
    }
    let mut sum = Sha256Sum::new();
    sum.update(&all);
    Ok(sum.finish())
}
