//! A file of scores, of any format that scores are written in and read from.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use contractive_table::json::Leaf;
use contractive_table::opening::open_regular;
use contractive_table::{Format, FrameReader, ReadOptions, TableError, TextOptions};
use serde::Deserializer;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};

use super::error::MergeError;
use super::origin::ScoreOrigin;
use crate::detector::Shard;

/// Formats with names of columns, that scores are read from.
const KNOWN_ENDINGS: &str = ".csv or .tsv (also with .gz), .parquet, .arrow, .ipc, .feather, .jsonl or .ndjson";
/// The longest line of JSON.
const LONGEST_LINE: u64 = 64 << 20;
/// What the column of scores is called, with this before it for each key of that name.
const SCORE: &str = "score";
const OWN: &str = "cae_";

/// A file of scores.
#[derive(Debug, Clone)]
pub(super) struct ScoreFile {
    pub(super) path: PathBuf,
    /// What it says of its scores, and the part of the rows that it says it holds.
    pub(super) origin: Option<(ScoreOrigin, Shard)>,
    /// The column of its scores; of JSON every line names it.
    column: Option<String>,
}

impl ScoreFile {
    /// Opens a file and finds its scores.
    pub(super) fn open(path: &Path) -> Result<Self, MergeError> {
        let of = |origin, column| Ok(ScoreFile { path: path.to_path_buf(), origin, column });
        if has_lines(path) {
            return of(None, None);
        }
        if path.is_dir() || !matches!(Format::of(path), Some(Format::Csv | Format::Parquet | Format::Arrow)) {
            return Err(TableError::unknown_format(path, KNOWN_ENDINGS).into());
        }
        let name = column_of(path)?;
        let reader = FrameReader::open(path, &options(&name))?;
        let origin = reader.metadata(ScoreOrigin::KEY).map(|text| origin_of(path, text)).transpose()?;
        of(origin, Some(name))
    }

    /// Gives its scores, NaN for a row without one, piece by piece.
    pub(super) fn pass(&self, see: &mut dyn FnMut(&[f64])) -> Result<(), MergeError> {
        let Some(name) = &self.column else { return self.pass_lines(see) };
        for frame in FrameReader::open(&self.path, &options(name))? {
            match frame {
                Ok(frame) => {
                    let column = frame.columns.first();
                    see(&column.and_then(|column| column.values.to_numbers()).ok_or(MergeError::Changed)?);
                }
                // A part of a table may have no row.
                Err(TableError::Empty { .. } | TableError::NoRows { .. }) => break,
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    fn pass_lines(&self, see: &mut dyn FnMut(&[f64])) -> Result<(), MergeError> {
        let path = &self.path;
        if path.is_dir() {
            return Err(TableError::Folder { path: path.clone() }.into());
        }
        let mut file = BufReader::new(open_regular(path).map_err(|e| TableError::io("open", path, e))?);
        let mut bytes = Vec::new();
        for line in 1.. {
            bytes.clear();
            let failed = |reason: String| MergeError::Line { path: path.clone(), line, reason };
            let most = LONGEST_LINE + 1;
            let got = (&mut file).take(most).read_until(b'\n', &mut bytes);
            let got = got.map_err(|e| TableError::io("read", path, e))? as u64;
            if got == most {
                return Err(failed(format!("it is longer than {} MiB", LONGEST_LINE >> 20)));
            }
            if got == 0 {
                break;
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let mut text = serde_json::Deserializer::from_slice(&bytes);
            let score = text.deserialize_map(Line).and_then(|score| text.end().map(|()| score));
            see(&[score.map_err(|e| failed(e.to_string()))?]);
        }
        Ok(())
    }
}

/// Whether the name is one of JSON lines.
fn has_lines(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    [".jsonl", ".ndjson"].iter().any(|ending| name.ends_with(ending))
}

/// How the one column is read. A text table of scores has a line of names.
fn options(column: &str) -> ReadOptions {
    let columns = Some(vec![column.to_owned()]);
    let text = TextOptions { header: Some(true), ..TextOptions::default() };
    ReadOptions { columns, as_numbers: vec![column.to_owned()], text, ..ReadOptions::default() }
}

/// The column of scores: keys come before it, and those that are called so have it called otherwise.
fn column_of(path: &Path) -> Result<String, MergeError> {
    let names: Vec<String> = match FrameReader::open(path, &options(&format!("{OWN}{SCORE}"))) {
        // Most often there is none, and other columns, whatever they hold, are no concern of ours.
        Err(TableError::MissingColumns { available, .. }) => available,
        Err(TableError::ColumnKind { .. }) | Ok(_) => {
            let text = options(SCORE).text;
            let reader = FrameReader::open(path, &ReadOptions { text, ..ReadOptions::default() })?;
            reader.fields().iter().map(|field| field.name.clone()).collect()
        }
        Err(e) => return Err(e.into()),
    };
    let score = names.iter().rfind(|name| is_score(name)).cloned();
    score.ok_or_else(|| MergeError::NoScore { path: path.to_path_buf(), available: names })
}

/// Whether a column may be that of scores.
fn is_score(name: &str) -> bool {
    name.strip_suffix(SCORE).is_some_and(|before| before.replace(OWN, "").is_empty())
}

/// What a file says of its scores.
fn origin_of(path: &Path, text: &str) -> Result<(ScoreOrigin, Shard), MergeError> {
    let damaged = |must_be, got: String| MergeError::Origin {
        path: path.to_path_buf(),
        key: ScoreOrigin::KEY,
        must_be,
        got: got.chars().take(80).collect(),
    };
    let origin: ScoreOrigin =
        serde_json::from_str(text).map_err(|_| damaged("a JSON object of a detector's scores", format!("`{text}`")))?;
    let shard = origin.shard.parse().map_err(|_| damaged("of a shard PART/PARTS", format!("`{}`", origin.shard)))?;
    Ok((origin, shard))
}

/// The score of a line of JSON.
struct Line;

impl<'de> Visitor<'de> for Line {
    type Value = f64;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with a `score`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<f64, A::Error> {
        let mut score = None;
        while let Some(name) = map.next_key::<String>()? {
            if is_score(&name) {
                // A key of this name may hold anything; what comes last is ours.
                score = Some(map.next_value::<Leaf>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        match score {
            None => Err(A::Error::missing_field(SCORE)),
            Some(Leaf::Null) => Ok(f64::NAN),
            Some(score) => score.number().ok_or_else(|| A::Error::custom("`score` must be a number or null")),
        }
    }
}
