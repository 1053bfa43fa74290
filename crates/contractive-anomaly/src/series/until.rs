//! The beginning of a series, to be trained on: what comes later is then new.

use super::error::SeriesError;
use super::table::Series;
use super::time::moment;

impl Series {
    /// Keeps the rows up to `until` in every series, that moment included: a timestamp written as the series' own, or, where
    /// rows are counted, a number of rows. Series that begin later are left out. Returns how many rows are kept.
    ///
    /// # Errors
    /// [`SeriesError::Setting`] where `until` is no such timestamp, or lies before all rows.
    pub fn keep_until(&mut self, until: &str) -> Result<usize, SeriesError> {
        let refused =
            |must_be: String| SeriesError::Setting { name: "end of training", must_be, got: until.to_owned() };
        if self.is_counted() {
            let rows: usize = until.trim().parse().map_err(|_| refused("a number of rows".into()))?;
            self.tracks.iter_mut().for_each(|track| track.rows.truncate(rows));
        } else {
            let first = self.moments.first().copied();
            let last = moment(until).filter(|last| first.is_none_or(|first| first.clock == last.clock));
            let like = self.stamps.first().map_or("", String::as_str);
            let last =
                last.ok_or_else(|| refused(format!("a timestamp written as those of the series, such as {like}")))?;
            let moments = &self.moments;
            // A clock set back shows a time twice: what follows the first row beyond is left out, so that there is no hole.
            for track in &mut self.tracks {
                let beyond = |row: &usize| moments[*row].nanoseconds > last.nanoseconds;
                let end = track.rows.iter().position(beyond).unwrap_or(track.rows.len());
                track.rows.truncate(end);
            }
        }
        self.tracks.retain(|track| !track.rows.is_empty());
        match self.tracks.iter().map(|track| track.rows.len()).sum() {
            0 => {
                let first = (0..self.stamps.len()).min_by_key(|row| self.moments[*row].nanoseconds);
                Err(refused(format!("no earlier than the first row, {}", first.map_or("", |row| &self.stamps[row]))))
            }
            kept => Ok(kept),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::SeriesColumns;
    use super::*;

    fn read(time: Option<&str>) -> Series {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.csv");
        let rows: String = (1..=9).map(|d| format!("2024-01-0{d},{d}\n")).collect();
        std::fs::write(&path, format!("day,x\n{rows}")).unwrap();
        let values = Some(vec!["x".to_owned()]);
        Series::read(&path, &SeriesColumns { time: time.map(str::to_owned), values, ..SeriesColumns::default() })
            .unwrap()
    }

    #[test]
    fn rows_up_to_the_moment_are_kept() {
        let mut series = read(Some("day"));
        assert_eq!(series.keep_until("2024-01-04").unwrap(), 4);
        assert_eq!(series.values_of(&series.tracks[0]), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(read(Some("day")).keep_until("2024-01-04T13:00").unwrap(), 4);
        assert_eq!(read(None).keep_until("6").unwrap(), 6);
    }

    #[test]
    fn what_is_no_such_moment_is_named() {
        for (until, word) in
            [("soon", "such as 2024-01-01"), ("2024-01-04T00:00Z", "such as"), ("2023-12-31", "no earlier")]
        {
            let error = read(Some("day")).keep_until(until).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains(until), "{error}");
        }
        assert!(read(None).keep_until("2024-01-04").unwrap_err().to_string().contains("a number of rows"));
    }
}
