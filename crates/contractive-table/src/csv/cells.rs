//! Cells of text tables: what a column seems to hold, and its values.

use crate::frame::{Kind, Values};
use crate::spelling::{Buffer, Sign, Spelling, signed};
use crate::text_options::TextOptions;

/// Cells that stand for a missing number, whatever their case: those of pandas, R and spreadsheets, and plain words.
pub const HOLES: [&str; 12] =
    ["", "na", "n/a", "#n/a", "#na", "<na>", "nan", "null", "none", "nil", "missing", "unknown"];

/// What cells of text must be.
pub(super) const UTF_8: &str = "text in UTF-8 or UTF-16";

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

/// How the numbers of a column are spelled.
#[derive(Debug, Clone)]
pub struct Numerals {
    /// What stands before the fraction; `None` until the first fraction tells.
    decimal: Option<char>,
    thousands: Option<char>,
}

impl Numerals {
    /// Those of a table of this separator: only beside semicolons may a comma be a decimal one without being told.
    pub fn of(separator: u8, options: &TextOptions) -> Self {
        let by_default = match options.thousands {
            Some('.') => Some(','),
            Some(',') => Some('.'),
            _ => (separator != b';').then_some('.'),
        };
        Numerals { decimal: options.decimal.or(by_default), thousands: options.thousands }
    }

    /// The number of a cell as programs write it; what is none comes back as it is, or as `None`.
    fn plain<'a>(&mut self, cell: &'a [u8], buffer: &'a mut Buffer) -> Option<&'a [u8]> {
        let (has_comma, has_point) = (cell.contains(&b','), cell.contains(&b'.'));
        let decimal = match self.decimal {
            Some('.') if self.thousands.is_none() => return Some(cell),
            Some(decimal) => decimal,
            None if has_comma => ',',
            None => '.',
        };
        if self.thousands.is_none() && !has_comma && !has_point || !cell.iter().any(u8::is_ascii_digit) {
            return Some(cell);
        }
        let plain = Spelling { decimal, thousands: self.thousands, sign: None }.plain(cell, buffer)?;
        if has_comma || has_point {
            self.decimal = Some(decimal);
        }
        Some(plain)
    }

    /// The number of a column's next cell, NaN where it is missing; `None` where the cell is something else.
    pub fn number_or_missing(&mut self, cell: &[u8]) -> Option<f64> {
        number_or_missing(self.plain(cell.trim_ascii(), &mut [0; 64])?)
    }

    /// Whether a cell is a finite number.
    pub(super) fn has_number(&self, cell: &[u8]) -> bool {
        self.clone().plain(cell.trim_ascii(), &mut [0; 64]).and_then(number).is_some_and(f64::is_finite)
    }
}

/// What the cells seen so far can be.
#[derive(Debug, Clone)]
pub(super) struct Guess {
    numerals: Numerals,
    numbers: bool,
    integers: bool,
    lowest: i128,
    highest: i128,
    has_seen: bool,
}

impl Guess {
    /// Nothing seen of a column whose numbers are spelled so.
    pub fn new(numerals: Numerals) -> Self {
        Guess { numerals, numbers: true, integers: true, lowest: 0, highest: 0, has_seen: false }
    }

    /// Takes a cell into account.
    pub fn see(&mut self, cell: &[u8]) {
        let cell = cell.trim_ascii();
        if !self.numbers || is_missing(cell) {
            return;
        }
        self.has_seen = true;
        let mut buffer = [0; 64];
        let Some(cell) = self.numerals.plain(cell, &mut buffer) else {
            self.numbers = false;
            return;
        };
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

    /// How the numbers turned out to be spelled.
    pub fn numerals(&self) -> Numerals {
        self.numerals.clone()
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
            // Larger ones than 64 bits hold lose digits from the start.
            (true, whole) => (Kind::Number, whole && self.has_seen && !is_large),
        }
    }
}

/// The spelling in which all cells are numbers, where some are none as they stand.
pub(super) fn spelling_of<'a>(cells: impl IntoIterator<Item = &'a [u8]>) -> Option<Spelling> {
    let mut left: Vec<Spelling> = [Spelling::PLAIN].into_iter().chain(Spelling::OTHERS).collect();
    let (mut sign, mut are_plain) = (None::<Sign>, true);
    for cell in cells.into_iter().map(<[u8]>::trim_ascii).filter(|cell| !is_missing(cell)) {
        let bare = signed(cell);
        sign = sign.or(bare.map(|(sign, _)| sign));
        let bare = bare.map_or(cell, |(_, bare)| bare);
        left.retain(|spelling| spelling.plain(bare, &mut [0; 64]).is_some());
        are_plain &= number(cell).is_some();
        if left.is_empty() {
            return None;
        }
    }
    (!are_plain).then(|| Spelling { sign, ..left[0] })
}

/// The values of a column in the making.
#[derive(Debug)]
pub(super) struct Builder {
    values: Values,
    is_whole: bool,
    numerals: Numerals,
}

impl Builder {
    pub fn new(kind: &Kind, is_whole: bool, numerals: Numerals) -> Self {
        Builder { values: Values::empty(kind), is_whole, numerals }
    }

    /// Adds a cell, or says what it must be.
    pub fn push(&mut self, cell: &[u8]) -> Result<(), &'static str> {
        const A_WHOLE: &str = "an integer that 64 bits hold";
        if let Values::Text(values) = &mut self.values {
            let text = std::str::from_utf8(cell).map_err(|_| UTF_8)?;
            values.push((!text.is_empty()).then(|| text.to_owned()));
            return Ok(());
        }
        let mut buffer = [0; 64];
        let cell = self.numerals.plain(cell.trim_ascii(), &mut buffer).ok_or("a number")?;
        match &mut self.values {
            Values::Numbers(values) => {
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
                let value = integer(cell).and_then(|value| i64::try_from(value).ok());
                if value.is_none() && !is_missing(cell) {
                    return Err(A_WHOLE);
                }
                values.push(value);
            }
            Values::Unsigned(values) => {
                let value = integer(cell).and_then(|value| u64::try_from(value).ok());
                if value.is_none() && !is_missing(cell) {
                    return Err(A_WHOLE);
                }
                values.push(value);
            }
            _ => return Err("text"), // no other kind is one of a text table
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

    fn guess(separator: u8, cells: &[&str]) -> Guess {
        let mut guess = Guess::new(Numerals::of(separator, &TextOptions::default()));
        cells.iter().for_each(|cell| guess.see(cell.as_bytes()));
        guess
    }

    fn kind(cells: &[&str]) -> Kind {
        guess(b',', cells).kind().0
    }

    #[test]
    fn numbers_of_another_spelling_are_known_by_all_their_cells() {
        assert_eq!(guess(b';', &["5", "", "0,25", "-1"]).kind().0, Kind::Number);
        assert_eq!(guess(b';', &["5,5", "5.5"]).kind().0, Kind::Text);
        let english = Spelling { thousands: Some(','), ..Spelling::PLAIN };
        for (cells, spelling) in [
            (&["10,449", "999"][..], Some(english)),
            (&["5,3", "2"], Some(Spelling { decimal: ',', ..Spelling::PLAIN })),
            (&["1.234,5"], Some(Spelling { decimal: ',', thousands: Some('.'), sign: None })),
            (&["7.0%", "NA", "8"], Some(Spelling { sign: Some(Sign::Percent), ..Spelling::PLAIN })),
            (&["$1,299.50"], Some(Spelling { sign: Some(Sign::Currency), ..english })),
            (&["10,449", "many"], None),
            (&["\u{2212}5", "7"], Some(Spelling::PLAIN)),
            (&["Oslo"], None),
            (&["2024-01-02"], None),
            (&["1", "2"], None),
        ] {
            assert_eq!(spelling_of(cells.iter().map(|cell| cell.as_bytes())), spelling, "{cells:?}");
        }
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
        let plain = || Numerals::of(b',', &TextOptions::default());
        let mut builder = Builder::new(&Kind::Number, true, plain());
        assert!(builder.push(b"9007199254740992").is_ok());
        assert!(builder.push(b"9007199254740993").is_err());
        assert!(builder.push(b"1e300").is_ok());
        assert!(Builder::new(&Kind::Number, false, plain()).push(b"9007199254740993").is_ok());
    }
}
