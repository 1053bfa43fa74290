//! What the terminal takes.

use std::io::{self, IsTerminal};

/// Whether colour may be used at all: `NO_COLOR` unset or empty.
pub(crate) fn allows_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// `word` in bold red where standard error is a terminal that takes colour.
pub(crate) fn paint_error(word: &str) -> String {
    let is_plain = !io::stderr().is_terminal()
        || !allows_colour()
        || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    if is_plain { word.to_owned() } else { format!("\x1b[1;31m{word}\x1b[0m") }
}
