//! `cae man`: the helps as man pages.

use std::path::PathBuf;

use clap::Args;
use contractive::run::RunError;

use crate::exit::Ending;
use crate::numbers::count;
use crate::output::{check_folder, print_rows, write_file};
use crate::terminal::say;

/// Print the man page of cae, or write those of all subcommands into a folder.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Man {
    /// The folder; it is made where it is not there.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  cae man | man -l -
  cae man --into ~/.local/share/man/man1";

impl Man {
    /// Runs the subcommand; `cae` is the whole command.
    pub(crate) fn run(self, cae: clap::Command) -> anyhow::Result<Ending> {
        // The same pages wherever they are made.
        let mut cae = cae.disable_help_subcommand(true);
        cae.build();
        let Some(folder) = self.into else {
            print_rows(&page(cae)?)?;
            return Ok(Ending::Done);
        };
        let failed = |source| RunError::Write { path: folder.clone(), source };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        check_folder(&folder).map_err(failed)?;
        let subcommands: Vec<clap::Command> = cae.get_subcommands().cloned().collect();
        let mut n = 0;
        for (name, command) in std::iter::once(("cae".to_owned(), cae))
            .chain(subcommands.into_iter().map(|command| (format!("cae-{}", command.get_name()), command)))
        {
            let command = command.name(leaked(&name)).display_name(name.clone());
            write_file(&folder.join(format!("{name}.1")), page(command)?.as_bytes())?;
            n += 1;
        }
        say(format!("wrote {} to {}", count(n, "man page"), folder.display()));
        Ok(Ending::Done)
    }
}

/// A name that clap takes: it wants one that lasts as long as the program.
fn leaked(name: &str) -> &'static str {
    Box::leak(name.to_owned().into_boxed_str())
}

fn page(command: clap::Command) -> anyhow::Result<String> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    Ok(String::from_utf8(text)?)
}
