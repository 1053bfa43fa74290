//! `cae encode`: the codes of rows.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use contractive_table::Format;

use super::per_row::places;
use crate::arguments::RowArguments;
use crate::errors::Usage;
use crate::exit::Ending;
use crate::inputs::Inputs;
use crate::models::Opened;
use crate::numbers::count;
use crate::output::{TableTarget, single_columns};
use crate::terminal::say;

/// Write the codes of rows: a line for each row, a column for each code unit, and a table's keys and labels.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Encode {
    /// A run directory or a model directory.
    #[arg(value_name = "RUN_OR_MODEL")]
    model: PathBuf,
    #[command(flatten)]
    rows: RowArguments,
    #[command(flatten)]
    target: TargetArguments,
}

/// Where rows of numbers go.
#[derive(Args)]
pub(crate) struct TargetArguments {
    /// Write to this file, in the format that its name says: .csv or .tsv (also with .gz), .npy, .parquet, .arrow or
    /// .jsonl; `-` is standard output.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
    /// Format on standard output [default: csv].
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) format: Option<FormatWord>,
    /// Say nothing about the file written.
    #[arg(long, short, help_heading = "Output")]
    pub(crate) quiet: bool,
}

/// A format of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatWord {
    /// Text under a line of column names.
    Csv,
    /// NumPy's binary format: 32-bit floats, or 64-bit where the data need them.
    Npy,
}

impl TargetArguments {
    /// The target, refused before any work when it cannot be written.
    pub(crate) fn target(&self) -> anyhow::Result<TableTarget> {
        let format = self.format.map(|word| match word {
            FormatWord::Csv => Format::Csv,
            FormatWord::Npy => Format::Npy,
        });
        TableTarget::new(self.output.as_deref(), format)
    }

    /// Refuses to write over what is read.
    pub(crate) fn check_not_read(&self, inputs: &Inputs) -> Result<(), Usage> {
        self.output.as_deref().filter(|path| *path != Path::new("-")).map_or(Ok(()), |path| inputs.check(path, "-o"))
    }

    /// Says on standard error what was written to a file.
    pub(crate) fn say_written(&self, target: &TableTarget, rows: usize, columns: usize) {
        if let (Some(file), false) = (target.file(), self.quiet) {
            say(format!("wrote {} of {} to {}", count(rows, "row"), count(columns, "column"), file.display()));
        }
    }
}

const AFTER_HELP: &str = "\
Examples:
  cae encode runs/NAME --data mnist:test -o codes.npy
  cae encode runs/NAME --data table.csv > codes.csv";

impl Encode {
    /// Runs the subcommand.
    pub(crate) fn run(self) -> anyhow::Result<Ending> {
        let target = self.target.target()?;
        let opened = Opened::new(&self.model)?;
        self.target.check_not_read(&opened.inputs(&self.rows))?;
        let data = opened.rows(&self.rows, self.target.quiet)?;
        let codes = opened.model.encode(&data, self.rows.threads())?;
        let names = opened.model.code_names();
        let along = [&places(&data, 0..data.len()), data.carried()].concat();
        target.write_along(&along, single_columns(&names, &codes), self.target.quiet)?;
        self.target.say_written(&target, data.len(), names.len());
        Ok(Ending::Done)
    }
}
