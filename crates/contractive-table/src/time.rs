//! Times as whole units since 1970, and their text.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

/// The unit of a column of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Days: the column holds dates.
    Day,
    /// Seconds.
    Second,
    /// Milliseconds.
    Millisecond,
    /// Microseconds.
    Microsecond,
    /// Nanoseconds.
    Nanosecond,
}

impl Unit {
    /// Digits after the point of a second.
    fn digits(self) -> u32 {
        match self {
            Unit::Day | Unit::Second => 0,
            Unit::Millisecond => 3,
            Unit::Microsecond => 6,
            Unit::Nanosecond => 9,
        }
    }

    /// Whether a text is a moment as ISO 8601 writes it, with `T` or a space between date and time.
    pub fn is_text_of_time(text: &str) -> bool {
        let text = text.trim();
        let begins = text.as_bytes().first().is_some_and(u8::is_ascii_digit) && (8..=64).contains(&text.len());
        let is_whole = || text.parse::<Timestamp>().is_ok() || text.parse::<DateTime>().is_ok();
        begins && text.contains(['-', ':']) && (is_whole() || text.parse::<Date>().is_ok())
    }

    /// ISO 8601: `2024-02-29`, `2024-02-29T12:00:00.000001`, with `Z` for UTC. Years beyond 9999 or before 0 carry
    /// their sign.
    pub fn text(self, value: i64, is_utc: bool) -> String {
        if self == Unit::Day {
            return date_text(value);
        }
        let per_second = 10_i64.pow(self.digits());
        let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let fraction = match self.digits() {
            0 => String::new(),
            digits => format!(".{fraction:0width$}", width = digits as usize),
        };
        let zone = if is_utc { "Z" } else { "" };
        format!("{}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}", date_text(days))
    }
}

/// The day of the Gregorian calendar, `days` after 1970-01-01: eras of 400 years, years that begin in March.
fn date_text(days: i64) -> String {
    let days = i128::from(days) + 719_468; // from 0000-03-01
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153; // from March
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + next;
    if (0..10_000).contains(&year) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:+05}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (unit, value, text) in [
            (Unit::Day, 0, "1970-01-01"),
            (Unit::Day, 19_782, "2024-02-29"),
            (Unit::Day, 11_016, "2000-02-29"),
            (Unit::Day, -719_468, "0000-03-01"),
            (Unit::Second, -1, "1969-12-31T23:59:59"),
            (Unit::Millisecond, 1_709_210_096_007, "2024-02-29T12:34:56.007"),
            (Unit::Nanosecond, -1, "1969-12-31T23:59:59.999999999"),
        ] {
            assert_eq!(unit.text(value, false), text);
        }
        assert_eq!(Unit::Second.text(0, true), "1970-01-01T00:00:00Z");
        Unit::Second.text(i64::MAX, false);
        Unit::Day.text(i64::MIN, false);
    }
}
