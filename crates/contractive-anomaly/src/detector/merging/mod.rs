//! One threshold of scores that lie in several files: parts of a table that were scored in several places.
//!
//! `files` reads a file of scores, `origin` is what it says of them, `selection` finds order statistics of more scores
//! than are held. Up to [`ScoreFiles::MOST_HELD`] scores are held and sorted; more are gone through several times, and
//! the memory does not grow. Quantiles are exact either way, and those of one whole file, to the bit, however the scores
//! are parted.

mod error;
mod files;
mod origin;
mod selection;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use contractive_table::TableError;
use contractive_table::checksum::Sha256Sum;

use self::files::ScoreFile;
use self::selection::{Passes, Selection, Tally};
use super::Shard;
use super::threshold::{Sorted, ThresholdRule};

pub use error::MergeError;
pub use origin::ScoreOrigin;

/// Files of scores that are taken together.
///
/// ```no_run
/// use contractive_anomaly::detector::{Detector, ScoreFiles, ThresholdRule};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut detector = Detector::load("detector")?;
/// let files = ScoreFiles::open(&["part-1.parquet", "part-2.parquet"], &detector.score_origin())?;
/// let merged = files.threshold(ThresholdRule::Contamination { share: 0.02 })?;
/// detector.set_threshold(ThresholdRule::Value { threshold: merged.threshold })?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ScoreFiles {
    files: Vec<ScoreFile>,
    most: usize,
}

/// A threshold of the scores of several files, and what lies above it.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedThreshold {
    /// The threshold, finite.
    pub threshold: f64,
    /// Scores that it was found of.
    pub scores: u64,
    /// Those above it.
    pub above: u64,
    /// Rows without a score, of which every cell is missing: they count for nothing.
    pub without_score: u64,
    /// The lowest score.
    pub lowest: f64,
    /// The files.
    pub files: Vec<MergedFile>,
}

/// A file of scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its scores.
    pub scores: u64,
    /// Its rows without one.
    pub without_score: u64,
    /// The part of the table's rows, where it says so.
    pub shard: Option<Shard>,
}

impl ScoreFiles {
    /// Scores that are held in memory: 2²⁴, which is 128 MiB.
    pub const MOST_HELD: usize = 1 << 24;

    /// Opens files of scores; a folder stands for the files in it, but those whose names begin with `.` or `_`. Files that
    /// say where their scores come from must say `origin`, and their parts of the table must be complete.
    ///
    /// # Errors
    /// [`MergeError`] of the first file at fault.
    pub fn open<P: AsRef<Path>>(paths: &[P], origin: &ScoreOrigin) -> Result<Self, MergeError> {
        let mut files: Vec<ScoreFile> = Vec::new();
        let mut places: HashMap<PathBuf, PathBuf> = HashMap::new();
        for path in paths {
            for path in listed(path.as_ref())? {
                let place = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
                if places.insert(place, path.clone()).is_some() {
                    return Err(MergeError::SameFile { path });
                }
                let file = ScoreFile::open(&path)?;
                check_origin(&file, origin)?;
                files.push(file);
            }
        }
        check_shards(&files)?;
        Ok(ScoreFiles { files, most: Self::MOST_HELD })
    }

    /// The files, a folder by those in it.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// The threshold by `rule` of all scores together. Beyond [`ScoreFiles::MOST_HELD`] scores quantiles stay exact;
    /// `sigma` depends on the order of the files in the last digits, and `pot` needs the highest tenth to be no more.
    ///
    /// # Errors
    /// [`MergeError`].
    pub fn threshold(&self, rule: ThresholdRule) -> Result<MergedThreshold, MergeError> {
        rule.check().map_err(MergeError::from)?;
        let mut tally = Tally::new(self.most);
        let files = self.first_pass(&mut tally)?;
        let without_score = files.iter().map(|file| file.without_score).sum();
        let (scores, lowest) = (tally.n, tally.lowest);
        if scores == 0 {
            return Err(MergeError::NoScores { rows: without_score });
        }
        let (threshold, above) = match tally.take_sorted() {
            Some(sorted) => {
                let threshold = rule.threshold_of(&mut Sorted(&sorted))?;
                (threshold, (sorted.len() - sorted.partition_point(|score| *score <= threshold)) as u64)
            }
            None => {
                let mut selection = Selection::new(self, tally);
                let threshold = rule.threshold_of(&mut selection)?;
                (threshold, selection.above(threshold)?)
            }
        };
        Ok(MergedThreshold { threshold, scores, above, without_score, lowest, files })
    }

    /// Counts the scores of each file, and refuses two files that hold the same.
    fn first_pass(&self, tally: &mut Tally) -> Result<Vec<MergedFile>, MergeError> {
        let mut sums: HashMap<(u64, String), usize> = HashMap::new();
        let mut found = Vec::new();
        for (i, file) in self.files.iter().enumerate() {
            let (mut rows, mut without_score) = (0, 0);
            let (mut sum, mut bytes) = (Sha256Sum::new(), Vec::new());
            file.pass(&mut |scores| {
                rows += scores.len() as u64;
                without_score += tally.see(scores);
                bytes.clear();
                // Formats differ in the bits of a missing number.
                let bits = |score: &f64| if score.is_nan() { u64::MAX } else { score.to_bits() };
                bytes.extend(scores.iter().flat_map(|score| bits(score).to_le_bytes()));
                sum.update(&bytes);
            })?;
            if let Some(first) = sums.insert((rows, sum.finish()), i).filter(|_| rows > 0) {
                let first = &self.files[first];
                let differ = matches!((&first.origin, &file.origin), (Some((_, a)), Some((_, b))) if a != b);
                if !differ {
                    return Err(MergeError::SameScores { first: first.path.clone(), second: file.path.clone() });
                }
            }
            let (path, shard) = (file.path.clone(), file.origin.as_ref().map(|(_, shard)| *shard));
            found.push(MergedFile { path, scores: rows - without_score, without_score, shard });
        }
        Ok(found)
    }
}

impl Passes for ScoreFiles {
    fn pass(&self, see: &mut dyn FnMut(&[f64])) -> Result<(), MergeError> {
        self.files.iter().try_for_each(|file| file.pass(see))
    }
}

/// A file, or those of a folder in the order of their names.
fn listed(path: &Path) -> Result<Vec<PathBuf>, MergeError> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let failed = |e| TableError::io("read", path, e);
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.starts_with(['.', '_']) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(MergeError::EmptyFolder { path: path.to_path_buf() });
    }
    paths.sort();
    Ok(paths)
}

/// Refuses a file that says that its scores are not those of `expected`.
fn check_origin(file: &ScoreFile, expected: &ScoreOrigin) -> Result<(), MergeError> {
    let Some((origin, _)) = &file.origin else { return Ok(()) };
    let path = || file.path.clone();
    if origin.detector != expected.detector {
        let short = |identity: &str| identity.chars().take(12).collect::<String>();
        let (got, expected) = (short(&origin.detector), short(&expected.detector));
        return Err(MergeError::OtherDetector { path: path(), got, expected });
    }
    if origin.score != expected.score {
        let (got, expected) = (origin.score.clone(), expected.score.clone());
        return Err(MergeError::OtherScore { path: path(), got, expected });
    }
    if origin.anomalies_only { Err(MergeError::AnomaliesOnly { path: path() }) } else { Ok(()) }
}

/// Refuses parts of tables of which some are missing or too many. Files that do not say which part they hold may be any.
fn check_shards(files: &[ScoreFile]) -> Result<(), MergeError> {
    let n_unknown = files.iter().filter(|file| file.origin.is_none()).count() as u64;
    // By the number of parts, the files of each part.
    let mut by_parts: BTreeMap<u64, BTreeMap<u64, Vec<&Path>>> = BTreeMap::new();
    for file in files {
        if let Some((_, shard)) = &file.origin {
            by_parts.entry(shard.parts()).or_default().entry(shard.part()).or_default().push(&file.path);
        }
    }
    for (parts, found) in by_parts {
        let n_found = found.len() as u64;
        if parts - n_found > n_unknown {
            let missing = (1..=parts).find(|part| !found.contains_key(part)).unwrap_or(parts);
            return Err(MergeError::MissingShard { shard: format!("{missing}/{parts}") });
        }
        // Several tables have each of their parts once.
        let Some((part, paths)) = found.iter().max_by_key(|(_, paths)| paths.len()) else { continue };
        let most = paths.len() as u64;
        let n_given: u64 = found.values().map(|paths| paths.len() as u64).sum();
        if let [first, second, ..] = paths[..]
            && most.saturating_mul(parts) - n_given > n_unknown
        {
            let (first, second) = (first.to_path_buf(), second.to_path_buf());
            return Err(MergeError::DoubledShard { shard: format!("{part}/{parts}"), first, second });
        }
    }
    Ok(())
}
