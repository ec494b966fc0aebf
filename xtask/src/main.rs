//! Repository chores.
//!
//! `cargo xtask tidy`: rules that neither the compiler nor clippy knows. Each failure names the file and the rule.
//!
//! `cargo xtask bench …`: builds and runs the measurements of `bench/`, optimised.
//!
//! `cargo xtask deb`: builds Debian packages.

mod code;
mod deb;
mod layers;
mod tree;

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => tidy(),
        Some("bench") => bench(),
        Some("deb") => deb(),
        _ => {
            eprintln!("usage: cargo xtask tidy | bench … | deb …");
            ExitCode::from(2)
        }
    }
}

/// Says where the packages are, or why there are none.
fn deb() -> ExitCode {
    match deb::run(std::env::args().skip(2)) {
        Ok(packages) => {
            packages.iter().for_each(|package| println!("{}", package.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("deb: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Passes everything on: the measurements are a program of their own, as building them takes a while.
fn bench() -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--release", "--package", "truechimer-bench", "--"]);
    match command.args(std::env::args_os().skip(2)).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs every rule and prints what it found.
fn tidy() -> ExitCode {
    let mut complaints = Vec::new();
    for rule in [layers::check, tree::check] {
        match rule() {
            Ok(mut found) => complaints.append(&mut found),
            Err(error) => complaints.push(error),
        }
    }
    for complaint in &complaints {
        eprintln!("tidy: {complaint}");
    }
    if complaints.is_empty() {
        println!("tidy: layers, file sizes, the fence around crates/sys and words are in order");
        ExitCode::SUCCESS
    } else {
        eprintln!("tidy: {} complaint(s)", complaints.len());
        ExitCode::FAILURE
    }
}
