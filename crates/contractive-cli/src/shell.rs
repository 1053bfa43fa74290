//! Words of a shell's command line.

use contractive_table::message::is_hidden;

/// `text` as one word of a shell's command line, on one line.
pub(crate) fn quoted(text: &str) -> String {
    if text.contains(is_hidden) {
        return format!("$'{}'", text.chars().map(in_ansi_c).collect::<String>());
    }
    let is_plain = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_./:,=+@%".contains(c));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A character between `$'` and `'`, where shells have names for those that a terminal would obey.
fn in_ansi_c(c: char) -> String {
    match c {
        '\'' | '\\' => format!("\\{c}"),
        '\n' => "\\n".into(),
        c if is_hidden(c) && c.is_ascii() => format!("\\x{:02x}", u32::from(c)),
        c if is_hidden(c) => format!("\\u{:04x}", u32::from(c)),
        c => c.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_part_them() {
        assert_eq!(quoted("../shared/data"), "../shared/data");
        assert_eq!(quoted("my data"), "'my data'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("it's\x1b[2J\n\u{202e}\\"), r"$'it\'s\x1b[2J\n\u202e\\'");
    }
}
