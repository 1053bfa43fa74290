//! `cae completions`: what a shell needs to complete the command's words.

use clap::Args;
use clap_complete::Shell;

use crate::exit::Ending;
use crate::output::print_rows;

/// Print completions for a shell.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

const AFTER_HELP: &str = "\
Examples:
  cae completions bash > ~/.local/share/bash-completion/completions/cae
  cae completions zsh > ~/.zfunc/_cae       with fpath+=(~/.zfunc) in ~/.zshrc
  cae completions fish > ~/.config/fish/completions/cae.fish";

impl Completions {
    /// Runs the subcommand; `cae` is the whole command.
    pub(crate) fn run(self, mut cae: clap::Command) -> anyhow::Result<Ending> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut cae, "cae", &mut text);
        print_rows(&String::from_utf8_lossy(&text))?;
        Ok(Ending::Done)
    }
}
