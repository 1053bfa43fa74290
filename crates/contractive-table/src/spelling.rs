//! How numbers are spelled in text: what parts thousands, what stands before the fraction.

use std::fmt;

/// Characters that may part thousands; spaces and apostrophes of all widths count as these.
pub(crate) const PARTS: [char; 5] = [',', '.', ' ', '\'', '_'];

/// A way to write numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling {
    /// What stands before the fraction: `.` or `,`.
    pub decimal: char,
    /// What parts thousands, if anything.
    pub thousands: Option<char>,
    /// A sign beside the digits, which no setting takes away.
    pub sign: Option<Sign>,
}

/// A sign beside the digits of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// `%` after it.
    Percent,
    /// `$`, `€`, … before or after it.
    Currency,
}

/// Room for a number in plain spelling; longer ones are text.
pub(crate) type Buffer = [u8; 64];

impl Spelling {
    pub(crate) const PLAIN: Spelling = Spelling { decimal: '.', thousands: None, sign: None };

    /// Those that cells are tried in, the likelier first: `10,449` has thousands.
    pub(crate) const OTHERS: [Spelling; 7] = [
        Spelling { thousands: Some(','), ..Spelling::PLAIN },
        Spelling { decimal: ',', ..Spelling::PLAIN },
        Spelling { decimal: ',', thousands: Some('.'), sign: None },
        Spelling { decimal: ',', thousands: Some(' '), sign: None },
        Spelling { thousands: Some(' '), ..Spelling::PLAIN },
        Spelling { thousands: Some('\''), ..Spelling::PLAIN },
        Spelling { thousands: Some('_'), ..Spelling::PLAIN },
    ];

    /// The number that a cell spells, as programs write it; `None` for anything else, also for holes. The digits must
    /// be parted as thousands are (in India, above the last three, hundreds).
    pub(crate) fn plain<'a>(self, cell: &[u8], out: &'a mut Buffer) -> Option<&'a [u8]> {
        let (mut n, mut run, mut parted, mut digits) = (0, 0, false, 0);
        let (mut in_fraction, mut in_exponent, mut before) = (false, false, ' ');
        for c in std::str::from_utf8(cell).ok()?.trim().chars() {
            let c = folded(c);
            let in_whole = !in_fraction && !in_exponent;
            let is_whole_ended = !(in_whole && parted) || run == 3;
            let written = match c {
                '0'..='9' => {
                    (run, digits) = (run + 1, digits + 1);
                    c
                }
                '+' | '-' if n == 0 || matches!(before, 'e' | 'E') => c,
                _ if c == self.decimal && in_whole && is_whole_ended => {
                    (in_fraction, run) = (true, 0);
                    '.'
                }
                _ if Some(c) == self.thousands && in_whole && (1..=3).contains(&run) && !(parted && run < 2) => {
                    (parted, run, before) = (true, 0, c);
                    continue;
                }
                'e' | 'E' if digits > 0 && !in_exponent && is_whole_ended => {
                    (in_exponent, run) = (true, 0);
                    c
                }
                _ => return None,
            };
            *out.get_mut(n)? = u8::try_from(written).ok()?;
            (n, before) = (n + 1, c);
        }
        let is_whole_ended = in_fraction || in_exponent || !parted || run == 3;
        (digits > 0 && is_whole_ended && !(in_exponent && run == 0)).then(|| &out[..n])
    }
}

/// Spaces, apostrophes and minus signs of all kinds as those of ASCII.
fn folded(c: char) -> char {
    match c {
        '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
        '\u{2019}' => '\'',
        '\u{2212}' => '-',
        other => other,
    }
}

/// The sign beside a number, and the rest of the cell.
pub(crate) fn signed(cell: &[u8]) -> Option<(Sign, &[u8])> {
    const CURRENCIES: [&str; 14] = ["$", "€", "£", "¥", "₹", "₽", "₩", "USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR"];
    let text = std::str::from_utf8(cell).ok()?.trim();
    if let Some(rest) = text.strip_suffix('%') {
        return Some((Sign::Percent, rest.trim_end().as_bytes()));
    }
    let bare = |c: &&str| {
        let rest = text.strip_prefix(*c).or_else(|| text.strip_suffix(*c));
        // A loss may be written -$7.
        rest.or_else(|| text.strip_prefix('-')?.strip_prefix(*c))
    };
    CURRENCIES.iter().find_map(bare).map(|rest| (Sign::Currency, rest.trim().as_bytes()))
}

impl fmt::Display for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Spelling::PLAIN {
            return f.write_str("a minus sign or a space beyond ASCII");
        }
        let mut parts: Vec<String> = Vec::new();
        match self.sign {
            Some(Sign::Percent) => parts.push("a percent sign".into()),
            Some(Sign::Currency) => parts.push("a sign of currency".into()),
            None => {}
        }
        if self.decimal == ',' {
            parts.push("a decimal comma".into());
        }
        match self.thousands {
            Some(' ') => parts.push("thousands parted by spaces".into()),
            Some(c) => parts.push(format!("thousands parted by `{c}`")),
            None => {}
        }
        f.write_str(&parts.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelling_reads_what_is_written_so_and_nothing_else() {
        let comma = Spelling { decimal: ',', ..Spelling::PLAIN };
        let german = Spelling { thousands: Some('.'), ..comma };
        let french = Spelling { thousands: Some(' '), ..comma };
        let english = Spelling { thousands: Some(','), ..Spelling::PLAIN };
        for (spelling, cell, plain) in [
            (comma, "5,3", Some("5.3")),
            (comma, " -0,5e-3 ", Some("-0.5e-3")),
            (comma, ",5", Some(".5")),
            (comma, "5.3", None),
            (comma, "5,3,1", None),
            (comma, "", None),
            (comma, "e5", None),
            (comma, "5e", None),
            (german, "1.234.567,25", Some("1234567.25")),
            (german, "1.5", None),
            (german, "12.34,5", None),
            (french, "10\u{202f}449,5", Some("10449.5")),
            (french, "\u{2212}10 449", Some("-10449")),
            (english, "10,449", Some("10449")),
            (english, "10,44,449.5", Some("1044449.5")),
            (english, "1,5", None),
            (english, "1234,567", None),
            (english, "1,2,345", None),
            (english, "7", Some("7")),
        ] {
            let got = spelling.plain(cell.as_bytes(), &mut [0; 64]).map(<[u8]>::to_vec);
            assert_eq!(got.as_deref(), plain.map(str::as_bytes), "{cell} {spelling:?}");
        }
        assert_eq!(comma.plain(&[b'1'; 65], &mut [0; 64]), None);
    }

    #[test]
    fn signs_are_told_from_the_number() {
        assert_eq!(signed(b"7.0 %"), Some((Sign::Percent, b"7.0".as_slice())));
        for cell in ["$7", "7 EUR", "-$7", "€ 7", "7€"] {
            assert_eq!(signed(cell.as_bytes()), Some((Sign::Currency, b"7".as_slice())), "{cell}");
        }
        assert_eq!(signed(b"7"), None);
    }
}
