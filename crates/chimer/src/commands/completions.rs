//! `chimer completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use crate::cli::{Cli, OutputArgs};
use crate::outcome::{Failure, Outcome, to_json};

/// Arguments.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  chimer completions bash > /etc/bash_completion.d/chimer
  chimer completions zsh > \"${fpath[1]}/_chimer\"
  chimer completions fish > ~/.config/fish/completions/chimer.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Makes the script.
///
/// # Errors
/// None in practice: see [`to_json`].
pub fn completions(args: &CompletionsArgs) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "chimer", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    if args.output.json {
        return to_json(&json!({ "shell": args.shell.to_string(), "script": script })).map(Outcome::ok);
    }
    Ok(Outcome::ok(script))
}
