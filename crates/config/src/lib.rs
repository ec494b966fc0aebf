//! Text to a legal configuration, with errors that point at the line.
//!
//! A configuration file is TOML; `docs/config.md` is its manual. [`parse`] reads one:
//!
//! ```
//! let text = "
//! [[source]]
//! pool = '2.pool.ntp.org'
//! pol = { min = 6 }
//! ";
//! let findings = truechimer_config::parse(text, "chimer.toml").unwrap_err();
//! assert_eq!(
//!     findings[0].to_string(),
//!     "chimer.toml:4:1: error[C010]: [[source]] has no key `pol`; did you mean `poll`?"
//! );
//! ```
//!
//! The way of a file through the crate:
//!
//! 1. the `toml` crate makes a document of it in which every key and value knows its place;
//! 2. `reader` takes values out of it by the table of keys ([`mod@reference`]), the only place where a key's type,
//!    range, default and meaning are written; unknown keys are found there;
//! 3. `sections` turns them into the types of the engine, which hold legal values only;
//! 4. what is wrong becomes a [`Diagnostic`] of a [`Rule`] with a stable identifier. All faults of a file are
//!    collected before it is refused;
//! 5. [`lint`] gives advice about a file that can be used.
//!
//! The crate does no input or output: the caller reads the file (see [`MAX_BYTES`]) and shows the findings.

#![forbid(unsafe_code)]

mod address;
mod config;
mod diagnostic;
mod document;
mod folders;
pub mod import;
pub mod keys;
mod lint;
mod manual;
pub mod nts;
mod parse;
mod reader;
pub mod reference;
pub mod rules;
mod sections;
mod text;
mod units;
mod unknown;

pub use config::{
    Config, ControlDoors, ERA_FLOOR, FREQUENCY_FILE, Network, Paths, RUN_DIR, Ready, Roles, STATE_DIR,
};
pub use diagnostic::{Diagnostic, Severity};
pub use folders::source_file;
pub use lint::lint;
pub use manual::{man_page, markdown};
pub use parse::{Parsed, parse, parse_bytes, unreadable};
pub use rules::{RULES, Rule};
pub use sections::{LOGS, Logs};

/// Reading files of other formats in the way of the configuration, with the same kind of messages: a [`Schema`] lists
/// sections and keys, [`parse`] hands a [`Reader`] to the code that takes the values out. Sections of the
/// configuration can be part of such a format.
///
/// [`Schema`]: format::Schema
/// [`parse`]: format::parse()
/// [`Reader`]: format::Reader
pub mod format {
    pub use crate::manual::keys_markdown;
    pub use crate::parse::{parse_other as parse, text_of};
    pub use crate::reader::{Reader, Root, Table};
    pub use crate::reference::{KEYS, Key, Kind, Schema, Section};
    pub use crate::sections::{Clock, read_clock, read_options, read_selection};
}

/// Larger files are refused: a thousand access rules need some 30 kB.
pub const MAX_BYTES: usize = 1 << 20;
