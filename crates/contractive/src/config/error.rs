//! What can be wrong with a configuration.

use std::path::PathBuf;

use contractive_core::ArgumentError;
use thiserror::Error;

/// Why a configuration is refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A configuration file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// More text than any configuration has.
    #[error("{origin} must have at most {most} bytes")]
    Long {
        /// The file, or "the command line".
        origin: String,
        /// The most bytes.
        most: u64,
    },
    /// More tables and lists than any configuration has.
    #[error("{origin} must have at most {most} brackets, braces and dots outside of texts, got {got}")]
    ManyTables {
        /// The file, or "the command line".
        origin: String,
        /// The most of them.
        most: usize,
        /// How many there are.
        got: usize,
    },
    /// Not TOML.
    #[error("{origin}{} is not valid TOML: {reason}", line_text(*line))]
    Syntax {
        /// The file, or "the command line".
        origin: String,
        /// Line, from 1.
        line: Option<usize>,
        /// What the parser said.
        reason: String,
    },
    /// A key that is not known.
    #[error("{origin}{}: unknown key `{key}`{}; the keys here are {known}", line_text(*line), hint_text(nearest))]
    UnknownKey {
        /// The file, or "the command line".
        origin: String,
        /// Line, from 1.
        line: Option<usize>,
        /// The key with its sections, as `training.epochz`.
        key: String,
        /// The known key most like it.
        nearest: Option<String>,
        /// The keys that are known there.
        known: String,
    },
    /// A setting of another kind than the one chosen, such as `probes` with the penalty `jacobian`.
    #[error(
        "{origin}{}: unknown key `{key}`: the {what} `{kind}` has no setting `{}`; leave it out or choose \
         another {what}", line_text(*line), key.rsplit('.').next().unwrap_or(key)
    )]
    UnknownSetting {
        /// The file, or "the command line".
        origin: String,
        /// Line, from 1.
        line: Option<usize>,
        /// The key with its sections, as `objective.penalty.probes`.
        key: String,
        /// What has kinds: `penalty`, `noise`, `optimiser` or `schedule`.
        what: &'static str,
        /// The kind chosen.
        kind: String,
    },
    /// A value of the wrong type or an unknown word.
    #[error("{origin}{}: `{key}`: {reason}{}", line_text(*line), hint_text(nearest))]
    Value {
        /// The file, or "the command line".
        origin: String,
        /// Line, from 1.
        line: Option<usize>,
        /// The key with its sections.
        key: String,
        /// What is wrong.
        reason: String,
        /// The known word most like the one given.
        nearest: Option<String>,
    },
    /// A number outside its range.
    #[error("`{name}` must be {must_be}, got {got}")]
    Number {
        /// The key with its sections.
        name: &'static str,
        /// The range in words.
        must_be: &'static str,
        /// The number given.
        got: f64,
    },
    /// A setting that the mathematics refuses.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// A recipe that does not exist.
    #[error("unknown recipe `{name}`{}; the recipes are {known}", hint_text(nearest))]
    UnknownRecipe {
        /// The name given.
        name: String,
        /// The recipe most like it.
        nearest: Option<String>,
        /// All recipes.
        known: String,
    },
    /// A configuration that TOML cannot express.
    #[error("the configuration cannot be written as TOML: {reason}")]
    NotWritable {
        /// What the writer said.
        reason: String,
    },
}

fn line_text(line: Option<usize>) -> String {
    line.map_or_else(String::new, |l| format!(", line {l}"))
}

fn hint_text(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |n| format!(" (did you mean `{n}`?)"))
}
