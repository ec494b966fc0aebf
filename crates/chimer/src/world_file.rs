//! A world of the user's own, as a TOML file: from text to a [`Scenario`].
//!
//! The file is read by the reader of the daemon's configuration, so its messages are of the same kind, and its
//! sections `[clock]` and `[selection]` are those of the configuration itself.

mod keys;
mod read;

use truechimer_config::{Diagnostic, format};
use truechimer_sim::scenario::Scenario;

pub use keys::WORLD;

#[cfg(test)]
mod tests;

/// A file that can be run.
#[derive(Clone, Debug)]
pub struct WorldFile {
    /// The world.
    pub scenario: Scenario,
    /// The seed that the file asks for.
    pub seed: u64,
}

/// Reads a world; `file` is its name in messages.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file; at least one finding.
pub fn parse(bytes: &[u8], file: &str) -> Result<WorldFile, Vec<Diagnostic>> {
    format::parse(&WORLD, format::text_of(bytes, file)?, file, read::world)
}
