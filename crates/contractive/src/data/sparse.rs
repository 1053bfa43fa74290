//! Matrices, most of them sparse, as data sets: their rows in memory, zeros and all.

use std::path::Path;

use contractive_table::limits::is_accounted_for;
use contractive_table::{Column, FrameReader, ReadOptions, TableError, Values, most_expanded};

use super::Dataset;
use super::options::FileOptions;
use super::table::ROW_NAMES;

/// Bytes of rows that are taken into memory whatever the file's size.
const FREE: u64 = 1 << 30;
/// Bytes of a cell while values of 32 bits become values of 64.
const WIDENED: u64 = (size_of::<f32>() + size_of::<f64>()) as u64;

/// Reads a matrix. What its zeros take is checked before any row is read; where the file's size does not account for it,
/// all rows are read once before any is kept.
pub(super) fn load(path: &Path, name: &str, options: &FileOptions) -> Result<Dataset, TableError> {
    let how = ReadOptions { array: options.array.clone(), transpose: options.transpose, ..ReadOptions::default() };
    let mut reader = FrameReader::open(path, &how)?;
    let columns = reader.fields().len();
    let n_rows = reader.n_rows().unwrap_or(0);
    let rows = n_rows.min(options.rows.map_or(u64::MAX, |rows| rows as u64));
    let size = path.metadata().map_err(|e| TableError::io("open", path, e))?.len();
    let room = Room { path, rows, columns: columns as u64, most: most_expanded(size).max(FREE) };
    room.check::<f32>()?;
    let mut are_single = true;
    if !is_accounted_for(room.cells().saturating_mul(WIDENED), size) {
        each_block(&mut reader, room.cells(), rows == n_rows, |block| {
            are_single &= hold_exactly(block);
            if are_single { Ok(()) } else { room.check::<f64>() }
        })?;
        if !reader.go_back() {
            drop(reader);
            reader = FrameReader::open(path, &how)?;
        }
    }
    let mut cells = if are_single { Cells::Single(room.take()?) } else { Cells::Double(room.take()?) };
    each_block(&mut reader, room.cells(), rows == n_rows, |block| cells.append(block, &room))?;
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

/// Gives `take` the first `n` numbers of a matrix, a block of rows at a time; where these `are_all`, the file is read to its end.
fn each_block(
    reader: &mut FrameReader,
    n: u64,
    are_all: bool,
    mut take: impl FnMut(&[f64]) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let (mut block, mut left) = (Vec::new(), n as usize);
    while (left > 0 || are_all) && reader.next_rows(&mut block)? {
        block.truncate(left);
        left -= block.len();
        take(&block)?;
        block.clear();
    }
    Ok(())
}

/// The memory that the rows take, zeros and all.
struct Room<'a> {
    path: &'a Path,
    rows: u64,
    columns: u64,
    /// The most bytes that are taken.
    most: u64,
}

impl Room<'_> {
    fn cells(&self) -> u64 {
        self.rows.saturating_mul(self.columns)
    }

    /// Refuses what takes more than there may be, as numbers of this type.
    fn check<T>(&self) -> Result<(), TableError> {
        if self.bytes::<T>() <= self.most { Ok(()) } else { Err(self.too_many::<T>()) }
    }

    /// Room for all cells.
    fn take<T>(&self) -> Result<Vec<T>, TableError> {
        self.check::<T>()?;
        let mut values = Vec::new();
        values.try_reserve_exact(self.cells() as usize).map_err(|_| self.too_many::<T>())?;
        Ok(values)
    }

    fn bytes<T>(&self) -> u64 {
        self.cells().saturating_mul(size_of::<T>() as u64)
    }

    fn too_many<T>(&self) -> TableError {
        let Room { path, rows, columns, most } = *self;
        TableError::Dense { path: path.to_path_buf(), rows, columns, bytes: self.bytes::<T>(), most }
    }
}

/// Whether 32 bits hold every value exactly, as they do counts.
fn hold_exactly(values: &[f64]) -> bool {
    values.iter().all(|value| f64::from(*value as f32) == *value)
}

/// Values of 32 bits while those hold every one exactly.
enum Cells {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Cells {
    fn append(&mut self, more: &[f64], room: &Room<'_>) -> Result<(), TableError> {
        if let Cells::Single(values) = self {
            if hold_exactly(more) {
                values.extend(more.iter().map(|value| *value as f32));
                return Ok(());
            }
            let mut wide = room.take()?;
            wide.extend(values.iter().map(|value| f64::from(*value)));
            *self = Cells::Double(wide);
        }
        if let Cells::Double(values) = self {
            values.extend_from_slice(more);
        }
        Ok(())
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
