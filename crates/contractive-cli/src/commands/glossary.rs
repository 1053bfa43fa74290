//! `cae glossary`: what the words of the reports mean.

use std::fmt::Write as _;

use clap::Args;
use contractive_report::glossary::{GLOSSARY, find};

use crate::errors::Usage;
use crate::exit::Ending;
use crate::output::print;
use crate::table::pairs;

/// Say what the words of the reports mean: code, J, penalty, local dimension and others.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Glossary {
    /// The word; all of them where none is given.
    #[arg(value_name = "WORD")]
    word: Vec<String>,
    /// Print all of them as docs/glossary.md has them.
    #[arg(long, conflicts_with = "word")]
    markdown: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cae glossary
  cae glossary local dimension";

impl Glossary {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        let name = self.word.join(" ");
        if self.markdown {
            print(&markdown())?;
        } else if name.is_empty() {
            let shown: Vec<(&str, String)> = GLOSSARY.iter().map(|word| (word.name, word.meaning.to_owned())).collect();
            print(&pairs(&shown))?;
        } else {
            let Some(word) = find(&name) else {
                let names: Vec<&str> = GLOSSARY.iter().map(|word| word.name).collect();
                return Err(Usage(format!("the glossary has no `{name}`; it has {}", names.join(", "))).into());
            };
            print(&format!("{}: {}\n", word.name, word.meaning))?;
        }
        Ok(Ending::Done)
    }
}

/// All words as a page of the docs.
fn markdown() -> String {
    let mut text = "# Glossary\n\nThe words of the reports, as `cae glossary --markdown` prints them. Symbols are in \
                    [notation.md](notation.md).\n\n| Word | Meaning |\n|---|---|\n"
        .to_owned();
    for word in &GLOSSARY {
        let _ = writeln!(text, "| **{}** | {} |", word.name, word.meaning);
    }
    text
}
