//! The order of a series' rows: that of time, whichever way the file runs.

use contractive_table::TableSource;

use super::error::{SeriesError, SeriesPlace};
use super::several::{repeats, restarts, telling_column};
use super::table::{Series, Track};
use super::time::Watch;

impl Series {
    /// Puts the rows of each series in the order of time.
    pub(super) fn order(&mut self, source: TableSource<'_>) -> Result<(), SeriesError> {
        let Some(time) = self.columns.time.clone() else { return Ok(()) };
        for track in &mut self.tracks {
            let nanoseconds = |row: &usize| self.moments[*row].nanoseconds;
            let later = track.rows.windows(2).map(|pair| nanoseconds(&pair[1]) - nanoseconds(&pair[0]));
            let (back, on) =
                later.fold((0, 0), |(back, on), later| (back + usize::from(later < 0), on + usize::from(later > 0)));
            if back > on {
                track.rows.reverse();
                track.is_reversed = true;
            }
        }
        // Of all series the same: the table is read for it once.
        let mut told: Option<Option<String>> = None;
        for track in &self.tracks {
            let mut watch = Watch::new(&self.what, &time, None);
            let moments = || track.rows.iter().map(|row| self.moments[*row]);
            let result = track
                .rows
                .iter()
                .try_for_each(|&row| watch.follow(row as u64 + 1, self.moments[row], &self.stamps[row]));
            let pace = watch.pace();
            let is_odd = result.is_err() || pace.duplicates.count + pace.set_back.count > 0;
            if !is_odd {
                continue;
            }
            let has_repeats = repeats(moments());
            let goes_back = result.is_err() || pace.set_back.count > 0;
            let looks_several = has_repeats || (result.is_err() && restarts(&moments().collect::<Vec<_>>()));
            if looks_several {
                let tell = || telling_column(source, self.columns.text, &self.moments, &self.known());
                let column = told.get_or_insert_with(tell).clone();
                if goes_back || column.is_some() {
                    return Err(self.several(track, result.err(), column));
                }
            }
            result?;
        }
        Ok(())
    }

    /// The error of a series that looks like several.
    fn several(&self, track: &Track, found: Option<SeriesError>, column: Option<String>) -> SeriesError {
        let what = self.what.clone();
        if let Some(SeriesError::Order { place, got, before, .. }) = found {
            return SeriesError::SeveralSeries { what, place, got, before, column };
        }
        let nanoseconds = |row: usize| self.moments[row].nanoseconds;
        let pair = track.rows.windows(2).find(|pair| nanoseconds(pair[1]) <= nanoseconds(pair[0]));
        let (before, now) = pair.map_or((0, 0), |pair| (pair[0], pair[1]));
        let (got, before) = (self.stamps[now].clone(), self.stamps[before].clone());
        SeriesError::SeveralSeries { what, place: SeriesPlace::Row(now as u64 + 1), got, before, column }
    }
}
