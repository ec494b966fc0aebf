//! Repository chores: `cargo xtask tidy`.
//!
//! Rules that neither the compiler nor clippy knows. Each failure names the file and the rule.

mod code;
mod layers;
mod tree;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => tidy(),
        _ => {
            eprintln!("usage: cargo xtask tidy");
            ExitCode::from(2)
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
