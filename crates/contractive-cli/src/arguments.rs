//! Flags that several subcommands share.

use std::path::PathBuf;

use clap::Args;
use contractive::data::FileOptions;
use contractive_datasets::{LoadOptions, Source};
use contractive_pictures::PictureOptions;
use contractive_table::{Format, TextOptions};

use crate::errors::Usage;
use crate::picture_row_arguments::PictureRowArguments;
use crate::progress::Reporting;
use crate::shell::quoted;

/// Where data sets are looked for.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SourceArguments {
    /// Folder to look for registered data sets in first, before $CONTRACTIVE_DATA_DIR and the user's cache.
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Never download; a data set that is not there is an error.
    #[arg(long, help_heading = "Data")]
    pub(crate) offline: bool,
}

/// What a training run shows and leaves.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct OutputArguments {
    /// Make no report.html at the end.
    #[arg(long, help_heading = "Output")]
    pub(crate) no_report: bool,
    /// Open report.html in the default browser at the end.
    #[arg(long, conflicts_with = "no_report", help_heading = "Output")]
    pub(crate) open: bool,
    /// Show nothing but errors.
    #[arg(long, short, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Print one JSON object an epoch and one at the end to standard output, and nothing else.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// How a text table is spelled.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TextArguments {
    /// Whether the first line of a CSV file names its columns. Without this flag it is read as in training; when
    /// training, the line names them unless it is all numbers other than 0, 1, 2 and so on.
    #[arg(long, value_name = "TRUE|FALSE", help_heading = "Data")]
    pub(crate) header: Option<bool>,
    /// The decimal mark of a CSV file's numbers, `.` or `,`. Without this flag it is that of training; when training, a
    /// point, or where semicolons separate the cells, the mark of a column's first fraction.
    #[arg(long, value_name = "CHARACTER", help_heading = "Data")]
    pub(crate) decimal: Option<char>,
    /// What separates the thousands of a CSV file's numbers: `,`, `.`, `_`, a space or an apostrophe. Without this flag
    /// it is that of training; when training, none is allowed.
    #[arg(long, value_name = "CHARACTER", help_heading = "Data")]
    pub(crate) thousands: Option<char>,
}

impl TextArguments {
    /// As the toolkit takes them, for the rows of `data`.
    ///
    /// # Errors
    /// [`Usage`] where a flag is given and `data` are no text: it would be passed over without a word.
    pub(crate) fn options(&self, data: Option<&str>) -> Result<TextOptions, Usage> {
        let options = TextOptions { header: self.header, decimal: self.decimal, thousands: self.thousands };
        let is_text = |data: &str| data == "-" || matches!(Format::of(data), Some(Format::Csv));
        match data.filter(|data| !options.is_default() && !is_text(data)) {
            None => Ok(options),
            Some(data) => {
                let text = format!("--header, --decimal and --thousands are for text tables, and {data} is none");
                Err(Usage(text))
            }
        }
    }
}

/// The rows that a trained model is used on.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RowArguments {
    /// A registered name (`mnist`, `mnist:train`; the test part when none is named; see `cae data list`) or a file:
    /// .csv, .tsv, .npy, IDX, .mtx (each also .gz), .npz, .parquet, .arrow, .ipc, .feather, .h5ad
    /// or .h5 (10x); or a folder, .zip or .tar of pictures.
    #[arg(long, value_name = "SPEC", help_heading = "Data")]
    pub(crate) data: Option<String>,
    /// The first rows only, at least 1; all by default.
    #[arg(long, value_name = "N", help_heading = "Data")]
    pub(crate) rows: Option<usize>,
    /// Column of a CSV, Parquet or Arrow table that holds labels, not features; by default the label column of
    /// training.
    #[arg(long, value_name = "NAME", help_heading = "Data", allow_hyphen_values = true)]
    pub(crate) label_column: Option<String>,
    /// Array of an .npz archive, by default X, or the only table; of an .h5ad file raw, layers/NAME or obsm/NAME, by
    /// default X.
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    pub(crate) array: Option<String>,
    /// Whether the rows are the columns of the file; by default as in training.
    #[arg(
        long,
        value_name = "TRUE|FALSE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help_heading = "Data"
    )]
    pub(crate) transpose: Option<bool>,
    #[command(flatten)]
    pub(crate) pictures: PictureRowArguments,
    #[command(flatten)]
    pub(crate) text: TextArguments,
    #[command(flatten)]
    pub(crate) source: SourceArguments,
    /// Threads, at least 1; by default one a processor core. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

impl OutputArguments {
    /// What the run shows.
    pub(crate) fn reporting(&self) -> Reporting {
        Reporting::new(self.json, self.quiet)
    }
}

impl SourceArguments {
    /// The flags again, as a user would type them after a command; with a space before each.
    pub(crate) fn as_typed(&self) -> String {
        let folder = self.data_dir.as_ref().map(|folder| format!(" --data-dir {}", quoted(&folder.to_string_lossy())));
        format!("{}{}", folder.unwrap_or_default(), if self.offline { " --offline" } else { "" })
    }

    /// As the toolkit takes them.
    pub(crate) fn source(&self) -> Source {
        Source { data_dir: self.data_dir.clone(), offline: self.offline }
    }
}

impl RowArguments {
    /// As the toolkit takes them.
    ///
    /// # Errors
    /// [`Usage`] where a flag does not go with the data.
    pub(crate) fn load_options(&self) -> Result<LoadOptions, Usage> {
        let file = FileOptions {
            rows: self.rows,
            label_column: self.label_column.clone(),
            array: self.array.clone(),
            transpose: self.transpose.unwrap_or(false),
            text: self.text.options(self.data.as_deref())?,
            ..FileOptions::default()
        };
        let pictures = self.pictures.options(PictureOptions::default());
        Ok(LoadOptions { source: self.source.source(), file, pictures })
    }

    /// Threads to use.
    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
        self.threads.map_or_else(cores, usize::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_written_as_they_were_typed() {
        let source = SourceArguments { data_dir: Some("a b".into()), offline: true };
        assert_eq!(source.as_typed(), " --data-dir 'a b' --offline");
        assert_eq!(SourceArguments::default().as_typed(), "");
    }
}
