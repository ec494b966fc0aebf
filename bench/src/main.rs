//! `cargo xtask bench`: measures whole programs against others, in network namespaces of its own.
//!
//! Absolute numbers depend on the machine and on what else it does, and change from one minute to the next. So all
//! programs are up at the same time, short windows of measurement go round them, and what counts is the ratio of the
//! medians. `docs/performance.md` says what is measured, and has the results.

mod compare;
mod cpu;
mod exchange;
mod handshakes;
mod net;
mod serve;
mod server;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench", about = "Measures servers against each other.")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// What one core can answer, what an answer costs, and how soon it comes.
    Serve(serve::Options),
    /// What an NTS key exchange costs a server, and how many a core can do.
    Handshakes(handshakes::Options),
    /// Runs in the generator's namespace: prints a request with NTS.
    #[command(hide = true)]
    Request(exchange::RequestOptions),
    /// Runs in the generator's namespace: exchanges keys again and again.
    #[command(hide = true)]
    Call(exchange::CallOptions),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().what {
        What::Serve(options) => serve::run(&options),
        What::Handshakes(options) => handshakes::run(&options),
        What::Request(options) => exchange::request(&options),
        What::Call(options) => exchange::call(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
