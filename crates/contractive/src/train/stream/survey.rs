//! The first pass over a file: what must be known of all rows, in bounded memory.

use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use contractive_core::patches::PictureShape;
use contractive_core::statistics::{Moments, Statistics};
#[cfg(feature = "pictures")]
use contractive_pictures::PictureSource;
use contractive_table::checksum::sha256_of_file;
use contractive_table::{ReadOptions, TableError};

use super::file_rows::FileRows;
use super::identity::FileIdentity;
#[cfg(feature = "pictures")]
use super::streamed_pictures::StreamedPictures;
use super::streamed_rows::{StreamedRows, hash, is_held_out};
use crate::config::TrainConfig;
use crate::data::{Dataset, bits_note, label_note};
use crate::preprocess::{Counts, LibrarySize, median};
use crate::train::error::TrainError;

/// Bytes of rows that the shuffle buffer takes where no number of rows is set …
const BUFFER_BYTES: usize = 64 << 20;
/// … and the rows it takes at most then, and at least.
const BUFFER_ROWS: (usize, usize) = (1 << 16, 1 << 10);
/// The most bytes of validation rows, and of training rows for the report, that are kept.
const KEPT_BYTES: (usize, usize) = (64 << 20, 16 << 20);
/// The most training rows kept.
const KEPT_TRAINING: usize = 2_000;

/// What the first pass gives to the preparation of a run.
pub(in crate::train) struct Surveyed {
    pub rows: StreamedRows,
    /// The rows kept in memory.
    pub data: Dataset,
    /// Those of them that are trained on, ascending.
    pub train_rows: Vec<u32>,
    /// Those of them that are held out, ascending.
    pub validation_rows: Vec<u32>,
    /// What is done to counts before they are scaled.
    pub counts: Counts,
    /// Of the counts transformed.
    pub statistics: Statistics,
    /// (row of the file, column, value) of the first value outside [0, 1].
    pub first_outside: Option<(usize, usize, f32)>,
}

/// Goes through the pictures of a folder or an archive once.
#[cfg(feature = "pictures")]
pub(in crate::train) fn survey_pictures(config: &TrainConfig, source: PictureSource) -> Result<Surveyed, TrainError> {
    let mut rows = rows_of(config, source.path())?;
    rows.pictures = Some(StreamedPictures { source, patch: config.data.patches() });
    surveyed(config, rows)
}

/// What is said of pictures that were read: of tables beside them, and of broken ones that were passed over.
#[cfg(feature = "pictures")]
pub fn picture_notes(source: &PictureSource) -> Vec<String> {
    let tables = source.tables();
    let more = if tables.len() > 1 { format!(" (and {} more)", tables.len() - 1) } else { String::new() };
    let beside = tables.first().map(|table| {
        format!("{table}{more} was passed over: {} holds {} pictures", source.path().display(), source.len())
    });
    beside.into_iter().chain(skipped_note(source)).collect()
}

#[cfg(feature = "pictures")]
fn skipped_note(source: &PictureSource) -> Option<String> {
    const NAMED: usize = 3;
    let skipped = source.skipped();
    if skipped.is_empty() {
        return None;
    }
    let named: Vec<String> = skipped.iter().take(NAMED).map(|(name, reason)| format!("{name} ({reason})")).collect();
    let more = skipped.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let n = skipped.len();
    Some(format!("{n} of {} pictures are broken and were passed over: {}{more}", source.len(), named.join(", ")))
}

/// Goes through the file of a configuration once.
pub(in crate::train) fn survey(config: &TrainConfig, path: &Path) -> Result<Surveyed, TrainError> {
    surveyed(config, rows_of(config, path)?)
}

/// The rows of a configuration in the file at `path`, not looked at yet.
fn rows_of(config: &TrainConfig, path: &Path) -> Result<StreamedRows, TrainError> {
    let text = config.data.text();
    let (array, transpose) = (config.data.array.clone(), config.data.transpose);
    let options = ReadOptions { array, text, transpose, ..ReadOptions::default() };
    let seed = config.training.seed;
    let validation = config.data.validation;
    let label_column = config.data.label_column.clone();
    let most_rows = config.data.rows.map_or(u64::MAX, |rows| rows as u64);
    Ok(StreamedRows {
        path: path.to_path_buf(),
        identity: FileIdentity::of(path)?,
        options,
        #[cfg(feature = "pictures")]
        pictures: None,
        label_column,
        n_features: 0,
        divides: true,
        most_rows,
        seed,
        validation,
        shuffle_rows: 0,
        n_training: 0,
        n_validation: 0,
    })
}

fn surveyed(config: &TrainConfig, mut rows: StreamedRows) -> Result<Surveyed, TrainError> {
    rows.divides = FileRows::open(&rows)?.0.has_grey()?;
    let counts = counts(config, &rows)?;
    let survey = Survey::of(&mut rows, counts)?;
    let row_bytes = size_of::<f32>() * rows.n_features;
    let by_default = (BUFFER_BYTES / row_bytes.max(1)).clamp(BUFFER_ROWS.1, BUFFER_ROWS.0);
    rows.shuffle_rows = match (config.training.shuffle, config.data.shuffle_rows) {
        (false, _) => 0,
        (true, wanted) => wanted.unwrap_or(by_default).min(rows.n_training),
    };
    survey.finish(rows)
}

/// What is done to counts. A median of sums takes a pass of its own, and 8 bytes a row.
fn counts(config: &TrainConfig, rows: &StreamedRows) -> Result<Counts, TrainError> {
    let library_size = match config.data.library_size {
        None => None,
        Some(LibrarySize::Target(target)) => Some(target),
        Some(LibrarySize::Median) => {
            let (mut reader, d) = FileRows::open(rows)?;
            let (mut values, mut row, mut sums) = (Vec::new(), 0_u64, Vec::new());
            while reader.next(&mut values, d)? {
                for one in values.chunks_exact(d) {
                    if !is_held_out(rows.seed, reader.group(row), rows.validation) {
                        sums.push(one.iter().sum());
                    }
                    row += 1;
                }
            }
            Some(median(sums))
        }
    };
    Ok(Counts { library_size, log1p: config.data.log1p })
}

/// A pass that is done.
struct Survey {
    counts: Counts,
    validation: Sample,
    training: Sample,
    moments: Moments,
    first_outside: Option<(usize, usize, f32)>,
    feature_names: Option<Vec<String>>,
    picture_shape: Option<PictureShape>,
    notes: Vec<String>,
    sum: JoinHandle<Result<String, TableError>>,
}

impl Survey {
    /// Reads the file and fills in what `rows` says about it.
    pub fn of(rows: &mut StreamedRows, counts: Counts) -> Result<Self, TrainError> {
        let path: PathBuf = rows.path.clone();
        let (mut reader, d) = FileRows::open(rows)?;
        let mut notes = reader.notes();
        if reader.has_pixels() && !rows.divides {
            notes.push(bits_note(&path.file_name().unwrap_or_default().to_string_lossy()));
        }
        if let (None, Some(names)) = (&rows.label_column, reader.feature_names()) {
            notes.extend(label_note(&names));
        }
        // The file's bytes are wanted twice: their sum is taken while they are read, when they are in the system's cache.
        #[cfg(feature = "pictures")]
        let fingerprint = rows.pictures.as_ref().map(|pictures| pictures.source.fingerprint());
        #[cfg(not(feature = "pictures"))]
        let fingerprint = None;
        let sum = thread::spawn(move || fingerprint.map_or_else(|| sha256_of_file(&path), Ok));
        rows.n_features = d;
        let most = |bytes: usize| (bytes / (size_of::<f64>() * d)).max(1);
        let mut survey = Survey {
            counts,
            validation: Sample::new(most(KEPT_BYTES.0), d),
            training: Sample::new(most(KEPT_BYTES.1).min(KEPT_TRAINING), d),
            moments: Moments::new(d),
            first_outside: None,
            feature_names: reader.feature_names(),
            picture_shape: reader.picture_shape(),
            notes,
            sum,
        };
        let (mut values, mut row, mut transformed) = (Vec::new(), 0_u64, vec![0.0; d]);
        let name = rows.path.display().to_string();
        while reader.next(&mut values, d)? {
            for one in values.chunks_exact(d) {
                counts.check(&name, d, row as usize, one)?;
                transformed.copy_from_slice(one);
                counts.apply(&mut transformed);
                survey.see(rows, (row, reader.group(row)), one, &transformed);
                row += 1;
            }
        }
        #[cfg(feature = "pictures")]
        survey.notes.extend(rows.pictures.iter().flat_map(|pictures| picture_notes(&pictures.source)));
        if row == 0 {
            return Err(TableError::Empty { what: rows.path.display().to_string() }.into());
        }
        if rows.n_training == 0 {
            return Err(TrainError::NoTrainingRows { rows: rows.n_validation, share: rows.validation });
        }
        Ok(survey)
    }

    /// Sees a row as the file has it, and with its counts transformed.
    fn see(&mut self, rows: &mut StreamedRows, (row, group): (u64, u64), values: &[f64], transformed: &[f64]) {
        if self.first_outside.is_none()
            && let Some(column) = transformed.iter().position(|value| !(0.0..=1.0).contains(value))
        {
            self.first_outside = Some((row as usize, column, transformed[column] as f32));
        }
        let hash = hash(rows.seed, row);
        if is_held_out(rows.seed, group, rows.validation) {
            rows.n_validation += 1;
            self.validation.offer(hash, row, values);
        } else {
            rows.n_training += 1;
            self.training.offer(hash, row, values);
            self.moments.see(transformed);
        }
    }

    /// The sample as a data set, training rows first.
    pub fn finish(self, rows: StreamedRows) -> Result<Surveyed, TrainError> {
        let name = rows.path.file_name().map_or_else(|| rows.path.to_string_lossy(), |name| name.to_string_lossy());
        let (n_train, n_held) = (self.training.len() as u32, self.validation.len() as u32);
        let mut values = self.training.into_values();
        values.extend(self.validation.into_values());
        let mut data = Dataset::from_f64(name, rows.n_features, values)?;
        data = self.notes.into_iter().fold(data, Dataset::with_note);
        if let Some(shape) = self.picture_shape {
            data = data.with_picture_shape(shape)?;
        }
        if let Some(names) = self.feature_names {
            data = data.with_feature_names(names)?;
        }
        let sum = self.sum.join().map_err(|_| {
            TableError::io("read", &rows.path, std::io::Error::other("the thread that sums its bytes failed"))
        })??;
        // The sum is of the rows that were seen.
        rows.check_unchanged()?;
        data = data.with_sha256(sum).with_note(format!(
            "the {}; they are read anew each epoch, through a shuffle buffer of {}",
            rows.in_words(),
            rows.shuffle_rows
        ));
        if rows.n_validation > n_held as usize {
            data = data.with_note(format!("{n_held} of the {} rows held out are measured", rows.n_validation));
        }
        Ok(Surveyed {
            data,
            train_rows: (0..n_train).collect(),
            validation_rows: (n_train..n_train + n_held).collect(),
            counts: self.counts,
            statistics: self.moments.finish(),
            first_outside: self.first_outside,
            rows,
        })
    }
}

/// The rows of the lowest hashes: a random sample that depends on nothing but the seed.
struct Sample {
    most: usize,
    d: usize,
    /// (hash, row, place), the greatest hash on top.
    chosen: BinaryHeap<(u64, u64, usize)>,
    values: Vec<f64>,
}

impl Sample {
    fn new(most: usize, d: usize) -> Self {
        Sample { most, d, chosen: BinaryHeap::new(), values: Vec::new() }
    }

    fn len(&self) -> usize {
        self.chosen.len()
    }

    fn offer(&mut self, hash: u64, row: u64, values: &[f64]) {
        if self.chosen.len() < self.most {
            self.chosen.push((hash, row, self.chosen.len()));
            self.values.extend_from_slice(values);
            return;
        }
        let Some(mut greatest) = self.chosen.peek_mut() else { return };
        if hash < greatest.0 {
            let place = greatest.2;
            *greatest = (hash, row, place);
            self.values[place * self.d..][..self.d].copy_from_slice(values);
        }
    }

    /// The values in the file's order.
    fn into_values(self) -> Vec<f64> {
        let mut rows: Vec<(u64, usize)> = self.chosen.into_iter().map(|(_, row, place)| (row, place)).collect();
        rows.sort_unstable();
        let mut out = Vec::with_capacity(self.values.len());
        rows.iter().for_each(|(_, place)| out.extend_from_slice(&self.values[place * self.d..][..self.d]));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::{Preprocessing, Scale};

    #[test]
    fn one_pass_learns_the_scaling_of_two() {
        let values: Vec<f64> =
            (0..3000).map(|i| 1e3 + f64::from((i * 37) % 101) * if i % 3 == 2 { 0.0 } else { 0.1 }).collect();
        let data = Dataset::from_f64("t", 3, values.clone()).unwrap();
        let mut moments = Moments::new(3);
        values.chunks_exact(3).for_each(|row| moments.see(row));
        let statistics = moments.finish();
        for scale in [Scale::None, Scale::Minmax, Scale::Standard] {
            let two = Preprocessing::fit(scale, &data, &(0..1000).collect::<Vec<u32>>());
            let one = Preprocessing::learnt(scale, 3, None, &statistics);
            for (a, b) in one.offset.iter().zip(&two.offset).chain(one.factor.iter().zip(&two.factor)) {
                assert!((a - b).abs() <= 1e-12 * b.abs(), "{scale:?}: {a} {b}");
            }
            assert_eq!(one.offset.len(), two.offset.len());
        }
    }

    #[test]
    fn a_sample_is_of_the_lowest_hashes_in_the_order_of_the_file() {
        let mut sample = Sample::new(3, 1);
        for (row, hash) in [50, 10, 40, 20, 30, 60].into_iter().enumerate() {
            sample.offer(hash, row as u64, &[row as f64]);
        }
        assert_eq!(sample.into_values(), [1.0, 3.0, 4.0]);
    }
}
