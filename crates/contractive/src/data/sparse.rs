//! Matrices, most of them sparse, as data sets: their rows in memory, zeros and all.

use std::path::Path;

use contractive_table::{Column, FrameReader, ReadOptions, TableError, Values, most_expanded};

use super::Dataset;
use super::options::FileOptions;
use super::table::ROW_NAMES;

/// Bytes of rows that are taken into memory whatever the file's size.
const FREE: u64 = 1 << 30;

/// Reads a matrix. What its zeros take is checked before any row is read.
pub(super) fn load(path: &Path, name: &str, options: &FileOptions) -> Result<Dataset, TableError> {
    let (array, transpose) = (options.array.clone(), options.transpose);
    let mut reader = FrameReader::open(path, &ReadOptions { array, transpose, ..ReadOptions::default() })?;
    let columns = reader.fields().len();
    let rows = reader.n_rows().unwrap_or(0).min(options.rows.map_or(u64::MAX, |rows| rows as u64));
    let bytes = rows.saturating_mul((columns * size_of::<f32>()) as u64);
    let size = path.metadata().map_err(|e| TableError::io("open", path, e))?.len();
    let most = most_expanded(size).max(FREE);
    let n = rows as usize * columns;
    let mut values = Vec::new();
    let too_many = || TableError::Dense { path: path.to_path_buf(), rows, columns: columns as u64, bytes, most };
    if bytes > most || values.try_reserve_exact(n).is_err() {
        return Err(too_many());
    }
    let mut cells = Cells::Single(values);
    let mut block = Vec::new();
    while cells.len() < n && reader.next_rows(&mut block)? {
        block.truncate(n - cells.len());
        cells.append(&block);
        block.clear();
    }
    let dataset = match cells {
        Cells::Single(values) => Dataset::from_f32(name, columns, values),
        Cells::Double(values) => Dataset::from_f64(name, columns, values),
    }?;
    let dataset = match reader.has_names() {
        true => dataset.with_feature_names(reader.fields().iter().map(|field| field.name.clone()).collect())?,
        false => dataset,
    };
    let n = dataset.len();
    let carried = reader.row_names().map(|names| Column {
        name: ROW_NAMES.to_owned(),
        values: Values::Text(names.iter().take(n).cloned().map(Some).collect()),
    });
    let dataset = reader.notes().iter().fold(dataset, |dataset, note| dataset.with_note(note.clone()));
    dataset.with_carried(carried.into_iter().collect())
}

/// Values of 32 bits while those hold every one exactly, as they do counts.
enum Cells {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Cells {
    fn len(&self) -> usize {
        match self {
            Cells::Single(values) => values.len(),
            Cells::Double(values) => values.len(),
        }
    }

    fn append(&mut self, more: &[f64]) {
        if let Cells::Single(values) = self {
            if more.iter().all(|value| f64::from(*value as f32) == *value) {
                return values.extend(more.iter().map(|value| *value as f32));
            }
            *self = Cells::Double(values.iter().map(|value| f64::from(*value)).collect());
        }
        if let Cells::Double(values) = self {
            values.extend_from_slice(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_held_in_as_few_bits_as_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.mtx");
        let load = |entry: &str, options: &FileOptions| {
            let text = format!("%%MatrixMarket matrix coordinate real general\n3 2 2\n1 2 4\n3 1 {entry}\n");
            std::fs::write(&path, text).unwrap();
            crate::data::load(&path, options).unwrap()
        };
        let counts = load("7", &FileOptions::default());
        assert_eq!(counts.storage(), &crate::data::Storage::F32(vec![0.0, 4.0, 0.0, 0.0, 7.0, 0.0].into()));
        let fractions = load("0.1", &FileOptions::default());
        assert_eq!(fractions.storage(), &crate::data::Storage::F64(vec![0.0, 4.0, 0.0, 0.0, 0.1, 0.0]));
        let first = load("7", &FileOptions { rows: Some(1), ..FileOptions::default() });
        assert_eq!((first.len(), first.to_vec()), (1, vec![0.0, 4.0]));
        let turned = load("7", &FileOptions { transpose: true, ..FileOptions::default() });
        assert_eq!((turned.len(), turned.to_vec()), (2, vec![0.0, 0.0, 7.0, 4.0, 0.0, 0.0]));
    }

    #[cfg(feature = "h5ad")]
    #[test]
    fn names_of_genes_are_features_and_those_of_cells_go_along() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/matrices/cells.h5ad");
        let options = FileOptions { array: Some("layers/half".into()), rows: Some(2), ..FileOptions::default() };
        let data = crate::data::load(&path, &options).unwrap();
        assert_eq!((data.len(), data.to_vec()), (2, vec![0.0, 1.5, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0]));
        assert_eq!(data.feature_names().unwrap(), ["CD3E", "MALAT1", "été", "CD3E-1"]);
        let cells = Values::Text(["AAAC-1", "AAAG-1"].map(|cell| Some(cell.to_owned())).into());
        assert_eq!(data.carried(), [Column { name: "row".into(), values: cells }]);
        assert!(data.notes().iter().any(|note| note.contains("a name that another has")), "{:?}", data.notes());
    }

    #[test]
    fn zeros_beyond_all_memory_are_refused_before_they_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.mtx");
        std::fs::write(&path, "%%MatrixMarket matrix coordinate real general\n5000 60000 1\n1 1 1\n").unwrap();
        let error = crate::data::load(&path, &FileOptions::default()).unwrap_err();
        assert!(matches!(error, TableError::Dense { rows: 5000, columns: 60_000, .. }), "{error}");
    }
}
