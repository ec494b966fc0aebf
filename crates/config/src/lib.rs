//! Text to a legal configuration, with errors that point at the line.

#![forbid(unsafe_code)]

mod config;
mod diagnostic;
mod document;
mod parse;
mod rules;

pub use config::{Config, ERA_FLOOR, FREQUENCY_FILE, Paths, RUN_DIR, Roles, STATE_DIR};
pub use diagnostic::{Diagnostic, Severity};
pub use parse::{Parsed, lint, parse, parse_bytes};
pub use rules::{RULES, Rule};

/// Larger files are refused: a thousand access rules need some 30 kB.
pub const MAX_BYTES: usize = 1 << 20;
