//! Tables of every format, in every way that a table is read.

use std::io::Write;
use std::path::{Path, PathBuf};

use contractive::config::TrainConfig;
use contractive::data::{ColumnOptions, Dataset, FileOptions};
use contractive::encoding::{
    Admission, EncodingOptions, MissingRule, TableDiagnosis, TableEncoding, TableScale, TrainingTable,
};
use contractive::train::Prepared;
use contractive_anomaly::detector::{FrameScorer, ScoreOptions};
use contractive_datasets::{DataSpec, LoadOptions, Part};
use contractive_table::{FrameReader, Place, ReadOptions, TextOptions};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::input::Input;
use crate::panics::begin;
use crate::refusal::refused;
use crate::trained::detector;
use crate::{frames, scratch, series};

const SCALES: [TableScale; 5] =
    [TableScale::Robust, TableScale::Standard, TableScale::Minmax, TableScale::Quantile, TableScale::None];

/// Bytes that choose how a table is read.
pub(crate) const OPTIONS: usize = 8;

/// How a table is read, by the first bytes of an input.
struct Asked {
    way: u8,
    text: TextOptions,
    /// A column, and what it is for.
    column: u8,
    role: u8,
    transpose: bool,
    chunk_rows: usize,
    /// What the name ends in, of those that a format has.
    ending: u8,
}

impl Asked {
    fn of(input: &mut Input<'_>) -> Self {
        Asked {
            way: input.byte(),
            text: TextOptions {
                decimal: input.one_of(&[None, Some('.'), Some(','), Some('x')]),
                thousands: input.one_of(&[None, Some(','), Some('.'), Some(' '), Some('\''), Some('_'), Some('é')]),
                header: input.one_of(&[None, Some(true), Some(false)]),
            },
            column: input.byte(),
            role: input.byte(),
            transpose: false,
            chunk_rows: 1,
            ending: 0,
        }
        .with(input.byte(), input.byte())
    }

    fn with(self, shape: u8, ending: u8) -> Self {
        let chunk_rows = [8192, 1, 2, 7, 1 << 20][usize::from(shape) % 5];
        Asked { transpose: shape > 200, chunk_rows, ending, ..self }
    }

    /// The input as a file whose name ends in one of `endings`; `.gz` packs it first, `.gz!` takes it as packed already.
    fn file(&self, endings: &[&str], bytes: &[u8]) -> PathBuf {
        let ending = endings[usize::from(self.ending) % endings.len()];
        match ending.strip_suffix('!') {
            Some(packed) => scratch::file(&format!("t{packed}"), bytes),
            None if ending.ends_with(".gz") => scratch::file(&format!("t{ending}"), &packed(bytes)),
            None => scratch::file(&format!("t{ending}"), bytes),
        }
    }
}

pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("bytes can be packed")
}

/// Text tables.
pub fn csv(bytes: &[u8]) {
    read(bytes, &[".csv", ".tsv", ".csv.gz", ".csv.gz!"]);
}

/// NumPy arrays.
pub fn npy(bytes: &[u8]) {
    read(bytes, &[".npy", ".npy.gz", ".npy.gz!"]);
}

/// Archives of NumPy arrays, sparse matrices among them.
pub fn npz(bytes: &[u8]) {
    read(bytes, &[".npz"]);
}

/// Matrix Market.
pub fn market(bytes: &[u8]) {
    read(bytes, &[".mtx", ".mtx.gz", ".mtx.gz!"]);
}

/// HDF5, as AnnData and 10x Genomics write it.
pub fn hdf5(bytes: &[u8]) {
    read(bytes, &[".h5ad", ".h5"]);
}

/// Parquet.
pub fn parquet(bytes: &[u8]) {
    read(bytes, &[".parquet"]);
}

/// Arrow files and streams.
pub fn arrow(bytes: &[u8]) {
    read(bytes, &[".arrow", ".feather"]);
}

/// IDX, with and without labels beside it.
pub fn idx(bytes: &[u8]) {
    begin();
    let mut input = Input::new(bytes);
    let ending = input.one_of(&["-images-idx3-ubyte", ".idx", "-images-idx3-ubyte.gz", "-images-idx3-ubyte.gz!"]);
    let files = input.files(2);
    let name = format!("t{}", ending.trim_end_matches('!'));
    let bytes = if ending.ends_with(".gz") { packed(files[0]) } else { files[0].to_vec() };
    let folder = scratch::folder_of("idx", &[(&name, &bytes)]);
    if let Some(labels) = files.get(1) {
        let labels = if ending.ends_with(".gz") { packed(labels) } else { labels.to_vec() };
        let name = name.replace("images-idx3", "labels-idx1");
        std::fs::write(folder.join(name), labels).expect("an input can be written");
    }
    let path = folder.join(&name);
    if let Err(error) = contractive_table::array::read_idx(&path) {
        refused(&error);
    }
    whole(&path, &FileOptions::default());
}

fn read(bytes: &[u8], endings: &[&str]) {
    begin();
    let mut input = Input::new(bytes);
    let asked = Asked::of(&mut input);
    let path = asked.file(endings, input.rest());
    let plain = ReadOptions { text: asked.text, transpose: asked.transpose, ..ReadOptions::default() };
    let columns: Vec<String> = match FrameReader::open(&path, &plain) {
        Ok(reader) => reader.fields().iter().map(|field| field.name.clone()).collect(),
        Err(error) => {
            refused(&error);
            Vec::new()
        }
    };
    let column = columns.get(usize::from(asked.column) % columns.len().max(1)).cloned();
    match asked.way % 8 {
        0 => by_frames(&path, &asked, column),
        1 => frames::read_rows(&path, &ReadOptions { chunk_rows: asked.chunk_rows, ..plain }),
        2 => whole(&path, &file_options(&asked, column)),
        3 => learnt(&path, &asked, column),
        4 => diagnosed(&path, &asked),
        5 => scored(&path, &asked, column),
        6 => streamed(&path, &asked, column),
        _ => series::read(&path, column, asked.text),
    }
}

fn by_frames(path: &Path, asked: &Asked, column: Option<String>) {
    let of = |role: u8| column.iter().filter(|_| asked.role % 8 == role).cloned().collect::<Vec<String>>();
    let options = ReadOptions {
        chunk_rows: asked.chunk_rows,
        columns: Some(of(1)).filter(|columns| !columns.is_empty()),
        as_text: of(2),
        as_numbers: of(3),
        as_digits: of(4),
        kept: of(5),
        text: asked.text,
        transpose: asked.transpose,
        ..ReadOptions::default()
    };
    let Some((fields, frames)) = frames::read(path, &options) else { return };
    match asked.role / 8 % 4 {
        0 => {}
        1 => frames::rewritten(&fields, &frames, "again.arrow"),
        2 => frames::rewritten(&fields, &frames, "again.parquet"),
        _ => frames::rewritten(&fields, &frames, "again.csv"),
    }
}

fn missing_rule(asked: &Asked) -> MissingRule {
    MissingRule::ALL[usize::from(asked.role / 8) % MissingRule::ALL.len()]
}

fn file_options(asked: &Asked, column: Option<String>) -> FileOptions {
    let of = |role: u8| column.iter().filter(|_| asked.role % 8 == role).cloned().collect::<Vec<String>>();
    FileOptions {
        rows: [None, Some(1), Some(3)][asked.chunk_rows % 3],
        label_column: of(1).pop(),
        transpose: asked.transpose,
        text: asked.text,
        kept: of(2),
        divide_bytes: [None, Some(true), Some(false)][usize::from(asked.role / 8) % 3],
        columns: ColumnOptions {
            columns: Some(of(3)).filter(|columns| !columns.is_empty()),
            keys: of(4),
            categories: of(5),
            missing: if asked.role % 8 > 2 { missing_rule(asked) } else { MissingRule::default() },
        },
        ..FileOptions::default()
    }
}

/// A file as training takes it.
fn whole(path: &Path, options: &FileOptions) {
    let options = LoadOptions { file: options.clone(), ..LoadOptions::default() };
    match contractive_datasets::load(&DataSpec::file(path), Part::Train, &options) {
        Ok(data) => check_data(&data),
        Err(error) => refused(&error),
    }
}

/// What holds of all rows in memory.
pub(crate) fn check_data(data: &Dataset) {
    assert!(!data.is_empty() && data.n_features() > 0, "data must have rows and features");
    assert_eq!(data.to_vec().len(), data.len() * data.n_features());
    let rows: Vec<u32> = (0..data.len() as u32).collect();
    data.for_each_row(&rows, |row| assert!(row.iter().all(|value| value.is_finite()), "features must be finite"));
    assert!(data.labels().is_none_or(|labels| labels.len() == data.len()), "one label a row");
    assert!(data.feature_names().is_none_or(|names| names.len() == data.n_features()), "one name a feature");
    assert!(data.image_shape().is_none_or(|(height, width)| height * width == data.n_features()));
}

/// What a detector learns of a table's columns, which is stored with it.
fn learnt(path: &Path, asked: &Asked, column: Option<String>) {
    let of = |role: u8| column.iter().filter(|_| asked.role % 8 == role).cloned().collect::<Vec<String>>();
    let options = EncodingOptions {
        columns: Some(of(1)).filter(|columns| !columns.is_empty()),
        keys: of(2),
        categories: of(3),
        label: of(4).pop(),
        missing: missing_rule(asked),
        scale: SCALES[usize::from(asked.column) % SCALES.len()],
        text: asked.text,
        ..EncodingOptions::default()
    };
    let table = match TrainingTable::read(path, &options) {
        Ok(table) => table,
        Err(error) => return refused(&error),
    };
    assert_eq!(table.encoding.fault(), None, "what is learnt must be what is accepted");
    let text = serde_json::to_string(&table.encoding).expect("an encoding can be written");
    let again: TableEncoding = serde_json::from_str(&text).expect("what was written must be read");
    assert_eq!(again, table.encoding, "an encoding must be the same after writing");
    let (n, d) = (table.rows.n_rows, table.encoding.n_features());
    assert_eq!(table.rows.values.len(), n * d, "every feature of every row");
}

fn diagnosed(path: &Path, asked: &Asked) {
    if let Err(error) = TableDiagnosis::of(path, asked.text) {
        refused(&error);
    }
    Place::of_row_in(path, u64::from(asked.role), &asked.text);
}

/// New rows for a detector that knows other ones.
fn scored(path: &Path, asked: &Asked, column: Option<String>) {
    let may_reorder = asked.role.is_multiple_of(2);
    let carried = column.filter(|_| asked.role % 8 > 4).into_iter().collect();
    let admission = Admission { carried, may_reorder, text: asked.text };
    let (scorer, reader) = match FrameScorer::open(detector(), path, &admission, None) {
        Ok(opened) => opened,
        Err(error) => return refused(&error),
    };
    let options = ScoreOptions { contributions: asked.role > 128, threads: 1 };
    for frame in reader {
        let Ok(frame) = frame else { return };
        match scorer.score(&frame, &options) {
            Ok(scored) => assert_eq!(scored.scores.len(), frame.n_rows(), "one score a row"),
            Err(error) => return refused(&error),
        }
    }
}

/// A table that stays in its file: what is learnt of it in the first pass.
fn streamed(path: &Path, asked: &Asked, column: Option<String>) {
    let mut config = TrainConfig::default();
    config.data.stream = true;
    config.data.label_column = column.filter(|_| asked.role % 8 == 1);
    (config.data.header, config.data.decimal, config.data.thousands) =
        (asked.text.header, asked.text.decimal, asked.text.thousands);
    config.data.spec = path.display().to_string();
    config.model.hidden = vec![2];
    config.data.scale = None;
    if let Err(error) = Prepared::streamed(&config, path) {
        refused(&error);
    }
}
