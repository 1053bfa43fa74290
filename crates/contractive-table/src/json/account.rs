//! What a document that is being read comes to in memory.

use std::cell::Cell;

use serde::de::Error;

/// What any document may take, with [`A_BYTE`] for each byte of its text …
const FREE: usize = 64 << 20;
const A_BYTE: usize = 4;
/// … of which so much is for all that is not counted here.
const BESIDE: usize = 8 << 20;

/// Bytes that are held, and how many may be.
pub(super) struct Account {
    most: usize,
    size: usize,
    /// By values of their types.
    kept: Cell<usize>,
    /// By values whose types are not known yet.
    passing: Cell<usize>,
}

impl Account {
    pub fn of(text: &[u8]) -> Self {
        // Strings with escapes are put together in a buffer that doubles and is moved.
        let assembled = longest_with_escapes(text).saturating_mul(3);
        let all = (FREE - BESIDE).saturating_add(text.len().saturating_mul(A_BYTE));
        Account { most: all - text.len() - assembled, size: text.len(), kept: Cell::new(0), passing: Cell::new(0) }
    }

    /// `bytes` more are kept, and `moved` held twice while they are moved.
    pub fn keep<E: Error>(&self, bytes: usize, moved: usize) -> Result<(), E> {
        self.kept.set(self.kept.get().saturating_add(bytes));
        self.check(moved)
    }

    /// As [`Account::keep`], until [`Account::pass`] gives back what is held as values without types.
    pub fn hold<E: Error>(&self, bytes: usize, moved: usize) -> Result<(), E> {
        self.passing.set(self.passing.get().saturating_add(bytes));
        self.check(moved)
    }

    /// All values have their types.
    pub fn pass(&self) {
        self.passing.set(0);
    }

    fn check<E: Error>(&self, moved: usize) -> Result<(), E> {
        let held = self.kept.get().saturating_add(self.passing.get()).saturating_add(moved);
        match held <= self.most {
            true => Ok(()),
            false => Err(E::custom(format!(
                "its entries take more memory than a text of {} bytes accounts for ({} bytes)",
                self.size, self.most
            ))),
        }
    }
}

/// Bytes of the longest string in which there are escapes.
fn longest_with_escapes(text: &[u8]) -> usize {
    let (mut longest, mut at) = (0, 0);
    while let Some(open) = text[at..].iter().position(|&byte| byte == b'"').map(|found| at + found + 1) {
        let (mut end, mut has_escapes) = (open, false);
        while end < text.len() && text[end] != b'"' {
            has_escapes |= text[end] == b'\\';
            end += if text[end] == b'\\' { 2 } else { 1 };
        }
        at = (end + 1).min(text.len());
        if has_escapes {
            longest = longest.max(end.min(text.len()) - open);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_with_escapes_are_measured() {
        for (text, longest) in [
            ("", 0),
            ("[1, 2]", 0),
            (r#"["abc", "de"]"#, 0),
            (r#"["a\"bc", "d\\", "efghijklm"]"#, 5),
            (r#""\\\\" "x"#, 4),
            (r#""a\"#, 2),
            (r#""abc\n"#, 5),
            ("\"", 0),
        ] {
            assert_eq!(longest_with_escapes(text.as_bytes()), longest, "{text}");
        }
    }
}
