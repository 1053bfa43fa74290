//! Timestamps: what they say, and whether they come at an even pace.
//!
//! | row | rule |
//! |---|---|
//! | later than the one above by more than 1.5 steps | a gap: a warning |
//! | later, but not by a step to 1 % | irregular: a warning |
//! | at the same time | a duplicate: a warning; both rows stay |
//! | earlier by up to 2 hours, but after the first, times without a zone | a clock set back, as at the end of summer time: a warning |
//! | earlier otherwise | an error |
//!
//! Each series of a file is watched by itself, in the order of its time.
//!
//! A step is the median time between rows of the series trained on. What windows do at a gap: [`gaps`](super::gaps).

use std::str::FromStr;

use contractive_table::{Kind, Values};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

use super::error::{SeriesError, SeriesPlace};

/// How a timestamp is written. All of a series are written in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// With a zone: `Z` or an offset.
    Zoned,
    /// Without a zone: as a clock on the wall shows it.
    Wall,
    /// A number since 1970.
    Epoch,
}

impl Clock {
    fn words(self) -> &'static str {
        match self {
            Clock::Zoned => "a time with a zone",
            Clock::Wall => "a time without a zone",
            Clock::Epoch => "a number since 1970",
        }
    }
}

/// A moment: nanoseconds since 1970-01-01T00:00, in UTC or, without a zone, on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds.
    pub nanoseconds: i128,
    /// How it was written.
    pub clock: Clock,
}

/// Reads a timestamp: ISO 8601, with `T` or a space between date and time, or a number since 1970, whose size says its
/// unit: below 10¹¹ seconds, below 10¹⁴ milliseconds, below 10¹⁷ microseconds, else nanoseconds. `None` where it is
/// neither.
pub fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    if text.is_empty() || text.len() > 64 {
        return None;
    }
    if let Some(nanoseconds) = epoch(text) {
        return Some(Moment { nanoseconds, clock: Clock::Epoch });
    }
    if let Ok(zoned) = Timestamp::from_str(text) {
        return Some(Moment { nanoseconds: zoned.as_nanosecond(), clock: Clock::Zoned });
    }
    let wall = DateTime::from_str(text).ok().or_else(|| Some(Date::from_str(text).ok()?.at(0, 0, 0, 0)))?;
    // By the calendar: the year 9999, which many write for "for ever", ends some hours after the last instant that has a zone.
    let nanoseconds = wall.duration_since(Date::constant(1970, 1, 1).at(0, 0, 0, 0)).as_nanos();
    Some(Moment { nanoseconds, clock: Clock::Wall })
}

fn epoch(text: &str) -> Option<i128> {
    let unit = |size: f64| match size {
        size if size < 1e11 => 1_000_000_000_i128,
        size if size < 1e14 => 1_000_000,
        size if size < 1e17 => 1_000,
        _ => 1,
    };
    // "20240229" is a number, not a date: only what has signs between its digits is one.
    if let Ok(whole) = text.parse::<i64>() {
        return Some(i128::from(whole) * unit((whole as f64).abs()));
    }
    let number = text.parse::<f64>().ok().filter(|number| number.abs() < 1e19)?;
    // By parts: the product as a whole would have more digits than f64 holds.
    let unit = unit(number.abs());
    Some(number.trunc() as i128 * unit + (number.fract() * unit as f64).round() as i128)
}

/// A timestamp as text. A moment of a typed column carries its zone.
pub(super) fn stamp(times: &Values, i: usize) -> String {
    let text = times.text(i).unwrap_or_default();
    match times.kind() {
        Kind::Boolean => format!("`{text}`"), // no number since 1970
        _ => text,
    }
}

/// Times that did not come at an even pace: how many, and the rows of the first few.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Odd {
    /// How many.
    pub count: u64,
    /// Rows, from 1, of the first [`Odd::SHOWN`].
    pub rows: Vec<u64>,
}

impl Odd {
    /// Rows named.
    pub const SHOWN: usize = 5;

    fn add(&mut self, row: u64) {
        self.count += 1;
        if self.rows.len() < Self::SHOWN {
            self.rows.push(row);
        }
    }
}

/// The pace of a series.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pace {
    /// Seconds a step; `None` where no two rows differ in time.
    pub step_seconds: Option<f64>,
    /// Rows that come more than 1.5 steps after the one above.
    pub gaps: Odd,
    /// Steps left out in gaps, in all.
    pub missing_steps: u64,
    /// Rows that come neither a step nor a gap after the one above.
    pub irregular: Odd,
    /// Rows at the time of the one above.
    pub duplicates: Odd,
    /// Rows at which a clock without a zone was set back.
    pub set_back: Odd,
}

impl Pace {
    /// One line a kind of oddity, for people; none where the pace is even.
    pub fn warnings(&self) -> Vec<String> {
        let kinds = [
            (&self.gaps, "gap", "gaps", format!(" ({} steps missing)", self.missing_steps)),
            (&self.irregular, "irregular step", "irregular steps", String::new()),
            (&self.duplicates, "repeated timestamp", "repeated timestamps", String::new()),
            (&self.set_back, "clock set back", "clocks set back", String::new()),
        ];
        let there = kinds.into_iter().filter(|(odd, ..)| odd.count > 0);
        there
            .map(|(odd, one, many, more)| {
                let rows: Vec<String> = odd.rows.iter().map(u64::to_string).collect();
                let rest = if odd.count > odd.rows.len() as u64 { ", …" } else { "" };
                let (noun, word) = if odd.count == 1 { (one, "row") } else { (many, "rows") };
                format!("{} {noun}{more} at {word} {}{rest}", odd.count, rows.join(", "))
            })
            .collect()
    }
}

/// Whether a row that comes `later` than the one above leaves a gap.
pub fn is_gap(later: i128, step: i128) -> bool {
    later * 2 > step * 3
}

/// The steps that are missing in such a gap, at least 1.
pub fn missing_steps(later: i128, step: i128) -> u64 {
    ((later + step / 2) / step - 1).clamp(1, i128::from(u64::MAX)) as u64
}

/// How far a clock without a zone may be set back.
const SET_BACK: i128 = 2 * 3600 * 1_000_000_000;

/// Watches the times of a series, row by row.
#[derive(Debug, Clone)]
pub struct Watch {
    what: String,
    column: String,
    step: Option<i128>,
    first: Option<Moment>,
    last: Option<(Moment, String)>,
    pace: Pace,
}

impl Watch {
    /// A watch over the column `column` of the series `what`, whose step is `step` nanoseconds where it is known.
    pub fn new(what: &str, column: &str, step: Option<i128>) -> Self {
        let pace = Pace { step_seconds: step.map(|step| step as f64 / 1e9), ..Pace::default() };
        Watch { what: what.to_owned(), column: column.to_owned(), step, first: None, last: None, pace }
    }

    /// Takes the next timestamp, that of row `row`, from 1.
    ///
    /// # Errors
    /// [`SeriesError::Timestamp`], [`SeriesError::Mixed`] and [`SeriesError::Order`], by the [module's rules](self).
    pub fn see(&mut self, row: u64, text: &str) -> Result<Moment, SeriesError> {
        let now = self.read(row, text)?;
        self.follow(row, now, text)?;
        Ok(now)
    }

    /// What the timestamp of row `row` says.
    pub(super) fn read(&self, row: u64, text: &str) -> Result<Moment, SeriesError> {
        let (what, column) = (self.what.clone(), self.column.clone());
        moment(text).ok_or_else(|| SeriesError::Timestamp {
            what,
            place: SeriesPlace::Row(row),
            column,
            got: text.into(),
        })
    }

    /// Takes `now`, the moment of row `row`, as the next one.
    pub(super) fn follow(&mut self, row: u64, now: Moment, text: &str) -> Result<(), SeriesError> {
        let place = SeriesPlace::Row(row);
        let what = || self.what.clone();
        let first = *self.first.get_or_insert(now);
        if let Some((last, before)) = &self.last {
            if last.clock != now.clock {
                let (is, before) = (now.clock.words(), last.clock.words());
                return Err(SeriesError::Mixed { what: what(), place, got: text.into(), is, before });
            }
            let later = now.nanoseconds - last.nanoseconds;
            let may_be_set_back = now.clock == Clock::Wall && later >= -SET_BACK && now.nanoseconds > first.nanoseconds;
            if later < 0 && !may_be_set_back {
                return Err(SeriesError::Order { what: what(), place, got: text.into(), before: before.clone() });
            }
            match (later, self.step) {
                (..0, _) => self.pace.set_back.add(row),
                (0, _) => self.pace.duplicates.add(row),
                (later, Some(step)) if is_gap(later, step) => {
                    self.pace.gaps.add(row);
                    self.pace.missing_steps = self.pace.missing_steps.saturating_add(missing_steps(later, step));
                }
                (later, Some(step)) if (later - step).abs() * 100 > step => self.pace.irregular.add(row),
                _ => {}
            }
        }
        self.last = Some((now, text.to_owned()));
        Ok(())
    }

    /// Whether `text` says a time that is not later than the last one; what says none is for [`Watch::see`] to refuse.
    pub(super) fn is_repeated(&self, text: &str) -> bool {
        let (Some(now), Some((last, _))) = (moment(text), &self.last) else { return false };
        now.nanoseconds <= last.nanoseconds
    }

    /// Begins another series of the same file.
    pub(super) fn begin(&mut self) {
        (self.first, self.last) = (None, None);
    }

    /// What was seen so far.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }
}

/// The median of the times between rows, those above 0; `None` where there is none.
pub fn median_step(later: impl Iterator<Item = i128>) -> Option<i128> {
    let mut later: Vec<i128> = later.filter(|later| *later > 0).collect();
    if later.is_empty() {
        return None;
    }
    let middle = later.len() / 2;
    Some(*later.select_nth_unstable(middle).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(times: &[&str], step: Option<i128>) -> Result<Pace, SeriesError> {
        let mut watch = Watch::new("s.csv", "time", step);
        (1..).zip(times).try_for_each(|(row, time)| watch.see(row, time).map(drop))?;
        Ok(watch.pace().clone())
    }

    #[test]
    fn timestamps_are_read_in_the_usual_ways() {
        let second = 1_709_210_096_i128 * 1_000_000_000;
        for (text, nanoseconds, clock) in [
            ("2024-02-29 12:34:56", second, Clock::Wall),
            ("2024-02-29T12:34:56.5", second + 500_000_000, Clock::Wall),
            ("2024-02-29T12:34:56Z", second, Clock::Zoned),
            (" 2024-02-29 14:34:56+02:00 ", second, Clock::Zoned),
            ("1709210096", second, Clock::Epoch),
            ("1709210096000", second, Clock::Epoch),
            ("1709210096000000", second, Clock::Epoch),
            ("1709210096000000000", second, Clock::Epoch),
            ("1709210096.25", second + 250_000_000, Clock::Epoch),
            ("-1", -1_000_000_000, Clock::Epoch),
            ("1970-01-02", 86_400_000_000_000, Clock::Wall),
            ("9999-12-31 23:59:59", 253_402_300_799_000_000_000, Clock::Wall),
        ] {
            assert_eq!(moment(text), Some(Moment { nanoseconds, clock }), "{text}");
        }
        for bad in ["", "noon", "2024-13-01", "2024-02-29 25:00:00", "inf", "NaN", "1e30", "12:00"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn gaps_irregular_steps_and_repeats_are_reported_with_their_rows() {
        let minute = 60_000_000_000;
        let times = [
            "2024-01-01 00:00:00",
            "2024-01-01 00:01:00",
            "2024-01-01 00:05:00", // 3 steps missing
            "2024-01-01 00:05:00",
            "2024-01-01 00:05:40",
            "2024-01-01 00:06:40",
        ];
        let pace = watched(&times, Some(minute)).unwrap();
        assert_eq!((pace.gaps.rows.as_slice(), pace.missing_steps), (&[3][..], 3));
        assert_eq!((pace.duplicates.rows.as_slice(), pace.irregular.rows.as_slice()), (&[4][..], &[5][..]));
        assert_eq!(
            pace.warnings(),
            ["1 gap (3 steps missing) at row 3", "1 irregular step at row 5", "1 repeated timestamp at row 4"]
        );
        let moments: Vec<i128> = times.iter().map(|t| moment(t).unwrap().nanoseconds).collect();
        assert_eq!(median_step(moments.windows(2).map(|pair| pair[1] - pair[0])), Some(minute));
        assert_eq!(median_step(std::iter::empty()), None);
    }

    #[test]
    fn more_missing_steps_than_64_bits_count_are_no_fewer() {
        assert_eq!(missing_steps(i128::from(u64::MAX) * 4, 1), u64::MAX);
        let times = ["-99999999999", "0", "99999999999"];
        assert_eq!(watched(&times, Some(1)).unwrap().missing_steps, u64::MAX);
    }

    #[test]
    fn time_goes_back_only_on_a_clock_on_the_wall() {
        let back = ["2013-12-07 01:00:00", "2013-12-07 02:55:00", "2013-12-07 02:00:00"];
        assert_eq!(watched(&back, None).unwrap().set_back.rows, [3]);
        assert!(watched(&back[1..], None).is_err(), "not behind the beginning");
        let zoned = back.map(|t| format!("{t}Z"));
        let error = watched(&[&zoned[0], &zoned[1], &zoned[2]], None).unwrap_err().to_string();
        assert!(error.contains("row 3") && error.contains("order of time"), "{error}");
        assert!(watched(&["2013-12-07 05:55:00", "2013-12-07 02:00:00"], None).is_err());
        assert!(watched(&["7", "6"], None).is_err());
        let error = watched(&["2013-12-07 05:55:00", "1709210096"], None).unwrap_err().to_string();
        assert!(error.contains("without a zone"), "{error}");
    }
}
