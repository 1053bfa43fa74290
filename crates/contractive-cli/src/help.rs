//! The texts below the flags of a help: prose is one line a paragraph, so that it is wrapped once, to the terminal.

use clap::Command;

/// The command with the texts of all subcommands made so.
pub(crate) fn unwrapped(command: Command) -> Command {
    let text = command.get_after_help().map(|text| paragraphs(&text.to_string()));
    let command = match text {
        Some(text) => command.after_help(text),
        None => command,
    };
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, unwrapped))
}

/// `text` with the lines of a paragraph put together. A line that is indented, and one after a colon, stand by themselves.
fn paragraphs(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut last = "";
    for line in text.lines() {
        let goes_on = !last.is_empty() && !last.starts_with(' ') && !last.ends_with(':');
        match goes_on && !line.is_empty() && !line.starts_with(' ') {
            true => joined.push(' '),
            false if joined.is_empty() => {}
            false => joined.push('\n'),
        }
        joined.push_str(line);
        last = line;
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_one_line_a_paragraph() {
        let text = "One\ntwo:\n  cae a\n  cae b\n\nThree\nfour.";
        assert_eq!(paragraphs(text), "One two:\n  cae a\n  cae b\n\nThree four.");
        assert_eq!(paragraphs("Examples:\n  cae"), "Examples:\n  cae");
    }
}
