//! Every key of the file in one table: the reader takes its ranges from it, and the manual, the man page and the
//! tests are made of it. A key that is not here does not exist.

mod schema;
mod table;

use crate::units;

pub use schema::Schema;
pub(crate) use table::SOURCE_FILE;
pub use table::{CONFIGURATION, KEYS, SECTIONS};

/// A section of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name: `clock` for `[clock]`.
    pub name: &'static str,
    /// Whether it is written `[[name]]` and may be repeated.
    pub repeated: bool,
    /// What it is for, in Markdown; the first sentence stands alone.
    pub about: &'static str,
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// The section it stands in.
    pub section: &'static str,
    /// Its name; `poll.min` is the key `min` of the table that is the value of `poll`.
    pub name: &'static str,
    /// What may be written.
    pub kind: Kind,
    /// What holds without it, for people.
    pub default: &'static str,
    /// What it does, in Markdown.
    pub about: &'static str,
    /// A value that differs from the default, as TOML.
    pub example: &'static str,
}

/// What may be written as a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// An integer from `min` to `max`, or the word.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
        /// A word that may stand instead.
        or: Option<&'static str>,
    },
    /// An integer or a decimal fraction from `min` to `max`.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// A string of a number and a unit of time; the limits are in seconds.
    Duration {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
        /// A word that may stand instead.
        or: Option<&'static str>,
    },
    /// A string of a number and `ppm` or `ppb`; the limits are in seconds a second.
    Rate {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of some of these words.
    Words(&'static [&'static str]),
    /// A label: 1 to 63 printable ASCII characters without spaces.
    Label,
    /// A DNS name or a unicast address.
    Host,
    /// An address of this machine.
    Address,
    /// An address with a port, as `127.0.0.1:123` or `[::1]:123`.
    SocketAddress,
    /// A network interface.
    Interface,
    /// A list of socket addresses or of tables.
    Listeners,
    /// A list of networks.
    Networks,
    /// An absolute path of at most this many bytes, or `false` for none.
    Path {
        /// Longest, in bytes.
        longest: usize,
    },
    /// An absolute path of at most this many bytes, without which the section makes no sense.
    NeededPath {
        /// Longest, in bytes.
        longest: usize,
    },
    /// A list of absolute paths.
    Paths {
        /// Most paths.
        most: usize,
        /// Longest, in bytes.
        longest: usize,
    },
    /// An account name, or `false` for none.
    User,
    /// A table of the keys that the table of keys lists after a dot, or what the text says.
    Table(&'static str),
}

/// The key of this section and full name.
pub fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

impl Kind {
    /// What may be written, for people: `an integer from 1 to 16`.
    pub fn describe(&self) -> String {
        match *self {
            Self::Boolean => "`true` or `false`".into(),
            Self::Integer { min, max, or } => format!("an integer from {min} to {max}{}", alternative(or)),
            Self::Number { min, max } => format!("a number from {min} to {max}"),
            Self::Duration { min, max, or } => {
                let (min, max) = (units::write_duration(min), units::write_duration(max));
                format!("a duration from {min} to {max}{}", alternative(or))
            }
            Self::Rate { min, max } => {
                format!("a rate from {} to {}", units::write_rate(min), units::write_rate(max))
            }
            Self::Word(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                quoted.join(" or ")
            }
            Self::Words(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("a list of some of {}", quoted.join(", "))
            }
            Self::Label => "1 to 63 printable ASCII characters without spaces".into(),
            Self::Host => "a DNS name or an address".into(),
            Self::Address => "an IPv4 or IPv6 address of this machine".into(),
            Self::SocketAddress => "an address and a port, as `0.0.0.0:123` or `[::]:123`".into(),
            Self::Interface => "the name of a network interface, up to 15 characters".into(),
            Self::Listeners => {
                "a list of 1 to 64 of `\"ADDRESS:PORT\"` or `{ address = \"ADDRESS:PORT\", interface = \"NAME\" }`"
                    .into()
            }
            Self::Networks => {
                "a list of up to 4096 networks, as `\"192.0.2.0/24\"`, `\"2001:db8::/32\"` or a single address"
                    .into()
            }
            Self::Path { longest } => {
                format!("an absolute path of at most {longest} bytes, or `false` for none")
            }
            Self::NeededPath { longest } => format!("an absolute path of at most {longest} bytes"),
            Self::Paths { most, .. } => format!("a list of up to {most} absolute paths"),
            Self::User => "an account name, or `false`".into(),
            Self::Table(text) => text.into(),
        }
    }
}

fn alternative(word: Option<&str>) -> String {
    word.map(|word| format!(" or \"{word}\"")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
