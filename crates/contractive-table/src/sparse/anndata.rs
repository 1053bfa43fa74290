//! Counts in HDF5: the `X`, `raw` and layers of AnnData's files, as CSR, CSC or dense arrays, with the names of cells and
//! genes; and the counts of 10x Genomics, which lie cell after cell.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use hdf5_reader::Dataset;

use super::checking::Arrays;
use super::compressed::{Parts, Stored, check_sizes, corrupt, rows, sizes};
use super::entries::Entries;
use super::matrix::{Triplets, check_shape};
use super::numbers::Numbers;
use crate::error::TableError;
use crate::hdf5::{Hdf5, Hdf5Numbers};

/// A matrix as it is asked for, with what its file calls its rows and columns.
pub(crate) struct Named {
    pub entries: Entries,
    pub columns: Option<Vec<String>>,
    pub rows: Option<Vec<String>>,
    /// Columns of a name that another has too, and that were given one of their own.
    pub n_renamed: usize,
}

/// Where a matrix lies in its file.
struct Place {
    matrix: String,
    /// What holds the names of rows and columns.
    rows: &'static str,
    columns: Option<&'static str>,
}

/// Opens `array`, or `X`, or the counts of 10x; transposed where asked for.
pub(crate) fn open(path: &Path, array: Option<&str>, transpose: bool) -> Result<Named, TableError> {
    let file = Arc::new(Hdf5::open(path)?);
    let is_10x = array.is_none() && file.group("X")?.is_none() && file.array("matrix/indptr")?.is_some();
    let (entries, rows, columns) = if is_10x {
        let shape = numbers(&file, "matrix/shape")?;
        check_sizes(path, shape.len())?;
        // Genes are its rows, and cells its lines.
        let [n_genes, n_cells] = sizes(path, &shape.all()?)?;
        let entries = lines(&file, "matrix", [n_cells, n_genes], !transpose)?;
        let (rows, columns) = (file.array("matrix/barcodes")?, file.array("matrix/features/name")?);
        (entries, rows, columns)
    } else {
        let place = place(&file, array)?;
        let columns = place.columns.map(|frame| index(&file, frame)).transpose()?.flatten();
        (matrix(&file, &place.matrix, transpose)?, index(&file, place.rows)?, columns)
    };
    let (rows, columns) = if transpose { (columns, rows) } else { (rows, columns) };
    check_names(&file, rows.as_ref(), entries.n_rows(), "rows")?;
    check_names(&file, columns.as_ref(), entries.n_columns(), "columns")?;
    let [rows, columns] = [rows, columns].map(|names| names.map(|names| file.texts(&names)).transpose());
    let (rows, columns) = (rows?, columns?);
    let mut named = Named { entries, columns, rows, n_renamed: 0 };
    named.n_renamed = named.columns.as_mut().map_or(0, |names| make_unique(names));
    Ok(named)
}

/// Finds the matrix that is asked for.
fn place(file: &Hdf5, array: Option<&str>) -> Result<Place, TableError> {
    let wanted = match array.unwrap_or("X") {
        "raw" => "raw/X",
        wanted => wanted,
    };
    // Other members of the file are looked at for the message alone.
    if !is_matrix(file, wanted)? {
        let mut available: Vec<String> = matrices(file)?.iter().map(|matrix| format!("`{matrix}`")).collect();
        if available.is_empty() {
            available.push("none".into());
        }
        return Err(TableError::NoSuchArray { path: file.path.clone(), wanted: format!("`{wanted}`"), available });
    }
    let columns = match wanted.split('/').next() {
        Some("raw") => Some("raw/var"),
        Some("obsm") => None,
        _ => Some("var"),
    };
    Ok(Place { matrix: wanted.to_owned(), rows: "obs", columns })
}

/// Whether `name` is one of [`matrices`].
fn is_matrix(file: &Hdf5, name: &str) -> Result<bool, TableError> {
    let is_one = match name.split_once('/') {
        None => name == "X",
        Some(("raw", name)) => name == "X",
        Some(("layers" | "obsm", name)) => !name.is_empty() && !name.contains('/'),
        Some(_) => false,
    };
    Ok(is_one && (file.array(name)?.is_some() || file.group(name)?.is_some()))
}

/// The matrices that a file of AnnData holds with a row for each cell.
fn matrices(file: &Hdf5) -> Result<Vec<String>, TableError> {
    let mut all = Vec::new();
    for (folder, only) in [("", Some("X")), ("raw", Some("X")), ("layers", None), ("obsm", None)] {
        let (groups, arrays) = file.members(folder)?;
        let names = groups.into_iter().chain(arrays).filter(|name| only.is_none_or(|only| only == name));
        all.extend(names.map(|name| if folder.is_empty() { name } else { format!("{folder}/{name}") }));
    }
    Ok(all)
}

fn matrix(file: &Arc<Hdf5>, name: &str, transpose: bool) -> Result<Entries, TableError> {
    if let Some(array) = file.array(name)? {
        if transpose {
            let open = |array: &str| {
                let numbers = numbers(file, array)?;
                let n = numbers.shape().map_or(numbers.len(), |[rows, columns]| rows.saturating_mul(columns));
                Ok((Box::new(numbers) as Box<dyn Numbers>, n))
            };
            Arrays { path: &file.path, open: &open }.check_dense(name)?;
        }
        return dense(file, Hdf5Numbers::new(file, array)?, transpose);
    }
    let group =
        file.group(name)?.ok_or_else(|| corrupt(&file.path, &format!("`{name}` is neither group nor array")))?;
    // The second name is what files had before 2019.
    let order = match file.word(&group, "encoding-type")? {
        Some(order) => Some(order),
        None => file.word(&group, "h5sparse_format")?,
    };
    let shape = match file.two_numbers(&group, "shape")? {
        Some(shape) => Some(shape),
        None => file.two_numbers(&group, "h5sparse_shape")?,
    };
    let [n_rows, n_columns] = sizes(&file.path, shape.as_ref().map_or(&[], |shape| &shape[..]))?;
    match order.as_deref() {
        Some("csr_matrix" | "csr") => lines(file, name, [n_rows, n_columns], !transpose),
        Some("csc_matrix" | "csc") => lines(file, name, [n_columns, n_rows], transpose),
        other => Err(TableError::Type {
            path: file.path.join(name),
            got: crate::shown(other.unwrap_or("no known encoding")),
            expected: "a `csr_matrix`, a `csc_matrix` or an array of numbers",
        }),
    }
}

/// A matrix of lines, `shape` being their number and the places in one. Where they are the rows asked for, they stay in
/// the file.
fn lines(file: &Arc<Hdf5>, group: &str, shape: [u64; 2], are_rows: bool) -> Result<Entries, TableError> {
    let whole = |array: &str| numbers(file, &format!("{group}/{array}"));
    let open = |array: &str| {
        let numbers = whole(array)?;
        let n = numbers.len();
        Ok((Box::new(numbers) as Box<dyn Numbers>, n))
    };
    let arrays = Arrays { path: &file.path, open: &open };
    if are_rows {
        let parts = Parts { indices: open("indices")?, data: open("data")? };
        let rows = rows(&file.path, shape, parts, || {
            arrays.check_lines(shape, false)?;
            whole("indptr")?.all()
        })?;
        return Ok(Entries::Compressed(Box::new(rows)));
    }
    arrays.check_shape([shape[1], shape[0]], arrays.n_entries()?)?;
    arrays.check_lines(shape, true)?;
    let (indices, data) = (whole("indices")?.all()?, whole("data")?.all()?);
    let stored = Stored::of_lines(&file.path, shape, &indices, data, whole("indptr")?.all()?)?;
    Ok(Entries::Memory(stored.turned().matrix(&file.path)?))
}

/// An array with its zeros. Turned round, what is not zero is held.
fn dense(file: &Arc<Hdf5>, mut numbers: Hdf5Numbers, transpose: bool) -> Result<Entries, TableError> {
    let [n_rows, n_columns] = numbers.shape().ok_or_else(|| TableError::Shape {
        what: format!("the shape of the array in {}", file.path.display()),
        expected: "(rows, columns)".into(),
        got: format!("({},)", numbers.len()),
    })?;
    check_shape(&file.path, [n_rows, n_columns], n_rows.saturating_mul(n_columns))?;
    if !transpose {
        let (n_rows, n_columns) = (n_rows as usize, n_columns as usize);
        return Ok(Entries::Dense { values: Box::new(numbers), n_rows, n_columns, row: Vec::new() });
    }
    check_shape(&file.path, [n_columns, n_rows], n_rows.saturating_mul(n_columns))?;
    let mut entries = Triplets::default();
    let mut values = Vec::new();
    for row in 0..n_rows as u32 {
        numbers.next(n_columns as usize, &mut values)?;
        for (column, &value) in values.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            entries.rows.push(row);
            entries.columns.push(column as u32);
            entries.values.push(value);
        }
    }
    let stored = Stored { shape: [n_rows, n_columns], entries };
    Ok(Entries::Memory(stored.turned().matrix(&file.path)?))
}

fn numbers(file: &Arc<Hdf5>, name: &str) -> Result<Hdf5Numbers, TableError> {
    let array = file.array(name)?.ok_or_else(|| corrupt(&file.path, &format!("it lacks `{name}`")))?;
    Hdf5Numbers::new(file, array)
}

/// The index of a data frame; `None` where there is none, as in files before 2019, which had records.
fn index(file: &Hdf5, frame: &str) -> Result<Option<Dataset>, TableError> {
    let Some(group) = file.group(frame)? else { return Ok(None) };
    let name = file.word(&group, "_index")?.unwrap_or_else(|| "_index".into());
    // Text that may be missing lies in a group of its own.
    match file.array(&format!("{frame}/{name}"))? {
        None => file.array(&format!("{frame}/{name}/values")),
        names => Ok(names),
    }
}

/// Checks the names in `array` of the `n` rows or columns of a matrix, before any are read.
fn check_names(file: &Hdf5, array: Option<&Dataset>, n: usize, what: &str) -> Result<(), TableError> {
    let Some(array) = array else { return Ok(()) };
    match *array.shape() {
        [got] if got != n as u64 => {
            Err(corrupt(&file.path, &format!("it names {got} {what} of a matrix that has {n}")))
        }
        _ => file.check_texts(array),
    }
}

/// Gives every name that came before `-1`, `-2`, … after it, as AnnData's `var_names_make_unique` does; says how many.
fn make_unique(names: &mut [String]) -> usize {
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    if taken.len() == names.len() {
        return 0;
    }
    let mut seen = HashSet::with_capacity(names.len());
    let mut next: std::collections::HashMap<String, usize> = Default::default();
    let mut n_renamed = 0;
    for name in names {
        if seen.insert(name.clone()) {
            continue;
        }
        let count = next.entry(name.clone()).or_insert(0);
        let unique = loop {
            *count += 1;
            let unique = format!("{name}-{count}");
            if taken.insert(unique.clone()) {
                break unique;
            }
        };
        *name = unique;
        n_renamed += 1;
    }
    n_renamed
}
