//! `chimer`: what a human or a script runs.
//!
//! | module | what it is for |
//! |---|---|
//! | [`cli`] | what can be said on the command line, and the help that teaches it |
//! | [`commands`] | what each command does: arguments to [`outcome::Outcome`] |
//! | [`daemon`] | reaching the daemon, and friendly errors when that fails |
//! | [`demo`] | five daemons on clocks of their own, shown live |
//! | [`render`] | a report as text: pure functions |
//! | [`plot`] | a simulated run as a picture |
//! | [`world_file`] | worlds of the user's own |
//! | [`table`], [`human`] | columns, colour, units |
//! | [`outcome`] | text, JSON and exit status at the end of a command |
//!
//! It is a library so that tests can look inside; the program is three lines.

#![forbid(unsafe_code)]

pub mod cli;
pub mod commands;
pub mod daemon;
pub mod demo;
pub mod human;
pub mod outcome;
pub mod plot;
pub mod render;
pub mod table;
pub mod world_file;

use cli::Command;

/// Runs a command to its end and gives the exit status.
pub fn run(command: &Command) -> u8 {
    use commands::{
        check, clients, command as control, completions, import, keygen, lease, man, query, report, sim, wait,
    };
    let (result, output) = match command {
        Command::Status(args) => (report::status(args), args.output),
        Command::Sources(args) => (report::sources(args), args.output),
        Command::Stats(args) => (report::stats(args), args.output),
        Command::Activity(args) => (report::activity(args), args.output),
        Command::Clients(args) => (clients::clients(args), args.output),
        Command::Online(args) => (control::online(args), args.output),
        Command::Offline(args) => (control::offline(args), args.output),
        Command::Burst(args) => (control::burst(args), args.output),
        Command::Reload(args) => (control::reload(args), args.output),
        Command::Wait(args) => (wait::wait(args), args.output),
        Command::Demo(args) => return demo::run(args),
        Command::Check(args) => (check::check(args), args.output),
        Command::Import(args) => (import::import(args), args.style),
        Command::Keygen(args) => (keygen::keygen(args), args.output),
        Command::Lease(args) => (lease::lease(args), args.output),
        Command::Query(args) => (query::query(args), args.output),
        Command::Sim(args) => (sim::sim(args), args.output()),
        Command::Completions(args) => (completions::completions(args), args.output),
        Command::Man(args) => (man::man(args), args.output),
    };
    outcome::finish(result, output.json)
}
