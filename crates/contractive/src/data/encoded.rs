//! Tables whose columns are not all numbers, as rows of numbers: categories become features of 0 and 1, missing cells are
//! filled, keys and labels go along.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use contractive_core::communicator::Group;
use contractive_table::Keeping;
use contractive_table::checksum::sha256_of_file;
use contractive_table::csv::number_or_missing;
use contractive_table::limits::make_room;
use contractive_table::{
    Column, Field, Format, FrameReader, Kind, ReadOptions, Share, TableError, TableSource, TextOptions, Values,
    most_expanded, unpacks_to_too_much,
};

use super::Dataset;
use super::labels::Labels;
use super::notes::turned_note;
use super::options::FileOptions;
use crate::encoding::{Admission, EncodingError, EncodingOptions, TableEncoding, TableScale};

/// Whether a table has columns of text beside its labels, and no numbers in them: categories, not columns of numbers with a
/// slip. The first rows tell.
///
/// # Errors
/// [`TableError`] where it cannot be read.
pub fn has_categories(path: impl AsRef<Path>, options: &FileOptions) -> Result<bool, TableError> {
    let is_label = |name: &String| options.label_column.as_ref() == Some(name);
    let mut reader = FrameReader::open(path, &ReadOptions { text: options.text, ..ReadOptions::default() })?;
    let is_text = |field: &&Field| field.kind == Kind::Text && !is_label(&field.name);
    let names: HashSet<String> = reader.fields().iter().filter(is_text).map(|field| field.name.clone()).collect();
    if names.is_empty() {
        return Ok(false);
    }
    let Some(frame) = reader.next().transpose()? else { return Ok(false) };
    let is_number = |text: &Option<String>| text.as_ref().is_some_and(|t| number_or_missing(t.as_bytes()).is_some());
    let has_numbers = |column: &Column| matches!(&column.values, Values::Text(cells) if cells.iter().any(is_number));
    Ok(!frame.columns.iter().any(|column| names.contains(&column.name) && has_numbers(column)))
}

/// Reads a CSV, Parquet or Arrow table by the encoding of `options`, or by one that is learnt from it; the features are in
/// the units of the table, levels 0 or 1.
///
/// # Errors
/// [`EncodingError`].
pub fn load_encoded(path: impl AsRef<Path>, options: &FileOptions) -> Result<Dataset, EncodingError> {
    let path = path.as_ref();
    let (encoding, notes) = encoding_of(path.into(), options, &Group::alone())?;
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    Ok(dataset(path.into(), &name, encoding, notes, options)?.with_sha256(sha256_of_file(path)?))
}

/// [`load_encoded`] of a rank's share of a table in files, called `name`: its encoding is learnt from the rows of all ranks;
/// `None` of an empty one. The checksum, which is of whole files, is not taken. Collective: every rank must call it.
///
/// # Errors
/// [`EncodingError`].
pub fn load_encoded_share(
    share: &Share,
    name: &str,
    options: &FileOptions,
    group: &Group,
) -> Result<Option<Dataset>, EncodingError> {
    let (encoding, notes) = encoding_of(share.into(), options, group)?;
    // Which rows are the first of all is for who knows the others' numbers.
    let whole = FileOptions { rows: None, ..options.clone() };
    let own = match share.is_empty() {
        true => Ok(None),
        false => dataset(share.into(), name, encoding, notes, &whole).map(Some),
    };
    group.agree(own)
}

/// The encoding given, or one that is learnt from the table; with what a user should know of it.
fn encoding_of(
    source: TableSource<'_>,
    options: &FileOptions,
    group: &Group,
) -> Result<(Arc<TableEncoding>, Vec<String>), EncodingError> {
    match &options.encoding {
        Some(encoding) => Ok((Arc::clone(encoding), Vec::new())),
        None => {
            let (encoding, notes) = TableEncoding::learn_shared(source, &learning_options(options), group)?;
            Ok((Arc::new(encoding), notes))
        }
    }
}

fn dataset(
    source: TableSource<'_>,
    name: &str,
    encoding: Arc<TableEncoding>,
    notes: Vec<String>,
    options: &FileOptions,
) -> Result<Dataset, EncodingError> {
    let path = source.path();
    let mut table = Table::open(source, &encoding, options)?;
    table.read(options.rows)?;
    let dataset = Dataset::from_f64(name, encoding.n_features(), table.values)?;
    let dataset = dataset.with_feature_names(encoding.feature_names())?;
    let turned = turned_note(path, options, dataset.len(), dataset.n_features());
    let dataset = notes.into_iter().chain(turned).fold(dataset, Dataset::with_note);
    let dataset = match table.missing_cells {
        0 => dataset,
        n => dataset.with_note(format!("{n} missing cells filled (`missing` = {})", encoding.missing().name())),
    };
    let dataset = match table.unseen_cells {
        0 => dataset,
        n => dataset.with_note(format!("{n} cells of categories have a value that training did not know")),
    };
    let dataset = match table.label {
        None => dataset,
        Some(label) => label.labels.give_to(dataset)?,
    };
    Ok(dataset.with_encoding(Arc::clone(&encoding)).with_carried(table.carried)?)
}

/// How the encoding of a table is learnt: numbers stay as they are, since the scaling is learnt on the rows trained on.
fn learning_options(options: &FileOptions) -> EncodingOptions {
    let columns = options.columns.clone();
    EncodingOptions {
        columns: columns.columns,
        keys: columns.keys,
        categories: columns.categories,
        label: options.label_column.clone(),
        missing: columns.missing,
        scale: TableScale::None,
        rows: options.rows,
        array: None,
        text: options.text,
    }
}

/// A table under way.
struct Table<'a> {
    source: TableSource<'a>,
    options: ReadOptions,
    encoding: &'a TableEncoding,
    reader: FrameReader,
    text: TextOptions,
    values: Vec<f64>,
    /// Keys, and the labels as the file has them.
    carried: Vec<Column>,
    label: Option<LabelColumn>,
    missing_cells: usize,
    unseen_cells: usize,
}

struct LabelColumn {
    name: String,
    labels: Labels,
}

impl<'a> Table<'a> {
    fn open(
        source: TableSource<'a>,
        encoding: &'a TableEncoding,
        options: &FileOptions,
    ) -> Result<Self, EncodingError> {
        let path = source.path();
        let carried: Vec<String> = options.label_column.iter().cloned().collect();
        let admission = Admission { carried, may_reorder: true, text: options.text };
        let mut read = encoding.read_options(path, &admission);
        if Format::of(path) == Some(Format::Csv) {
            // Cell for cell as the file has them.
            read.as_text.extend(options.label_column.iter().cloned());
        }
        let reader = source.open(&read).map_err(|e| encoding.opening_error(e, &admission))?;
        encoding.check(path, reader.fields(), &admission)?;
        let keys: HashSet<String> = encoding.key_names().into_iter().collect();
        let is_carried = |field: &&Field| keys.contains(&field.name) || admission.carried.contains(&field.name);
        let empty = |field: &Field| Column { name: field.name.clone(), values: Values::empty(&field.kind) };
        let carried = reader.fields().iter().filter(is_carried).map(empty).collect();
        let label = options.label_column.as_ref();
        let label = label.map(|name| LabelColumn { name: name.clone(), labels: Labels::default() });
        let text = reader.text();
        let (values, missing_cells, unseen_cells) = (Vec::new(), 0, 0);
        Ok(Table { source, options: read, encoding, reader, text, values, carried, label, missing_cells, unseen_cells })
    }

    fn read(&mut self, rows: Option<usize>) -> Result<(), EncodingError> {
        let size = self.source.size().unwrap_or(0);
        let most = usize::try_from(most_expanded(size)).unwrap_or(usize::MAX) / size_of::<f64>();
        let mut left = rows.unwrap_or(usize::MAX);
        let mut keeping = Keeping::of(self.source, &self.options);
        if rows.is_none() {
            keeping = keeping.of_at_most(self.reader.fields().len(), most);
        }
        let mut n = 0;
        while left > 0 {
            let Some(frame) = self.reader.next() else { break };
            let (mut frame, path) = (frame?, self.reader.path().to_path_buf());
            let taken = frame.n_rows().min(left);
            left -= taken;
            n += taken;
            if taken < frame.n_rows() {
                frame.columns.iter_mut().for_each(|column| column.values = column.values.slice(0..taken));
            }
            if n.saturating_mul(frame.columns.len()) > most {
                return Err(unpacks_to_too_much(&path).into());
            }
            keeping.take(
                (taken * self.encoding.n_features() * size_of::<f64>()) as u64 + frame.bytes(),
                &mut self.reader,
            )?;
            let plain = self.encoding.encode_plain(&frame, &path, &self.text)?;
            make_room(&mut self.values, plain.values.len(), &path)?;
            self.values.extend(plain.values);
            self.missing_cells += plain.missing_cells;
            self.unseen_cells += plain.unseen_cells;
            if let Some(label) = &mut self.label
                && let Some(column) = frame.column(&label.name)
            {
                label.labels.take(column, &path, frame.first_row, &self.text)?;
            }
            for carried in &mut self.carried {
                let cells = frame.columns.iter().find(|column| column.name == carried.name);
                cells.into_iter().for_each(|column| carried.values.append(column.values.clone()));
            }
        }
        Ok(())
    }
}
