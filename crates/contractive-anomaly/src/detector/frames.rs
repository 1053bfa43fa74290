//! Scoring a table frame by frame, in bounded memory.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::error::DetectorError;
use super::{Detector, ScoreOptions, Scores};
use contractive::data::{Dataset, not_a_feature};
use contractive::encoding::{Admission, EncodingError};
use contractive_table::numbers::append_in;
use contractive_table::{Frame, FrameReader, ReadOptions, TableSource, TextOptions};

/// A table under way to its scores.
///
/// ```no_run
/// use contractive_anomaly::detector::{Detector, FrameScorer, ScoreOptions};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let detector = Detector::load("detector")?;
/// let (scorer, frames) = FrameScorer::open(&detector, "new.csv", &Default::default(), None)?;
/// for frame in frames {
///     let scored = scorer.score(&frame?, &ScoreOptions::default())?;
///     println!("{:?}", scored.scores.score);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FrameScorer<'a> {
    detector: &'a Detector,
    path: PathBuf,
    /// How the table is read, as asked and as it is.
    options: ReadOptions,
    text: TextOptions,
    carried: Vec<String>,
    features: Vec<String>,
    /// Whether rows are images of bytes, to be divided by 255.
    divides_bytes: bool,
}

/// What a detector says of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredFrame {
    /// One entry a row; contributions are those of [`FrameScorer::feature_names`].
    pub scores: Scores,
    /// Cells that were missing.
    pub missing_cells: usize,
    /// Cells of categories with a value that training did not know.
    pub unseen_cells: usize,
    /// Cells of columns that were constant in training and are something else here.
    pub changed_cells: usize,
}

impl<'a> FrameScorer<'a> {
    /// Opens the table `source`, a path (`-` being CSV on standard input) or rows that a program holds, and checks its
    /// columns against the detector's.
    /// `array` is that of an NPZ archive.
    ///
    /// # Errors
    /// [`DetectorError::Encoding`] or [`DetectorError::Columns`].
    pub fn open<'s>(
        detector: &'a Detector,
        source: impl Into<TableSource<'s>>,
        admission: &Admission,
        array: Option<&str>,
    ) -> Result<(Self, FrameReader), DetectorError> {
        let source = source.into();
        let path = source.path();
        let options = match detector.encoding() {
            Some(encoding) => encoding.read_options(path, admission),
            None => ReadOptions {
                as_text: admission.carried.clone(),
                text: admission.text.or(detector.members[0].model.preprocessing().text()),
                ..ReadOptions::default()
            },
        };
        let options = ReadOptions { array: array.map(str::to_owned), ..options };
        let opened = source.open(&options);
        let reader = match (detector.encoding(), opened) {
            (Some(encoding), Err(e)) => return Err(encoding.opening_error(e, admission).into()),
            (_, opened) => opened.map_err(EncodingError::from)?,
        };
        let divides_bytes = detector.encoding().is_none()
            && reader.has_pixels()
            && (detector.members[0].model.preprocessing().divides_bytes() || has_grey(path, &options)?);
        let path = reader.path().to_path_buf();
        let mut carried = admission.carried.clone();
        let features: Vec<String> = match detector.encoding() {
            Some(encoding) => {
                encoding.check(&path, reader.fields(), admission)?;
                let known: HashSet<&String> = admission.carried.iter().collect();
                carried.extend(encoding.key_names().into_iter().filter(|name| !known.contains(name)));
                encoding.source_names()
            }
            None => {
                let known: HashSet<&String> = carried.iter().collect();
                let fields = reader.fields().iter().filter(|f| !known.contains(&f.name));
                let names: Vec<String> = fields.clone().map(|f| f.name.clone()).collect();
                if let Some(field) = fields.clone().find(|f| !f.kind.is_numeric()) {
                    let e = not_a_feature(&path, &field.name, &field.kind);
                    return Err(EncodingError::from(e).into());
                }
                let named = reader.has_names().then_some(names.as_slice());
                let preprocessing = &detector.members[0].model.preprocessing();
                preprocessing.check_columns(&path.display().to_string(), names.len(), named)?;
                detector.feature_names().map_or(names, <[String]>::to_vec)
            }
        };
        // In the order of the table.
        let wanted: HashSet<&String> = carried.iter().collect();
        let carried = reader.fields().iter().map(|f| f.name.clone()).filter(|name| wanted.contains(name)).collect();
        let text = reader.text();
        Ok((FrameScorer { detector, path, options, text, carried, features, divides_bytes }, reader))
    }

    /// How the table is read.
    pub fn read_options(&self) -> &ReadOptions {
        &self.options
    }

    /// The columns that contributions belong to.
    pub fn feature_names(&self) -> &[String] {
        &self.features
    }

    /// The columns that are carried to the output, in the table's order.
    pub fn carried_names(&self) -> &[String] {
        &self.carried
    }

    /// Refuses a frame of the table that has a cell which cannot be taken; nothing is scored.
    ///
    /// # Errors
    /// [`DetectorError::Encoding`].
    pub fn check(&self, frame: &Frame) -> Result<(), DetectorError> {
        match self.detector.encoding() {
            Some(encoding) => encoding.encode(frame, &self.path, &self.text).map(drop)?,
            None => self.bare(frame).map(drop)?,
        }
        Ok(())
    }

    /// Scores a frame of the table.
    ///
    /// # Errors
    /// [`DetectorError::Encoding`] naming the first cell that cannot be taken; [`DetectorError::NotFinite`] naming the first
    /// row whose score is not finite.
    pub fn score(&self, frame: &Frame, options: &ScoreOptions) -> Result<ScoredFrame, DetectorError> {
        if let Some(encoding) = self.detector.encoding() {
            let rows = encoding.encode(frame, &self.path, &self.text)?;
            let scores = self.detector.score_encoded(&rows, options).map_err(|e| self.of_table(e, frame))?;
            let (missing_cells, unseen_cells) = (rows.missing_cells, rows.unseen_cells);
            return Ok(ScoredFrame { scores, missing_cells, unseen_cells, changed_cells: rows.changed_cells });
        }
        let scores = self.detector.score(&self.bare(frame)?, options).map_err(|e| self.of_table(e, frame))?;
        Ok(ScoredFrame { scores, missing_cells: 0, unseen_cells: 0, changed_cells: 0 })
    }

    /// The rows of a frame, for a detector of bare rows.
    fn bare(&self, frame: &Frame) -> Result<Dataset, EncodingError> {
        let carried: HashSet<&String> = self.carried.iter().collect();
        let columns = frame.columns.iter().filter(|c| !carried.contains(&c.name)).cloned().collect();
        let features = Frame { first_row: frame.first_row, columns };
        let mut values = Vec::new();
        append_in(&self.path, &features, None, &self.text, &mut values)?;
        if self.divides_bytes {
            // As a data set in memory scales them: divided in 32 bits.
            values.iter_mut().for_each(|value| *value = f64::from(*value as f32 / 255.0));
        }
        Ok(Dataset::from_f64(self.path.display().to_string(), features.columns.len(), values)?)
    }

    /// What is said of a row of a frame, as said of that row of the table.
    fn of_table(&self, error: DetectorError, frame: &Frame) -> DetectorError {
        let mut error = error.of_whole(|row| row + frame.first_row as usize);
        if let DetectorError::NotFinite { data, .. } = &mut error {
            *data = self.path.display().to_string();
        }
        error
    }
}

/// Whether an image of bytes has one above 1: detectors saved before do not say what bytes meant in training.
fn has_grey(path: &Path, options: &ReadOptions) -> Result<bool, EncodingError> {
    let mut reader = FrameReader::open(path, options)?;
    let mut values = Vec::new();
    while reader.next_rows(&mut values)? {
        if values.iter().any(|value| *value > 1.0) {
            return Ok(true);
        }
        values.clear();
    }
    Ok(false)
}

/// A part of a table's rows, for work in several places: rows are dealt out in blocks of [`Shard::BLOCK`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// The part, from 1 to `parts`.
    part: u64,
    /// Number of parts.
    parts: u64,
}

impl Default for Shard {
    /// All rows.
    fn default() -> Self {
        Shard { part: 1, parts: 1 }
    }
}

impl Shard {
    /// Rows of a block.
    pub const BLOCK: u64 = 8192;

    /// Part `part` of `parts`; `None` unless `part` is from 1 to `parts`.
    pub fn new(part: u64, parts: u64) -> Option<Shard> {
        (1..=parts).contains(&part).then_some(Shard { part, parts })
    }

    /// The part, from 1 to [`Shard::parts`].
    pub fn part(self) -> u64 {
        self.part
    }

    /// Number of parts.
    pub fn parts(self) -> u64 {
        self.parts
    }

    /// The pieces of a frame that belong to this part.
    pub fn pieces(self, frame: Frame) -> Vec<Frame> {
        if self.parts <= 1 {
            return vec![frame];
        }
        let (start, end) = (frame.first_row, frame.first_row + frame.n_rows() as u64);
        (start / Self::BLOCK..end.div_ceil(Self::BLOCK))
            .filter(|block| block % self.parts == self.part - 1)
            .map(|block| {
                let (from, to) = ((block * Self::BLOCK).max(start), ((block + 1) * Self::BLOCK).min(end));
                let rows = (from - start) as usize..(to - start) as usize;
                let columns = frame
                    .columns
                    .iter()
                    .map(|c| contractive_table::Column { name: c.name.clone(), values: c.values.slice(rows.clone()) });
                Frame { first_row: from, columns: columns.collect() }
            })
            .collect()
    }
}

impl std::fmt::Display for Shard {
    /// `PART/PARTS`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.parts)
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    /// `PART/PARTS`, such as `2/8`.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
        numbers
            .and_then(|(part, parts)| Shard::new(part, parts))
            .ok_or_else(|| format!("must be PART/PARTS with PART from 1 to PARTS, such as 2/8, got `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contractive_table::{Column, Values};

    #[test]
    fn shards_deal_out_every_row_once_however_frames_are_cut() {
        for frame_rows in [1000_u64, 8192, 20_000] {
            let mut seen = vec![0; 50_000];
            for part in 1..=3 {
                let shard: Shard = format!("{part}/3").parse().unwrap();
                for first_row in (0..50_000).step_by(frame_rows as usize) {
                    let n = frame_rows.min(50_000 - first_row);
                    let values = Values::Numbers((first_row..first_row + n).map(|r| r as f64).collect());
                    let frame = Frame { first_row, columns: vec![Column { name: "r".into(), values }] };
                    for piece in shard.pieces(frame) {
                        for (i, r) in piece.columns[0].values.to_numbers().unwrap().into_iter().enumerate() {
                            assert_eq!(r as u64, piece.first_row + i as u64);
                            assert_eq!(r as u64 / Shard::BLOCK % 3, part - 1);
                            seen[r as usize] += 1;
                        }
                    }
                }
            }
            assert!(seen.iter().all(|n| *n == 1));
        }
        assert_eq!((Shard::new(0, 3), Shard::new(4, 3), Shard::new(1, 0)), (None, None, None));
        for bad in ["", "1", "0/3", "4/3", "a/b", "1/0", "-1/2"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
