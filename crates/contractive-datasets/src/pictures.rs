//! Pictures of a folder or an archive as rows.

use std::ops::Range;
use std::path::Path;

use contractive::data::Dataset;
use contractive::train::{TrainError, picture_notes};
use contractive::{Prepared, TrainConfig};
use contractive_core::communicator::Group;
use contractive_pictures::{PictureSource, count_pictures, is_pictures};
use contractive_table::{Column, Format, Values, tables_of_folder};

use crate::error::DatasetError;
use crate::options::{LoadOptions, refuse_columns};

/// Bytes of pictures that are held in memory at most; more stay where they lie, and are decoded as they are trained on.
const MOST_IN_MEMORY: u64 = 512 << 20;

/// Pictures for each table at the top of a folder from which on it is one of pictures, beside which tables lie.
const PICTURES_A_TABLE: usize = 10;

/// Whether `text` names pictures: a folder of them, an archive of them, or one picture.
///
/// A folder that holds both pictures and, at its top, tables is what it holds most of: of pictures where there are at least ten
/// for each table, of tables where there are as many of these at least.
///
/// # Errors
/// [`DatasetError::TwoReadings`] between the two.
pub(crate) fn are_pictures(text: &str) -> Result<bool, DatasetError> {
    let path = Path::new(text);
    if text.is_empty() || !path.exists() {
        return Ok(false);
    }
    if !path.is_dir() {
        return Ok(Format::of(path).is_none() && is_pictures(path));
    }
    let tables = tables_of_folder(path).unwrap_or_default();
    let Some(table) = tables.first() else { return Ok(is_pictures(path)) };
    let enough = tables.len().saturating_mul(PICTURES_A_TABLE);
    match count_pictures(path, enough) {
        pictures if pictures >= enough => Ok(true),
        pictures if pictures <= tables.len() => Ok(false),
        pictures => {
            let (path, table) = (path.to_path_buf(), table.clone());
            Err(DatasetError::TwoReadings { path, table, tables: tables.len(), pictures })
        }
    }
}

/// The pictures at `path`, in the order of their names, with the folders they lie in as labels and their names as the column
/// `picture`.
pub(crate) fn load(path: &Path, options: &LoadOptions) -> Result<Dataset, DatasetError> {
    let source = open(path, options)?;
    let n = options.file.rows.map_or(source.len(), |rows| rows.min(source.len()));
    refuse_too_large(&source, n)?;
    read(&source, 0..n)
}

/// The same of a rank's share: a range of the pictures, which each rank lists by itself.
pub(crate) fn load_share(path: &Path, options: &LoadOptions, group: &Group) -> Result<Dataset, DatasetError> {
    let source = group.agree(open(path, options))?;
    group.same("pictures", &source.fingerprint())?;
    let n = options.file.rows.map_or(source.len(), |rows| rows.min(source.len()));
    let from = |rank: usize| (rank * n).div_ceil(group.size());
    let own = from(group.rank())..from(group.rank() + 1);
    let load = || {
        refuse_too_large(&source, own.len())?;
        match own.is_empty() {
            true => Ok(Dataset::without_rows(source.file_name(), 1, true)),
            false => read(&source, own),
        }
    };
    group.agree(load())
}

/// Makes the pictures of a configuration ready that are not to be held in memory: more than that holds, of several sizes, or
/// where a stream is asked for. `None` of others.
pub(crate) fn streamed(
    config: &TrainConfig,
    path: &Path,
    options: &LoadOptions,
) -> Result<Option<Prepared>, DatasetError> {
    let source = open(path, options)?;
    let n = options.file.rows.map_or(source.len(), |rows| rows.min(source.len()));
    let fits = source.shape().is_some_and(|shape| bytes(n, shape.n_values()) <= MOST_IN_MEMORY);
    match fits && !config.data.stream {
        true => Ok(None),
        false => Ok(Some(Prepared::streamed_pictures(config, source)?)),
    }
}

fn open(path: &Path, options: &LoadOptions) -> Result<PictureSource, DatasetError> {
    refuse_columns("pictures", &options.file)?;
    Ok(PictureSource::open(path, &options.pictures)?)
}

fn bytes(n: usize, each: usize) -> u64 {
    (n as u64).saturating_mul(each as u64)
}

fn refuse_too_large(source: &PictureSource, n: usize) -> Result<(), DatasetError> {
    let path = source.path().to_path_buf();
    let shape = source.shape().ok_or_else(|| TrainError::SeveralSizes { path: path.clone() })?;
    let got = bytes(n, shape.n_values());
    match got > MOST_IN_MEMORY {
        true => Err(DatasetError::TooLarge { path, most: MOST_IN_MEMORY, got }),
        false => Ok(()),
    }
}

fn read(source: &PictureSource, range: Range<usize>) -> Result<Dataset, DatasetError> {
    let path = source.path().to_path_buf();
    let shape = source.shape().ok_or(TrainError::SeveralSizes { path })?;
    let (mut pixels, mut kept) = (Vec::new(), Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    for picture in source.stream(range.map(|i| i as u32).collect(), threads) {
        let (index, picture) = picture?;
        pixels.extend_from_slice(&picture.pixels);
        kept.push(index as usize);
    }
    let mut data = Dataset::from_u8_pictures(source.file_name(), shape, pixels)?;
    if let Some((labels, names)) = source.labels() {
        data = data.with_labels(kept.iter().map(|i| labels[*i]).collect())?.with_class_names(names);
    }
    let names = kept.iter().map(|i| Some(source.name(*i).into_owned())).collect();
    data = data.with_carried(vec![Column { name: "picture".into(), values: Values::Text(names) }])?;
    data = data.with_sha256(source.fingerprint());
    Ok(picture_notes(source).into_iter().fold(data, Dataset::with_note))
}
