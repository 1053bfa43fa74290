//! The text of a configuration, whose length is bounded before it is parsed.

use std::io;
use std::path::Path;

use super::error::ConfigError;
use contractive_table::limits::read_at_most;

/// The longest configuration, in bytes: room for the names of some ten thousand columns. What a parser makes of a text takes a
/// hundred times as much.
pub(super) const MOST_TEXT: u64 = 1 << 19;

/// Brackets, braces and dots outside of texts, of which each may open a table or a list: a table takes some kilobytes, and ten
/// bytes of text can open one.
const MOST_OPENED: usize = 4096;

/// Refuses a text that opens more tables than any configuration has.
///
/// # Errors
/// [`ConfigError::ManyTables`].
pub(super) fn check_opened(origin: &str, text: &str) -> Result<(), ConfigError> {
    match opened(text.as_bytes()) {
        got if got > MOST_OPENED => Err(ConfigError::ManyTables { origin: origin.to_owned(), most: MOST_OPENED, got }),
        _ => Ok(()),
    }
}

/// How many brackets, braces and dots stand outside of texts and comments.
fn opened(mut text: &[u8]) -> usize {
    let mut n = 0;
    while let Some((&first, rest)) = text.split_first() {
        text = match first {
            b'#' => &rest[rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())..],
            b'"' | b'\'' => behind_text(first, text),
            b'.' | b'[' | b'{' => {
                n += 1;
                rest
            }
            _ => rest,
        };
    }
    n
}

/// What follows the text in quotes that `text` begins with. One of a single quote ends with its line at the latest.
fn behind_text(quote: u8, text: &[u8]) -> &[u8] {
    let is_long = text.starts_with(&[quote; 3]);
    let mut at = if is_long { 3 } else { 1 };
    while at < text.len() {
        match text[at] {
            b'\\' if quote == b'"' && (is_long || text.get(at + 1) != Some(&b'\n')) => at += 1,
            b'\n' if !is_long => break,
            byte if byte == quote && !is_long => return &text[at + 1..],
            byte if byte == quote && text[at..].starts_with(&[quote; 3]) => {
                // Up to two quotes more are the text's own.
                let quotes = text[at..].iter().take(5).take_while(|byte| **byte == quote).count();
                return &text[at + quotes..];
            }
            _ => {}
        }
        at += 1;
    }
    &text[at.min(text.len())..]
}

/// The text of a TOML file, which has at most 512 KiB and opens no endless tables.
///
/// # Errors
/// [`ConfigError::Read`], [`ConfigError::Long`], [`ConfigError::ManyTables`], and [`ConfigError::Syntax`] where it is not UTF-8.
pub fn config_text(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_path_buf(), source };
    let bytes = read_at_most(path, MOST_TEXT).map_err(|e| match e.kind() {
        io::ErrorKind::FileTooLarge => ConfigError::Long { origin: path.display().to_string(), most: MOST_TEXT },
        _ => failed(e),
    })?;
    let not_text = |_| ConfigError::Syntax {
        origin: path.display().to_string(),
        line: None,
        reason: "it must be text in UTF-8".to_owned(),
    };
    let text = String::from_utf8(bytes).map_err(not_text)?;
    check_opened(&path.display().to_string(), &text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_tables_is_counted_outside_of_texts() {
        for (text, n) in [
            ("[a.b]\nc.d = {e = [1.5]} # [f.g", 6),
            (r#"a = "x.y[\"." . 'z.\' ."#, 2),
            ("a = \"\"\"x.\n\"\"[\\\"\"\".\"\"\"\"\" . '''.\n'.''' .", 2),
            ("a = \"not closed.\n[b]", 1),
            ("a = \"not closed.\\\n[b]", 1),
            ("a = '''not closed.\n[b]", 0),
            ("a = \"\\", 0),
            ("a = \"\" . ''.", 2),
        ] {
            assert_eq!(opened(text.as_bytes()), n, "{text}");
        }
        let names: Vec<String> = (0..20_000).map(|i| format!("\"column.{i}\"")).collect();
        assert!(check_opened("run.toml", &format!("data.columns = [{}]", names.join(","))).is_ok());
        assert!(check_opened("run.toml", &"[[a]]\n".repeat(2048)).is_ok());
        let error = check_opened("run.toml", &"[[a]]\n".repeat(2049)).unwrap_err().to_string();
        assert!(error.contains("run.toml") && error.contains("4096") && error.contains("4098"), "{error}");
    }
}
