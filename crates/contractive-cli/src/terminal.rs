//! What the terminal takes.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use contractive_table::message::{message, words};

/// Tells something on standard error, its lines after the first set in: names from files pass for no message of their own,
/// give the terminal no orders, and are cut where they are long.
pub(crate) fn say(told: impl Display) {
    write_all(&message(&told.to_string()));
}

/// Writes lines of our own, such as those of a table, to standard error.
pub(crate) fn say_lines(lines: impl Display) {
    write_all(&words(lines.to_string().trim_end_matches('\n')));
}

/// Tells what went wrong.
pub(crate) fn say_error(error: &str) {
    write_all(&format!("{} {}", paint_error("error:"), message(error)));
}

/// Writes lines at once. What cannot be written, because the reader has gone or the disk is full, is lost: work goes on, and
/// is saved, whether or not anybody is told of it.
fn write_all(lines: &str) {
    let _ = io::stderr().lock().write_all(format!("{lines}\n").as_bytes());
}

/// Whether colour may be used at all: `NO_COLOR` unset or empty.
pub(crate) fn allows_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// `word` in bold red where standard error is a terminal that takes colour.
fn paint_error(word: &str) -> String {
    let is_plain = !io::stderr().is_terminal()
        || !allows_colour()
        || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    if is_plain { word.to_owned() } else { format!("\x1b[1;31m{word}\x1b[0m") }
}
