//! Numbers as people read them.

use std::time::Duration;

/// `value` with `digits` significant digits; powers of ten only where zeros would be many.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-3..7).contains(&exponent) {
        return format!("{value:.*e}", digits.saturating_sub(1));
    }
    format!("{value:.*}", (digits as i32 - 1 - exponent).max(0) as usize)
}

/// `value` in the fewest digits that are exact: 0.001, 1e-5.
pub(crate) fn plain(value: f64) -> String {
    if value != 0.0 && (value.abs() < 1e-3 || value.abs() >= 1e7) { format!("{value:e}") } else { value.to_string() }
}

/// A whole number with commas between thousands.
pub(crate) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A span of time: `4.2 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or(Duration::MAX).as_secs();
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Bytes in decimal units.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// `1 row`, `2 rows`.
pub(crate) fn count(n: usize, unit: &str) -> String {
    format!("{} {unit}{}", grouped(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_significant() {
        let shown: Vec<String> = [0.0, 1.0, 123.456, 0.012_345, 99_999.9, 1.5e-5, 1e8, f64::NAN]
            .into_iter()
            .map(|v| significant(v, 4))
            .collect();
        assert_eq!(shown, ["0", "1.000", "123.5", "0.01235", "100000", "1.500e-5", "1.000e8", "NaN"]);
        assert_eq!([plain(0.001), plain(1e-5), plain(0.1), plain(2.0)], ["0.001", "1e-5", "0.1", "2"]);
    }

    #[test]
    fn counts_and_times_read_well() {
        assert_eq!([grouped(0), grouped(999), grouped(1000), grouped(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([count(1, "row"), count(2, "row")], ["1 row", "2 rows"]);
        let shown: Vec<String> = [0.04, 9.96, 59.6, 200.0, 7500.0, f64::NAN].into_iter().map(duration).collect();
        assert_eq!(shown, ["0.0 s", "10.0 s", "1 min 0 s", "3 min 20 s", "2 h 5 min", "0.0 s"]);
        assert_eq!([bytes(12), bytes(29_515), bytes(26_421_880)], ["12 B", "29.5 kB", "26.4 MB"]);
        assert_eq!(percent(0.123), "12.3 %");
    }
}
