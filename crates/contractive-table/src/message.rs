//! What is told to people: names and values in it come from files, which may be anybody's and hold anything.

use std::borrow::Cow;

/// The longest message, and the longest line of others, in characters.
const MOST: usize = 8192;

/// Whether a terminal or a reader would be led astray by it: control characters, among them the escape that begins a
/// terminal's orders; marks that turn the direction of writing, so that text reads other than it is; line ends that few
/// programs take for such.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Lines of text with what [`is_hidden`] written out, `\u{1b}`; line ends and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    written_out(text, |c| is_hidden(c) && c != '\n' && c != '\t')
}

/// Lines of text as they are told: visible, and each cut in its middle where it has more than 8,192 characters.
pub fn words(text: &str) -> String {
    text.split_inclusive('\n').map(|line| visible(&shortened(line, MOST)).into_owned()).collect()
}

/// Text for a place within a line, such as the cell of a table: line ends and tabs are written out too.
pub fn visible_in_line(text: &str) -> Cow<'_, str> {
    written_out(text, is_hidden)
}

fn written_out(text: &str, is_to_be: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_to_be) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !is_to_be(c) => out.push(c),
            '\n' | '\r' | '\t' => out.extend(c.escape_default()),
            c => out.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(out)
}

/// A message as it is told: visible, its lines after the first set in, so that none passes for a message of its own, and
/// cut in the middle where it has more than 8,192 characters. Its beginning says what is wrong and where, its end what to do.
pub fn message(text: &str) -> String {
    let cut = shortened(text, MOST);
    let mut lines = cut.lines();
    let mut told = visible(lines.next().unwrap_or_default()).into_owned();
    for line in lines {
        told += if line.is_empty() || line.starts_with(' ') { "\n" } else { "\n  " };
        told += &visible(line);
    }
    told
}

fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let left_out = text.chars().count().saturating_sub(most);
    if left_out == 0 {
        return Cow::Borrowed(text);
    }
    let (head, tail) = (most / 2, most - most / 2);
    let at = |n: usize| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
    Cow::Owned(format!(
        "{}… {left_out} characters …{}",
        &text[..at(head)],
        &text[at(head + left_out)..at(head + left_out + tail)]
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(visible("‖J‖ of\tä\n"), "‖J‖ of\tä\n");
        assert_eq!(visible("a\x1b[2Jb\r\u{7f}\u{9b}1m"), "a\\u{1b}[2Jb\\r\\u{7f}\\u{9b}1m");
        assert_eq!(visible("\u{202e}vsc.t"), "\\u{202e}vsc.t");
        assert_eq!(visible_in_line("a\nb\tc"), "a\\nb\\tc");
    }

    #[test]
    fn a_message_is_one_and_of_bounded_length() {
        assert_eq!(message("column `a\nerror: b` is empty"), "column `a\n  error: b` is empty");
        assert_eq!(message("to mend them:\n  one\n  two"), "to mend them:\n  one\n  two");
        let long = message(&format!("t.csv line 2: {}; correct it", "ä".repeat(2 << 20)));
        assert!(long.chars().count() < 8300, "{}", long.len());
        assert!(long.starts_with("t.csv line 2: ä") && long.ends_with("ä; correct it"), "{}", &long[..40]);
        let exact = "ä".repeat(8192);
        assert_eq!(message(&exact), exact);
    }
}
