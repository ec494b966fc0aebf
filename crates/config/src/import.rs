//! Configurations of other programs, turned into ours.
//!
//! [`import`] reads one and returns our TOML with a report of every line: kept, changed (how), ignored (why that does no
//! harm), not yet possible (what happens instead), impossible (what to do), or wrong (not accepted by the program that
//! it is for either). What it writes is read by our own parser before it is handed out, so it always parses. A daemon
//! that runs another program's file runs exactly this TOML: there is one way, and import and direct run cannot differ.
//!
//! Like the rest of the crate, nothing here does input or output: files that a file includes come from [`Files`].

mod advice;
mod budget;
pub mod chrony;
mod cisco;
mod draft;
mod include;
mod ntp;
mod ntpd_rs;
mod openntpd;
mod outcome;
mod recognise;
mod report;
mod secrets;
mod timesyncd;
mod values;
mod work;

use std::fmt;
use std::io;

pub use outcome::Imported;
pub use report::{LineReport, Verdict};

use budget::Budget;
use work::Work;

/// Whose configuration it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// chronyd's `chrony.conf`.
    Chrony,
    /// `ntp.conf` of ntpd, of the reference implementation and of NTPsec.
    Ntp,
    /// OpenNTPD's `ntpd.conf`.
    Openntpd,
    /// systemd's `timesyncd.conf`.
    Timesyncd,
    /// ntpd-rs's `ntp.toml`.
    NtpdRs,
    /// The `ntp` lines of a Cisco router or switch.
    Cisco,
}

impl Dialect {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Chrony, Self::Ntp, Self::Openntpd, Self::Timesyncd, Self::NtpdRs, Self::Cisco];

    /// The name by which people choose it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chrony => "chrony",
            Self::Ntp => "ntp",
            Self::Openntpd => "openntpd",
            Self::Timesyncd => "timesyncd",
            Self::NtpdRs => "ntpd-rs",
            Self::Cisco => "cisco",
        }
    }

    /// The dialect of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|dialect| dialect.name() == name)
    }

    /// The dialect of a file, by its name and what it says; `None` where nothing tells, and for our own.
    pub fn recognise(name: &str, text: &str) -> Option<Self> {
        recognise::dialect(name, text)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The files that an imported file names.
pub trait Files {
    /// The text of a file.
    ///
    /// # Errors
    /// It cannot be read, or is no text.
    fn read(&self, path: &str) -> io::Result<String>;

    /// The names of what is in a folder, in any order.
    ///
    /// # Errors
    /// It cannot be read.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
}

/// Where no file can be read: what the text includes is reported as missing.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _path: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _folder: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Turns another program's configuration into ours; `name` is its name in messages.
pub fn import(text: &str, name: &str, dialect: Dialect, files: &dyn Files) -> Imported {
    let budget = Budget::new(files);
    let mut work = Work::new(&budget);
    match dialect {
        Dialect::Chrony => chrony::read(&mut work, text, name),
        Dialect::Ntp => ntp::read(&mut work, text, name),
        Dialect::Openntpd => openntpd::read(&mut work, text, name),
        Dialect::Timesyncd => timesyncd::read(&mut work, text, name),
        Dialect::NtpdRs => ntpd_rs::read(&mut work, text, name),
        Dialect::Cisco => cisco::read(&mut work, text, name),
    }
    work.settle(dialect, name)
}

#[cfg(test)]
mod tests;
