//! The command `cae`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(contractive_cli::run(std::env::args_os()))
}
