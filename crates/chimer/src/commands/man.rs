//! `chimer man`: the manual pages, made from what they describe: the command line and the table of configuration keys.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use serde_json::json;

use crate::cli::{Cli, OutputArgs};
use crate::outcome::{Failure, Outcome, to_json};

mod commands;
mod roff;

#[cfg(test)]
mod tests;

/// chimerd(8) is written by hand; a test holds it against the daemon's own help.
const CHIMERD: &str = include_str!("../../man/chimerd.8");

/// Arguments.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  chimer man | man -l -                           read chimer(1)
  chimer man chimer.toml.5 | man -l -             read about the configuration file
  sudo chimer man --out /usr/local/share/man      install all pages")]
pub struct ManArgs {
    /// The page to print, such as chimer-sources.1, chimerd.8 or chimer.toml.5
    #[arg(value_name = "PAGE", default_value = "chimer.1")]
    pub page: String,
    /// Write all pages into man1, man5 and man8 of this folder
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    pub out: Option<PathBuf>,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A manual page.
#[derive(Debug)]
struct Page {
    /// `chimer.1`.
    name: String,
    /// 1, 5 or 8.
    section: char,
    text: String,
}

/// Prints one page or writes all.
///
/// # Errors
/// There is no such page, or the folder cannot be written.
pub fn man(args: &ManArgs) -> Result<Outcome, Failure> {
    let pages = pages()?;
    let Some(folder) = &args.out else {
        return match pages.iter().find(|page| page.name == args.page) {
            Some(page) if args.output.json => {
                to_json(&json!({ "page": page.name, "text": page.text })).map(Outcome::ok)
            }
            Some(page) => Ok(Outcome::ok(page.text.clone())),
            None => {
                let names: Vec<&str> = pages.iter().map(|page| page.name.as_str()).collect();
                Err(Failure::usage(format!("there is no page {}", crate::human::clean(&args.page)))
                    .hint(format!("there are {}", names.join(", "))))
            }
        };
    };
    let mut written = Vec::new();
    for page in &pages {
        let place = folder.join(format!("man{}", page.section));
        let path = place.join(&page.name);
        std::fs::create_dir_all(&place)
            .and_then(|()| std::fs::write(&path, &page.text))
            .map_err(|error| Failure::new("io", format!("cannot write {}: {error}", path.display())))?;
        written.push(path.display().to_string());
    }
    if args.output.json {
        return to_json(&json!({ "written": written })).map(Outcome::ok);
    }
    Ok(Outcome::ok(written.join("\n") + "\n"))
}

fn pages() -> Result<Vec<Page>, Failure> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = vec![commands::page(&command)?];
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        pages.push(commands::page(subcommand)?);
        for below in subcommand.get_subcommands() {
            pages.push(commands::page(below)?);
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    pages.push(Page { name: "chimerd.8".into(), section: '8', text: CHIMERD.replace("@VERSION@", version) });
    pages.push(Page { name: "chimer.toml.5".into(), section: '5', text: truechimer_config::man_page() });
    Ok(pages)
}
