//! Cells of text tables: what a column seems to hold, and its values.

use crate::frame::{Kind, Values};

/// Cells that stand for a missing number, whatever their case: those of pandas, R and spreadsheets, and plain words.
const HOLES: [&str; 12] = ["", "na", "n/a", "#n/a", "#na", "<na>", "nan", "null", "none", "nil", "missing", "unknown"];

/// Whether a cell stands for a missing number.
pub(super) fn is_missing(cell: &[u8]) -> bool {
    HOLES.iter().any(|hole| cell.eq_ignore_ascii_case(hole.as_bytes()))
}

fn number(cell: &[u8]) -> Option<f64> {
    short_decimal(cell).or_else(|| std::str::from_utf8(cell).ok()?.parse().ok())
}

/// A plain decimal of up to 15 digits, such as `-12.5`: most cells are, and need no general parser. Both the digits and
/// the power of ten are exact in f64, so that their quotient is the nearest number (Clinger 1990).
fn short_decimal(cell: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (is_negative, digits) = match cell {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.len() > 16 {
        return None;
    }
    let (mut value, mut n, mut point) = (0_u64, 0, None);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + u64::from(byte - b'0');
                n += 1;
            }
            b'.' if point.is_none() => point = Some(n),
            _ => return None,
        }
    }
    if n == 0 || n > 15 {
        return None;
    }
    let value = value as f64 / POWERS[n - point.unwrap_or(n)];
    Some(if is_negative { -value } else { value })
}

/// A number, NaN where it is missing; `None` where the cell is something else.
pub fn number_or_missing(cell: &[u8]) -> Option<f64> {
    let cell = cell.trim_ascii();
    number(cell).or_else(|| is_missing(cell).then_some(f64::NAN))
}

/// An integer in the only way that it is written back: no sign or zeros in front.
fn integer(cell: &[u8]) -> Option<i128> {
    let digits = cell.strip_prefix(b"-").unwrap_or(cell);
    let is_canonical = matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && digits.len() <= 20 && cell != b"-0";
    if !is_canonical || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(cell).ok()?.parse().ok()
}

/// Whether f64 holds the integer and all below it exactly.
fn is_exact(value: i128) -> bool {
    value.unsigned_abs() <= 1 << 53
}

/// What the cells seen so far can be.
#[derive(Debug, Clone)]
pub(super) struct Guess {
    numbers: bool,
    integers: bool,
    lowest: i128,
    highest: i128,
    has_seen: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Guess { numbers: true, integers: true, lowest: 0, highest: 0, has_seen: false }
    }
}

impl Guess {
    /// Takes a cell into account.
    pub fn see(&mut self, cell: &[u8]) {
        let cell = cell.trim_ascii();
        if !self.numbers || is_missing(cell) {
            return;
        }
        self.has_seen = true;
        match integer(cell) {
            Some(value) => {
                self.lowest = self.lowest.min(value);
                self.highest = self.highest.max(value);
            }
            None => {
                self.integers = false;
                self.numbers = number(cell).is_some();
            }
        }
    }

    /// The kind; and whether all numbers were whole, so that a later one too large for f64 is no rounding matter.
    pub fn kind(&self) -> (Kind, bool) {
        let is_large = !is_exact(self.lowest) || !is_exact(self.highest);
        match (self.numbers, self.integers) {
            (false, _) => (Kind::Text, false),
            (true, true) if is_large && i64::try_from(self.highest).is_ok() && i64::try_from(self.lowest).is_ok() => {
                (Kind::Integer, true)
            }
            (true, true) if is_large && self.lowest >= 0 && u64::try_from(self.highest).is_ok() => {
                (Kind::Unsigned, true)
            }
            // Numbers that 64 bits do not hold were met: digits are lost already.
            (true, whole) => (Kind::Number, whole && self.has_seen && !is_large),
        }
    }
}

/// The values of a column in the making.
#[derive(Debug)]
pub(super) struct Builder {
    values: Values,
    is_whole: bool,
}

impl Builder {
    pub fn new(kind: &Kind, is_whole: bool) -> Self {
        Builder { values: Values::empty(kind), is_whole }
    }

    /// Adds a cell, or says what it must be.
    pub fn push(&mut self, cell: &[u8]) -> Result<(), &'static str> {
        const A_WHOLE: &str = "an integer that 64 bits hold";
        match &mut self.values {
            Values::Text(values) => {
                let text = std::str::from_utf8(cell).map_err(|_| "text in UTF-8")?;
                values.push((!text.is_empty()).then(|| text.to_owned()));
            }
            Values::Numbers(values) => {
                let cell = cell.trim_ascii();
                let value = number_or_missing(cell).ok_or("a number")?;
                // From 2⁵³ on only: the common case costs one comparison.
                if self.is_whole
                    && value.abs() >= 9_007_199_254_740_992.0
                    && integer(cell).is_some_and(|value| !is_exact(value))
                {
                    return Err("an integer up to 2^53, like those before it (greater ones lose digits as numbers)");
                }
                values.push(value);
            }
            Values::Integers(values) => {
                let cell = cell.trim_ascii();
                let value = integer(cell).and_then(|value| i64::try_from(value).ok());
                if value.is_none() && !is_missing(cell) {
                    return Err(A_WHOLE);
                }
                values.push(value);
            }
            Values::Unsigned(values) => {
                let cell = cell.trim_ascii();
                let value = integer(cell).and_then(|value| u64::try_from(value).ok());
                if value.is_none() && !is_missing(cell) {
                    return Err(A_WHOLE);
                }
                values.push(value);
            }
            Values::Singles(_) | Values::Booleans(_) | Values::Times { .. } => return Err("text"), // no kind of a text table
        }
        Ok(())
    }

    /// The values so far; begins anew.
    pub fn take(&mut self) -> Values {
        let empty = Values::empty(&self.values.kind());
        std::mem::replace(&mut self.values, empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_is_the_one_that_the_general_parser_gives(text in "-?[0-9]{0,17}\\.?[0-9]{0,17}(e-?[0-9]{1,3})?") {
            let general = text.parse::<f64>().ok().map(f64::to_bits);
            prop_assert_eq!(number(text.as_bytes()).map(f64::to_bits), general, "{}", text);
        }
    }

    fn kind(cells: &[&str]) -> Kind {
        let mut guess = Guess::default();
        cells.iter().for_each(|cell| guess.see(cell.as_bytes()));
        guess.kind().0
    }

    #[test]
    fn kinds_follow_the_cells() {
        assert_eq!(kind(&["1", "", "NA", " 2.5 "]), Kind::Number);
        assert_eq!(kind(&["", "null"]), Kind::Number);
        assert_eq!(kind(&["1", "x"]), Kind::Text);
        assert_eq!(kind(&["9007199254740992"]), Kind::Number);
        assert_eq!(kind(&["9007199254740993", "-1"]), Kind::Integer);
        assert_eq!(kind(&["18446744073709551615"]), Kind::Unsigned);
        assert_eq!(kind(&["18446744073709551615", "-1"]), Kind::Number);
        assert_eq!(kind(&["9007199254740993", "0.5"]), Kind::Number);
    }

    #[test]
    fn an_integer_that_would_lose_digits_is_refused_where_all_were_whole() {
        let mut builder = Builder::new(&Kind::Number, true);
        assert!(builder.push(b"9007199254740992").is_ok());
        assert!(builder.push(b"9007199254740993").is_err());
        assert!(builder.push(b"1e300").is_ok());
        assert!(Builder::new(&Kind::Number, false).push(b"9007199254740993").is_ok());
    }
}
