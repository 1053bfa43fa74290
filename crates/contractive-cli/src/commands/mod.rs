//! One file or folder a subcommand: its flags, then what it does.

mod bench;
mod compare;
mod completions;
mod data;
mod detect;
mod drift;
mod encode;
mod evaluate;
mod exchange;
mod export;
mod glossary;
mod import;
mod inspect;
mod man;
mod per_row;
mod recipes;
mod reconstruct;
mod report;
mod resume;
mod threshold;
mod train;
mod verified;

use std::ffi::OsString;

use clap::Subcommand;
use contractive_core::communicator::Group;

use crate::errors::Usage;
use crate::exit::Ending;

/// A subcommand with its flags.
#[derive(Subcommand)]
pub(crate) enum Command {
    Train(Box<train::Train>),
    Resume(resume::Resume),
    Compare(Box<compare::Compare>),
    Evaluate(evaluate::Evaluate),
    Detect(detect::Detect),
    Threshold(threshold::Threshold),
    Drift(drift::Drift),
    Encode(encode::Encode),
    Reconstruct(reconstruct::Reconstruct),
    Inspect(Box<inspect::Inspect>),
    Import(Box<import::Import>),
    Report(report::Report),
    Export(export::Export),
    Recipes(recipes::Recipes),
    Data(data::Data),
    Glossary(glossary::Glossary),
    Bench(bench::Bench),
    Completions(completions::Completions),
    Man(man::Man),
}

/// What several ranks do together.
#[derive(Subcommand)]
pub(crate) enum GroupCommand {
    Train(Box<train::Train>),
    Resume(resume::Resume),
    Detect(Box<detect::Detect>),
    Bench(exchange::Exchange),
    /// What `cae` does in one process.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

impl GroupCommand {
    /// Does what was asked, on one of the ranks.
    pub(crate) fn run(self, group: &Group) -> anyhow::Result<Ending> {
        match self {
            GroupCommand::Train(command) => command.run(group),
            GroupCommand::Resume(command) => command.run(group),
            GroupCommand::Detect(command) => detect::shared::run(*command, group),
            GroupCommand::Bench(command) => command.run(group),
            GroupCommand::Other(words) => Err(refusal(&words).into()),
        }
    }
}

/// The refusal of a command that ranks have not: another of `cae`, or none at all.
fn refusal(words: &[OsString]) -> Usage {
    let word = words.first().map(|word| word.to_string_lossy()).unwrap_or_default();
    let text = match Command::has_subcommand(&word) {
        true => format!("`{word}` is not for several ranks; `cae {word}` does it, in one process"),
        false => format!("unknown command `{word}`; several ranks have `train`, `resume`, `detect` and `bench`"),
    };
    Usage(text)
}

impl Command {
    /// Does what was asked; `cae` is the whole command.
    pub(crate) fn run(self, cae: clap::Command) -> anyhow::Result<Ending> {
        match self {
            Command::Train(command) => command.run(&Group::alone()),
            Command::Resume(command) => command.run(&Group::alone()),
            Command::Compare(command) => command.run(),
            Command::Evaluate(command) => command.run(),
            Command::Detect(command) => command.run(),
            Command::Threshold(command) => command.run(),
            Command::Drift(command) => command.run(),
            Command::Encode(command) => command.run(),
            Command::Reconstruct(command) => command.run(),
            Command::Inspect(command) => command.run(),
            Command::Import(command) => command.run(),
            Command::Report(command) => command.run(),
            Command::Export(command) => command.run(),
            Command::Recipes(command) => command.run(),
            Command::Data(command) => command.run(),
            Command::Glossary(command) => command.run(),
            Command::Bench(command) => command.run(),
            Command::Completions(command) => command.run(cae),
            Command::Man(command) => command.run(cae),
        }
    }
}
