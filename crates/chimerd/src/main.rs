//! The Truechimer daemon. See the library of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(chimerd::program::main(std::env::args_os()))
}
