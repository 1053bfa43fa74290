//! Time series read from a table: one, or several told apart by columns of it.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::error::{SeriesError, SeriesPlace};
use super::filler::Filler;
use super::kept::Kept;
use super::spec::Missing;
use super::time::{Clock, Moment, Pace, Watch, median_step, stamp};
use crate::labels::{Judge, LabelError};
use contractive::data::label_note;
use contractive_table::limits::make_room;
use contractive_table::slips::Slips;
use contractive_table::{
    Column, Field, Format, Frame, ReadOptions, TableError, TableSource, TextOptions, Values, shown,
};

/// The columns of a table that make a series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeriesColumns {
    /// The column of timestamps; `None` where rows are counted instead.
    pub time: Option<String>,
    /// The columns that tell several series apart.
    pub series_key: Vec<String>,
    /// The columns of values; by default all columns of numbers but those named otherwise here.
    pub values: Option<Vec<String>>,
    /// A column that is kept as text beside the series: labels of anomalies.
    pub labels: Option<String>,
    /// Columns that are kept beside the series, cell for cell.
    pub carried: Vec<String>,
    /// What stands in for a missing value.
    pub missing: Missing,
    /// How a text table is spelled.
    pub text: TextOptions,
}

/// One series of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// What tells it apart, one text a key column.
    pub key: Vec<String>,
    /// Its rows, from 0, in the order of time.
    pub rows: Vec<usize>,
    /// Whether time runs backwards in the file.
    pub is_reversed: bool,
}

/// The n rows of a file with v value columns, and the series that they make.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is called: its file, or its folder.
    pub what: String,
    /// Names of the files that its rows are of, and the first row of each: one, but of a folder.
    pub files: Vec<(String, usize)>,
    /// Names of the columns that tell several series apart.
    pub key_names: Vec<String>,
    /// Names of the value columns.
    pub names: Vec<String>,
    /// The timestamps, as the file has them; row numbers from 1 where rows are counted.
    pub stamps: Vec<String>,
    /// The timestamps, read; a second a row where rows are counted.
    pub moments: Vec<Moment>,
    /// Values, row-major (n, v), all finite.
    pub values: Vec<f64>,
    /// The labels asked for, as the file has them; `None` where a cell is empty.
    pub labels: Option<Vec<Option<String>>>,
    /// The columns kept beside the series.
    pub carried: Vec<Column>,
    /// The series, by their first rows: one a file without key columns.
    pub tracks: Vec<Track>,
    /// Missing values that were filled.
    pub filled: u64,
    /// Columns left out because they hold no numbers.
    pub left_out: Vec<String>,
    /// What a user should know of how the file was understood.
    pub notes: Vec<String>,
    /// Columns read.
    pub(super) columns: SeriesColumns,
}

impl Series {
    /// Reads one table.
    pub(super) fn read_table(source: TableSource<'_>, columns: &SeriesColumns) -> Result<Series, SeriesError> {
        let options = read_options(source.path(), columns);
        let mut reader = source.open(&options)?;
        let path = reader.path().to_path_buf();
        let (names, left_out) = roles(&path, reader.fields(), columns)?;
        let mut notes = reader.notes().to_vec();
        if columns.values.is_none() {
            notes.extend(label_note(&names));
        }
        let of_name = |name: &String| reader.fields().iter().find(|field| field.name == *name);
        let empty = |field: &Field| Column { name: field.name.clone(), values: Values::empty(&field.kind) };
        let carried = columns.carried.iter().filter_map(of_name).map(empty).collect();
        let file = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
        let mut series = Series {
            what: path.display().to_string(),
            files: vec![(file, 0)],
            key_names: columns.series_key.clone(),
            names,
            stamps: Vec::new(),
            moments: Vec::new(),
            values: Vec::new(),
            labels: columns.labels.as_ref().map(|_| Vec::new()),
            carried,
            tracks: Vec::new(),
            filled: 0,
            left_out,
            notes,
            columns: columns.clone(),
        };
        let mut slips = vec![Slips::default(); series.left_out.len()];
        let mut places = HashMap::new();
        let mut kept =
            Kept::of(source, &options, &series.what, &series.names).timed(columns.time.clone(), columns.missing);
        while let Some(frame) = reader.next() {
            let (frame, n_tracks) = (frame?, series.tracks.len());
            let taken = series.take(&frame, &mut places, &mut slips);
            taken
                .and_then(|()| kept.take(series.bytes_of_last(n_tracks, frame), &mut reader))
                .map_err(|e| e.in_file(&path, &columns.text))?;
        }
        series.check_words(&slips).map_err(|e| e.in_file(&path, &columns.text))?;
        series.order(source).map_err(|e| e.in_file(&path, &columns.text))?;
        series.fill().map_err(|e| e.in_file(&path, &columns.text))?;
        Ok(series)
    }

    /// Adds a frame's rows, holes left open.
    fn take(
        &mut self,
        frame: &Frame,
        places: &mut HashMap<Vec<String>, usize>,
        slips: &mut [Slips],
    ) -> Result<(), SeriesError> {
        let here: HashMap<&str, &Values> =
            frame.columns.iter().map(|column| (column.name.as_str(), &column.values)).collect();
        let cells = |name: &String| here.get(name.as_str()).copied();
        let times = self.columns.time.as_ref().and_then(cells);
        let keys: Vec<&Values> = self.key_names.iter().filter_map(cells).collect();
        let values: Vec<Vec<f64>> = self.names.iter().filter_map(|name| cells(name)?.to_numbers()).collect();
        let watch = Watch::new(&self.what, self.columns.time.as_deref().unwrap_or_default(), None);
        self.make_room(frame.n_rows())?;
        for i in 0..frame.n_rows() {
            let row = self.stamps.len();
            let (stamp, moment) = match times {
                Some(times) => {
                    let stamp = stamp(times, i);
                    let moment = watch.read(row as u64 + 1, &stamp)?;
                    (stamp, moment)
                }
                None => ((row + 1).to_string(), counted(row)),
            };
            self.moments.push(moment);
            self.stamps.push(stamp);
            let key: Vec<String> = keys.iter().map(|key| key.text(i).unwrap_or_default()).collect();
            let place = match places.get(&key) {
                Some(place) => *place,
                None => {
                    make_room(&mut self.tracks, 1, Path::new(&self.what))?;
                    self.tracks.push(Track { key: key.clone(), rows: Vec::new(), is_reversed: false });
                    places.insert(key, self.tracks.len() - 1);
                    self.tracks.len() - 1
                }
            };
            let rows = &mut self.tracks[place].rows;
            make_room(rows, 1, Path::new(&self.what))?;
            rows.push(row);
            self.values.extend(values.iter().map(|column| column[i]));
            if let (Some(labels), Some(name)) = (&mut self.labels, &self.columns.labels) {
                labels.push(cells(name).and_then(|column| column.text(i)));
            }
        }
        for carried in &mut self.carried {
            if let Some(values) = cells(&carried.name) {
                carried.values.append(values.clone());
            }
        }
        for (slips, column) in slips.iter_mut().zip(&self.left_out) {
            let Some(column) = cells(column) else { continue };
            column
                .text_runs()
                .for_each(|(rows, text)| slips.see(frame.first_row + rows.start as u64, &text, rows.len()));
        }
        Ok(())
    }

    /// Refuses to leave out a column that is one of numbers but for a few words.
    fn check_words(&self, slips: &[Slips]) -> Result<(), SeriesError> {
        for (column, slips) in self.left_out.iter().zip(slips) {
            if let Some((row, text)) = slips.slip() {
                let (what, column, text) = (self.what.clone(), column.clone(), shown(text));
                let (place, n_numbers) = (SeriesPlace::Row(row + 1), slips.n_numbers);
                return Err(SeriesError::WordAmongNumbers { what, place, column, text, n_numbers });
            }
        }
        match self.names.is_empty() {
            false => Ok(()),
            true => {
                let beside = self.columns.time.as_ref().map_or(String::new(), |time| format!("beside `{time}` "));
                let path = (&self.what).into();
                Err(SeriesError::Columns { path, reason: format!("{beside}there is no column of numbers") })
            }
        }
    }

    /// Columns with a meaning of their own.
    pub(super) fn known(&self) -> Vec<&String> {
        let columns = &self.columns;
        columns.time.iter().chain(&self.key_names).chain(&columns.labels).chain(&columns.carried).collect()
    }

    /// Fills the holes of each series, in the order of its time.
    fn fill(&mut self) -> Result<(), SeriesError> {
        let v = self.names.len();
        let mut filler = Filler::new(&self.what, self.names.clone(), self.columns.missing);
        for track in &self.tracks {
            filler.begin();
            for &row in &track.rows {
                filler.fill(row as u64 + 1, &mut self.values[row * v..][..v])?;
            }
        }
        self.filled = filler.filled();
        Ok(())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.stamps.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.stamps.is_empty()
    }

    /// Whether rows are counted, for want of timestamps.
    pub(super) fn is_counted(&self) -> bool {
        self.columns.time.is_none()
    }

    /// The values of one series, row-major, in the order of time.
    pub fn values_of(&self, track: &Track) -> Vec<f64> {
        let v = self.names.len();
        track.rows.iter().flat_map(|row| &self.values[row * v..][..v]).copied().collect()
    }

    /// The name of the file that row `row` is of, and its place there, from 0.
    pub fn file_of(&self, row: usize) -> (&str, usize) {
        let file = self.files.partition_point(|(_, first)| *first <= row).saturating_sub(1);
        self.files.get(file).map_or(("", row), |(name, first)| (name.as_str(), row - first))
    }

    /// What a series of the file is called: the file, and its key where there is one.
    pub fn name_of(&self, track: &Track) -> String {
        let keys: Vec<String> =
            self.key_names.iter().zip(&track.key).map(|(name, key)| format!("{name}={key}")).collect();
        let file = match self.files.len() {
            0 | 1 => self.what.clone(),
            _ => self.file_of(track.rows.first().copied().unwrap_or(0)).0.to_owned(),
        };
        if keys.is_empty() { file } else { format!("{file} {}", keys.join(", ")) }
    }

    /// All rows, series after series, each in the order of time.
    pub fn rows_in_time(&self) -> impl Iterator<Item = usize> + '_ {
        self.tracks.iter().flat_map(|track| track.rows.iter().copied())
    }

    /// The rows in that order.
    pub fn in_time(&self) -> Series {
        let rows: Vec<usize> = self.rows_in_time().collect();
        let v = self.names.len();
        let mut next = 0;
        let tracks = self.tracks.iter().map(|track| {
            let start = next;
            next += track.rows.len();
            Track { key: track.key.clone(), rows: (start..next).collect(), is_reversed: false }
        });
        Series {
            tracks: tracks.collect(),
            stamps: rows.iter().map(|row| self.stamps[*row].clone()).collect(),
            moments: rows.iter().map(|row| self.moments[*row]).collect(),
            values: rows.iter().flat_map(|row| &self.values[row * v..][..v]).copied().collect(),
            labels: self.labels.as_ref().map(|labels| rows.iter().map(|row| labels[*row].clone()).collect()),
            carried: self
                .carried
                .iter()
                .map(|c| Column { name: c.name.clone(), values: c.values.picked(&rows) })
                .collect(),
            files: self.files.clone(),
            what: self.what.clone(),
            key_names: self.key_names.clone(),
            names: self.names.clone(),
            filled: self.filled,
            left_out: self.left_out.clone(),
            notes: self.notes.clone(),
            columns: self.columns.clone(),
        }
    }

    /// The median of the times between rows, nanoseconds; `None` where no two rows differ in time, or rows are counted.
    pub fn step(&self) -> Option<i128> {
        self.columns.time.as_ref()?;
        let pairs = self.tracks.iter().flat_map(|track| track.rows.windows(2));
        median_step(pairs.map(|pair| self.moments[pair[1]].nanoseconds - self.moments[pair[0]].nanoseconds))
    }

    /// How evenly the rows come, for a step of `step` nanoseconds. Rows of a folder are named by their places in their files.
    pub fn pace(&self, step: Option<i128>) -> Pace {
        self.pace_of(&self.tracks.iter().collect::<Vec<_>>(), step)
    }

    /// The same of every file, with what it is called.
    pub fn paces(&self, step: Option<i128>) -> Vec<(String, Pace)> {
        if self.files.len() < 2 {
            return vec![(self.what.clone(), self.pace(step))];
        }
        let file = |track: &Track| track.rows.first().map_or("", |row| self.file_of(*row).0);
        let of = |name: &String| {
            let tracks: Vec<&Track> = self.tracks.iter().filter(|track| file(track) == name).collect();
            (name.clone(), self.pace_of(&tracks, step))
        };
        self.files.iter().map(|(name, _)| of(name)).collect()
    }

    fn pace_of(&self, tracks: &[&Track], step: Option<i128>) -> Pace {
        let Some(time) = &self.columns.time else { return Pace::default() };
        let mut watch = Watch::new(&self.what, time, step);
        for track in tracks {
            watch.begin();
            for &row in &track.rows {
                // They were all seen when the series was read.
                let _ = watch.follow(self.file_of(row).1 as u64 + 1, self.moments[row], &self.stamps[row]);
            }
        }
        watch.pace().clone()
    }

    /// Which rows are anomalies, by their labels: those labelled `anomaly`, by default 1; rows without a label are none.
    ///
    /// # Errors
    /// [`LabelError`].
    pub fn anomalies(&self, anomaly: Option<&str>) -> Result<Option<Vec<bool>>, LabelError> {
        let Some(labels) = &self.labels else { return Ok(None) };
        let column = format!("column `{}`", self.columns.labels.as_deref().unwrap_or_default());
        let mut judge = Judge::new(&self.what, column, anomaly, true, self.columns.text);
        let anomalies = judge.judge(labels)?;
        judge.finish()?;
        Ok(Some(anomalies))
    }
}

/// How the table of a series is read.
fn read_options(path: &Path, columns: &SeriesColumns) -> ReadOptions {
    let named = || columns.time.iter().chain(&columns.series_key).chain(&columns.labels).chain(&columns.carried);
    let kept = named().cloned().collect();
    let mut options = ReadOptions { kept, text: columns.text, ..ReadOptions::default() };
    if matches!(Format::of(path), Some(Format::Csv)) || path == Path::new("-") {
        // Cell for cell as the file has them.
        options.as_text = named().cloned().collect();
    }
    if let Some(values) = &columns.values {
        let mut wanted: Vec<String> = named().chain(values).cloned().collect();
        wanted.sort_unstable();
        wanted.dedup();
        options.columns = Some(wanted);
        options.as_numbers = values.clone();
    }
    options
}

/// The value columns among the fields of a table, and those that hold no numbers.
fn roles(path: &Path, fields: &[Field], columns: &SeriesColumns) -> Result<(Vec<String>, Vec<String>), SeriesError> {
    let with_meaning = || columns.time.iter().chain(&columns.series_key).chain(&columns.labels);
    let named = || with_meaning().chain(&columns.carried);
    let here: HashSet<&String> = fields.iter().map(|field| &field.name).collect();
    let missing: Vec<String> = named().filter(|name| !here.contains(name)).cloned().collect();
    if !missing.is_empty() {
        let available = fields.iter().map(|field| field.name.clone()).collect();
        return Err(TableError::MissingColumns { path: path.to_path_buf(), missing, available }.into());
    }
    if let Some(values) = &columns.values {
        if let Some(twice) = with_meaning().find(|name| values.contains(name)) {
            let (must_be, got) = ("none of the value columns".into(), format!("`{twice}`"));
            return Err(SeriesError::Setting { name: "time, key and label columns", must_be, got });
        }
        return Ok((values.clone(), Vec::new()));
    }
    let named: HashSet<&String> = named().collect();
    let others = fields.iter().filter(|field| !named.contains(&field.name));
    let (numeric, rest): (Vec<&Field>, Vec<&Field>) = others.partition(|field| field.kind.is_numeric());
    let names = |fields: Vec<&Field>| fields.into_iter().map(|field| field.name.clone()).collect();
    Ok((names(numeric), names(rest)))
}

/// The moment of a row where rows are counted.
pub(super) fn counted(row: usize) -> Moment {
    Moment { nanoseconds: (row as i128 + 1) * 1_000_000_000, clock: Clock::Epoch }
}
