//! Time series: a table of timestamps, read whole, scored, and followed as it grows.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use contractive_anomaly::series::{Growing, Missing, Series, SeriesColumns};
use contractive_table::TextOptions;

use crate::input::Input;
use crate::panics::begin;
use crate::refusal::refused;
use crate::scratch;
use crate::trained::series_detector;

/// Bytes that choose how a series is read.
pub(crate) const OPTIONS: usize = 4;

/// A series of the columns `time`, `a` and `b`.
pub fn series(bytes: &[u8]) {
    begin();
    let mut input = Input::new(bytes);
    let (way, cut, key) = (input.byte(), input.byte(), input.byte());
    let missing = input.one_of(&[Missing::Refuse, Missing::Previous]);
    let text = input.rest();
    let path = scratch::file("series.csv", text);
    match way % 3 {
        0 => {
            let series_key = if key % 4 == 1 { vec!["b".to_owned()] } else { Vec::new() };
            let labels = (key % 4 == 2).then(|| "b".to_owned());
            let time = (key % 8 < 6).then(|| "time".to_owned());
            let columns = SeriesColumns { time, series_key, labels, missing, ..SeriesColumns::default() };
            check(&path, &columns);
        }
        1 => scored(&path, missing),
        _ => followed(&path, text, usize::from(cut)),
    }
}

/// Reads a table as a series, by a column of timestamps.
pub(crate) fn read(path: &Path, time: Option<String>, text: TextOptions) {
    check(path, &SeriesColumns { time, text, ..SeriesColumns::default() });
}

fn check(path: &Path, columns: &SeriesColumns) {
    let mut series = match Series::read(path, columns) {
        Ok(series) => series,
        Err(error) => return refused(&error),
    };
    let (n, v) = (series.len(), series.names.len());
    assert_eq!((series.moments.len(), series.values.len()), (n, n * v), "one moment and v values a row");
    assert!(series.values.iter().all(|value| value.is_finite()), "values must be finite");
    let mut rows: Vec<usize> = series.rows_in_time().collect();
    rows.sort_unstable();
    assert!(rows.into_iter().eq(0..n), "each row must be in one series");
    assert_eq!(series.in_time().len(), n);
    series.paces(None);
    if let Err(error) = series.anomalies(None) {
        refused(&error);
    }
    if let Some(stamp) = series.stamps.first().cloned()
        && let Err(error) = series.keep_until(&stamp)
    {
        refused(&error);
    }
}

fn scored(path: &Path, missing: Missing) {
    let detector = series_detector();
    let series = match Series::read(path, &SeriesColumns { missing, ..detector.columns(None) }) {
        Ok(series) => series,
        Err(error) => return refused(&error),
    };
    match detector.explain(&series, 1) {
        Ok(scores) => assert_eq!(scores.score.len(), series.len(), "one score a row"),
        Err(error) => return refused(&error),
    }
    if series.tracks.len() != 1 || series.tracks[0].is_reversed {
        return;
    }
    // Followed row by row, the scores are those of all rows at once.
    let (mut at_once, mut by_row) = (detector.follow("t", 1), detector.follow("t", 1));
    let v = series.names.len();
    let Ok(mut expected) = at_once.push(&series.moments, &series.values) else { return };
    let mut got = Vec::new();
    for (moment, row) in series.moments.iter().zip(series.values.chunks_exact(v)) {
        got.extend(by_row.push(&[*moment], row).expect("what is taken at once is taken row by row"));
    }
    let (Ok(last), Ok(last_by_row)) = (at_once.finish(), by_row.finish()) else { return };
    expected.extend(last);
    got.extend(last_by_row);
    let bits = |scores: &[contractive_anomaly::series::RowScore]| -> Vec<(u64, u64)> {
        scores.iter().map(|score| (score.row, score.score.to_bits())).collect()
    };
    assert_eq!(bits(&got), bits(&expected), "scores must not depend on how the rows come");
}

/// A file that grows: its beginning first, then the rest.
fn followed(path: &Path, text: &[u8], cut: usize) {
    let (first, rest) = text.split_at(text.len() * cut / 255);
    fs::write(path, first).expect("an input can be written");
    let mut growing = match Growing::open(path, series_detector()) {
        Ok(growing) => growing,
        Err(error) => return refused(&error),
    };
    for more in [&[], rest] {
        let file = File::options().append(true).open(path);
        file.and_then(|mut file| file.write_all(more)).expect("an input can be written");
        loop {
            match growing.poll() {
                Err(error) => return refused(&error),
                Ok(growth) => {
                    let n = growth.stamps.len();
                    assert_eq!((growth.moments.len(), growth.values.len()), (n, n * 2), "whole rows");
                    if !growth.has_more {
                        break;
                    }
                }
            }
        }
    }
}
