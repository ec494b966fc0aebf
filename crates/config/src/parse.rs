//! From text to a legal configuration.

use crate::{Config, Diagnostic};

/// A file that can be used.
#[derive(Debug, PartialEq)]
pub struct Parsed {
    /// What it says.
    pub config: Config,
    /// What is strange about it.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a configuration; `file` is its name in messages.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn parse(text: &str, file: &str) -> Result<Parsed, Vec<Diagnostic>> {
    let _ = (text, file);
    todo!()
}

/// Like [`parse`], from a file's bytes, which may be no text at all.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn parse_bytes(bytes: &[u8], file: &str) -> Result<Parsed, Vec<Diagnostic>> {
    let _ = (bytes, file);
    todo!()
}

/// Advice about a file that can be used, in the order of the file.
pub fn lint(parsed: &Parsed) -> Vec<Diagnostic> {
    let _ = parsed;
    todo!()
}
