//! Series from where they lie: a table, or a folder of tables of the same columns, each a series of its own.

use std::path::{Path, PathBuf};

use super::error::SeriesError;
use super::table::{Series, SeriesColumns};
use contractive_table::listing::some_names;
use contractive_table::{Format, TableError, TableSource};

/// The tables in a folder, by their names; files of other kinds are passed over.
fn tables(folder: &Path) -> Result<Vec<PathBuf>, SeriesError> {
    let failed = |source| SeriesError::File { verb: "read", path: folder.to_path_buf(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_table = matches!(Format::of(&path), Some(Format::Csv | Format::Parquet | Format::Arrow));
        if is_table && !is_hidden && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(TableError::Folder { path: folder.to_path_buf() }.into());
    }
    Ok(found)
}

impl Series {
    /// Reads a CSV, Parquet or Arrow table, all of them in a folder, or rows that a program holds; `-` is CSV on standard
    /// input. A series that runs
    /// backwards in time is turned round: see [`Track::rows`](super::Track::rows).
    ///
    /// # Errors
    /// [`SeriesError`], each with its row and column.
    pub fn read<'a>(source: impl Into<TableSource<'a>>, columns: &SeriesColumns) -> Result<Series, SeriesError> {
        match source.into() {
            TableSource::File(path) if path.is_dir() => read_folder(path, columns),
            source => Series::read_table(source, columns),
        }
    }
}

/// Reads all tables of a folder as the series of one file.
fn read_folder(folder: &Path, columns: &SeriesColumns) -> Result<Series, SeriesError> {
    let mut whole: Option<Series> = None;
    for path in tables(folder)? {
        let series = Series::read_table((&path).into(), columns)?;
        match &mut whole {
            None => whole = Some(series),
            Some(whole) => append(whole, series)?,
        }
    }
    let mut whole = whole.ok_or_else(|| TableError::Folder { path: folder.to_path_buf() })?;
    whole.what = folder.display().to_string();
    Ok(whole)
}

/// Adds the series of another file of the same columns.
fn append(whole: &mut Series, more: Series) -> Result<(), SeriesError> {
    let kinds = |series: &Series| -> Vec<String> {
        series.carried.iter().map(|c| format!("{}, {}", c.name, c.values.kind().name())).collect()
    };
    for (name, must_be, got) in
        [("value columns", whole.names.clone(), more.names.clone()), ("columns to carry", kinds(whole), kinds(&more))]
    {
        if must_be != got {
            let got = format!("{} in {}", some_names(&got), more.what);
            return Err(SeriesError::Setting { name, must_be: some_names(&must_be), got });
        }
    }
    let before = whole.len();
    whole.files.extend(more.files.into_iter().map(|(name, first)| (name, first + before)));
    whole.stamps.extend(more.stamps);
    whole.moments.extend(more.moments);
    whole.values.extend(more.values);
    if let (Some(all), Some(more)) = (&mut whole.labels, more.labels) {
        all.extend(more);
    }
    whole.carried.iter_mut().zip(more.carried).for_each(|(all, more)| all.values.append(more.values));
    whole.tracks.extend(more.tracks.into_iter().map(|mut track| {
        track.rows.iter_mut().for_each(|row| *row += before);
        track
    }));
    whole.filled += more.filled;
    for (all, more) in [(&mut whole.left_out, more.left_out), (&mut whole.notes, more.notes)] {
        let new: Vec<String> = more.into_iter().filter(|text| !all.contains(text)).collect();
        all.extend(new);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
        folder
    }

    fn columns() -> SeriesColumns {
        let text = |name: &str| name.to_owned();
        SeriesColumns { time: Some(text("t")), carried: vec![text("note")], ..SeriesColumns::default() }
    }

    #[test]
    fn every_table_is_a_series_of_its_own() {
        let files = [
            ("b.csv", "t,x,note\n60,1,u\n120,2,v\n"),
            ("a.csv", "t,x,note\n600,3,w\n540,4,x\n480,5,y\n"),
            ("labels.json", "{}"),
            (".hidden.csv", "no table"),
        ];
        let folder = folder(&files);
        let series = Series::read(folder.path(), &columns()).unwrap();
        assert_eq!((series.len(), series.files.len(), series.tracks.len()), (5, 2, 2));
        assert_eq!(series.values_of(&series.tracks[0]), [5.0, 4.0, 3.0], "a.csv runs backwards");
        assert_eq!(series.values_of(&series.tracks[1]), [1.0, 2.0]);
        assert_eq!((series.file_of(0), series.file_of(4)), (("a.csv", 0), ("b.csv", 1)));
        assert!(series.name_of(&series.tracks[1]).ends_with("b.csv"), "{}", series.name_of(&series.tracks[1]));
        assert_eq!(series.carried[0].values.text(3).as_deref(), Some("u"));
        assert_eq!(series.in_time().carried[0].values.text(0).as_deref(), Some("y"));
    }

    #[test]
    fn other_columns_and_no_tables_are_named() {
        let other = folder(&[("a.csv", "t,x,note\n1,1,u\n"), ("b.csv", "t,y,note\n1,1,u\n")]);
        let error = Series::read(other.path(), &columns()).unwrap_err().to_string();
        assert!(error.contains("must be x") && error.contains("y in") && error.contains("b.csv"), "{error}");
        let error = Series::read(folder(&[("a.json", "{}")]).path(), &columns()).unwrap_err().to_string();
        assert!(error.contains("folder"), "{error}");
        let broken = folder(&[("a.csv", "t,x,note\n1,1,u\n"), ("b.csv", "t,x,note\nx,1,u\n")]);
        let error = Series::read(broken.path(), &columns()).unwrap_err().to_string();
        assert!(error.contains("b.csv") && error.contains("line 2"), "{error}");
    }
}
