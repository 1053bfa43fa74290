//! The command `cae`: train, evaluate and use contractive autoencoders. [`run`] is all of it, for the program and for the
//! Python package, which carries the same command; [`speed`], how fast a network trains here and how fast it could, is
//! what the benchmarks share.
//!
//! Read in this order: `commands`, one file a subcommand; `arguments` and `training_arguments`, the flags and how
//! they become a layer of the configuration; `session`, a training run from the first line to the last picture;
//! `progress` and `work_bar`, what is shown meanwhile; `finished`, what is said at the end; `errors`, exit codes and remedies.

mod arguments;
mod browser;
mod commands;
mod detector_training;
mod detectors;
mod errors;
mod exit;
mod finished;
mod help;
mod image_training;
mod in_group;
mod inputs;
mod interruption;
mod introduction;
mod kinds;
mod members_bar;
mod models;
mod numbers;
mod output;
mod picture_arguments;
mod picture_row_arguments;
mod picture_words;
mod pictures;
mod progress;
mod ranks;
mod reports;
mod run_names;
mod series_training;
mod session;
mod setting_words;
mod shell;
mod sources;
pub mod speed;
mod sweep;
mod table;
mod table_arguments;
mod terminal;
mod timed;
mod training_arguments;
mod training_settings;
mod warnings;
mod work_bar;

use std::ffi::OsString;

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser};

use contractive_table::message::is_hidden;
use terminal::say;

pub use in_group::{GroupEnding, run_in_group};

/// Trains, evaluates and uses contractive autoencoders.
///
/// A contractive autoencoder learns a code h = f(x) from which x can be restored, and pays for every direction in which
/// the code moves with x: the squared Frobenius norm of the Jacobian ∂f/∂x, here exact for encoders of any depth.
#[derive(Parser)]
#[command(name = "cae", version, arg_required_else_help = true, after_help = AFTER_HELP, max_term_width = 100)]
struct Cae {
    #[command(subcommand)]
    command: commands::Command,
}

const AFTER_HELP: &str = "\
Examples:
  cae train                                      built-in images, default recipe; needs no files
  cae train fashion-64-32-16 --epochs 10         a recipe, with one change
  cae train --data table.csv --hidden 64,16      your own table
  cae train --contraction 0,0.1,1 --seeds 3      nine runs side by side, and a table
  cae compare                                    plain, denoising, sparse and contractive autoencoders
  cae evaluate runs/NAME --json                  judge what was trained
  cae train --detector --data table.csv          an anomaly detector; then `cae detect`

Results go to standard output or to -o FILE; progress and errors go to standard error.

Exit codes: 0 done, 1 failure, 2 wrong usage, 3 bad data, 4 training diverged, 5 anomalies found
(`cae detect --fail-on-anomaly`), 130 stopped by Ctrl-C, SIGTERM or SIGHUP: a run is saved, of
detectors and scores nothing is written. A second of them ends at once, by that signal. SIGHUP stays
ignored under nohup. A reader that goes away, as `head` does, is no failure; rows and numbers that
cannot be written, as on a full disk, are one; what is told on standard error is never missed.";

/// Runs the command with the arguments `words`, of which the first is the program's name, and gives its exit code: 0 done,
/// 1 failure, 2 wrong usage, 3 bad data, 4 diverged, 5 anomalies found, 130 stopped by Ctrl-C, SIGTERM or SIGHUP.
///
/// These signals are caught from then on, once and for the whole process. Help, and words that are no command, end the process.
pub fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    pass_over_decoders();
    interruption::outlive_the_size_limit();
    let command = help::unwrapped(Cae::command());
    let matches = command.clone().color(colour()).try_get_matches_from(words).unwrap_or_else(|e| refuse(&e));
    let cae = match Cae::from_arg_matches(&matches) {
        Ok(cae) => cae,
        Err(e) => refuse(&e),
    };
    exit::report(cae.command.run(command))
}

/// Ends the process with what is wrong with its words, or with the help that they ask for.
fn refuse(e: &clap::Error) -> ! {
    tell_of_words(e);
    std::process::exit(e.exit_code())
}

/// Tells it. Words that a shell put in the place of a pattern are names of files, which may hold anything.
fn tell_of_words(e: &clap::Error) {
    let plain = e.render().to_string();
    if e.use_stderr() && plain.chars().any(|c| is_hidden(c) && c != '\n') {
        say(plain);
    } else {
        let _ = e.print();
    }
}

/// Makes panics of decoders say nothing: one that gives up on a damaged file is that file's fault, and reported as such.
fn pass_over_decoders() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !contractive_table::is_decoding() {
            usual(panic);
        }
    }));
}

fn colour() -> ColorChoice {
    if terminal::allows_colour() { ColorChoice::Auto } else { ColorChoice::Never }
}
