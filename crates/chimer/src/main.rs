//! The program: see the library of the same name.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    ExitCode::from(chimer::run(&chimer::cli::Cli::parse().command))
}
