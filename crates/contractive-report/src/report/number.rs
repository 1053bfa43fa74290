//! Numbers as people read them.

/// `value` with `digits` significant digits, powers of ten as people write them; values that are not finite in words.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let exponent = value.abs().log10().floor() as i32;
    if (-3..7).contains(&exponent) {
        let places = (digits as i32 - 1 - exponent).max(0) as usize;
        return format!("{value:.places$}").replace('-', "−");
    }
    let text = format!("{value:.*e}", digits.saturating_sub(1));
    match text.split_once('e') {
        Some((mantissa, power)) => format!("{mantissa}×10{}", superscript(power)).replace('-', "−"),
        None => text,
    }
}

fn superscript(power: &str) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    power.chars().map(|c| c.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize])).collect()
}

/// `value` in the fewest digits that are exact: 0.001, 1e-5.
pub(crate) fn plain(value: f64) -> String {
    if value != 0.0 && (value.abs() < 1e-3 || value.abs() >= 1e7) { format!("{value:e}") } else { value.to_string() }
}

/// A whole number with commas between thousands.
pub(crate) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 row`, `20 rows`.
pub(crate) fn count(n: usize, word: &str) -> String {
    format!("{} {word}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "not a number".to_owned();
    }
    let percent = 100.0 * share;
    if percent == 0.0 || percent >= 9.95 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

/// A span of time: `4.2 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(significant(14.4678, 4), "14.47");
        assert_eq!(significant(-0.001234, 3), "−0.00123");
        assert_eq!(significant(1.5e-9, 3), "1.50×10⁻⁹");
        assert_eq!(significant(f64::NAN, 3), "not a number");
        assert_eq!(significant(f64::NEG_INFINITY, 3), "−∞");
        assert_eq!(
            (grouped(1_234_567), count(1, "row"), count(2000, "row")),
            ("1,234,567".into(), "1 row".into(), "2,000 rows".into())
        );
        assert_eq!(
            (percent(0.0312), percent(0.5), percent(f64::NAN)),
            ("3.1 %".into(), "50 %".into(), "not a number".into())
        );
        assert_eq!(
            (duration(4.21), duration(200.0), duration(f64::NAN)),
            ("4.2 s".into(), "3 min 20 s".into(), "0.0 s".into())
        );
    }
}
