//! Key files: symmetric keys in the format of chrony's (`ID [TYPE] KEY`) or ntpd's (`ID TYPE KEY [ADDRESSES]`).
//!
//! The two formats look alike and differ in what a bare key means: chrony takes its characters, ntpd takes up to 20
//! characters as they are and reads a longer key as hexadecimal digits. What only one of them would write (`HEX:` and
//! `ASCII:`, lines of two words, names of types, comments behind a key, lists of addresses) tells whose file it is. Where
//! nothing tells, and it would matter, the reader is warned or asked to say.
//!
//! No message shows any part of a key, and lines are not shown either: what is said ends up in journals.

mod decode;
mod join;
mod line;
mod write;

use std::collections::BTreeMap;

use truechimer_engine::config::{AccessRule, KeyTable, PeerKey};
use truechimer_wire::mac::{KeyAlgorithm, SymmetricKey};

use crate::diagnostic::Diagnostic;
use crate::rules::{self, Rule};
use crate::{MAX_BYTES, parse};

use decode::Decoded;
use line::{Line, Place};

pub use write::{Format, line as write_line};

/// No more than this many findings of one file are kept.
const MOST_FINDINGS: usize = 50;
/// In advice, so many keys are named one by one.
const MOST_NAMED: usize = 8;
/// A key with fewer bits can be found by trying.
const FEW_BITS: usize = 128;

/// A key file that can be used.
#[derive(Debug)]
pub struct KeyFile {
    keys: Vec<FileKey>,
    dialect: Dialect,
    /// What is strange about it, and advice.
    pub findings: Vec<Diagnostic>,
}

/// One key of it.
#[derive(Debug)]
struct FileKey {
    id: u32,
    key: SymmetricKey,
    bits: usize,
    peers: Option<Vec<AccessRule>>,
}

/// Whose format a file is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Chrony,
    Ntpd,
    /// Nothing tells, or both do.
    Either,
}

/// Reads a key file; `file` is its name in messages. `exposed` says that others than its owner and group may read it.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file; at least one finding. Keys of algorithms that are known
/// but not supported are no error: they are left out.
pub fn parse_keys(bytes: &[u8], file: &str, exposed: bool) -> Result<KeyFile, Vec<Diagnostic>> {
    if bytes.len() > MAX_BYTES {
        return Err(vec![parse::too_large(bytes.len(), file)]);
    }
    let lines: Vec<Line<'_>> = line::lines(bytes).collect();
    let dialect = dialect(&lines);
    let mut reader = Reader { file, dialect, errors: Vec::new(), findings: Vec::new(), keys: Vec::new() };
    let mut places = BTreeMap::new();
    for line in &lines {
        if reader.errors.len() >= MOST_FINDINGS {
            break;
        }
        reader.read(line, &mut places);
    }
    if !reader.errors.is_empty() {
        return Err(reader.errors);
    }
    if exposed {
        let message = "the key file can be read by everybody on this machine";
        reader.find(&rules::EXPOSED_KEYS, Place::START, message, &format!("chmod o= {file}"));
    }
    reader.advise();
    reader.findings.sort_by_key(|finding| (finding.line, finding.column));
    reader.findings.truncate(MOST_FINDINGS);
    Ok(KeyFile { keys: reader.keys, dialect, findings: reader.findings })
}

impl KeyFile {
    /// Whether it has the key.
    pub fn has(&self, id: u32) -> bool {
        self.keys.iter().any(|key| key.id == id)
    }

    /// The identifiers in the order of the file, with the algorithms.
    pub fn ids(&self) -> impl Iterator<Item = (u32, KeyAlgorithm)> {
        self.keys.iter().map(|key| (key.id, key.key.algorithm()))
    }

    /// Whose format it is in, where something tells.
    pub fn format(&self) -> Option<Format> {
        match self.dialect {
            Dialect::Chrony => Some(Format::Chrony),
            Dialect::Ntpd => Some(Format::Ntpd),
            Dialect::Either => None,
        }
    }

    /// The keys for the engine.
    pub fn into_table(self) -> KeyTable {
        self.keys.into_iter().map(|key| (key.id, PeerKey { key: key.key, peers: key.peers })).collect()
    }
}

/// Whose file it is, by what only one of them would write.
fn dialect(lines: &[Line<'_>]) -> Dialect {
    match (lines.iter().any(Line::is_chronys), lines.iter().any(Line::is_ntpds)) {
        (true, false) => Dialect::Chrony,
        (false, true) => Dialect::Ntpd,
        _ => Dialect::Either,
    }
}

struct Reader<'f> {
    file: &'f str,
    dialect: Dialect,
    errors: Vec<Diagnostic>,
    findings: Vec<Diagnostic>,
    keys: Vec<FileKey>,
}

/// Why a line is no key.
struct Fault {
    rule: &'static Rule,
    place: Place,
    message: String,
    help: String,
}

impl Fault {
    fn new(rule: &'static Rule, place: Place, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { rule, place, message: message.into(), help: help.into() }
    }
}

impl Reader<'_> {
    fn read(&mut self, line: &Line<'_>, places: &mut BTreeMap<u32, usize>) {
        match decode::key(line, self.dialect) {
            Ok(None) => {}
            Ok(Some(decoded)) => {
                if let Some(first) = places.insert(decoded.id, line.number) {
                    let message = format!("key {} stands here again, after line {first}", decoded.id);
                    let help = "each identifier belongs to one key: renumber or remove one of them";
                    self.fail(Fault::new(&rules::DUPLICATE_KEY, line.start(), message, help));
                    return;
                }
                self.take(line, decoded);
            }
            Err(fault) => self.fail(fault),
        }
    }

    fn take(&mut self, line: &Line<'_>, decoded: Decoded) {
        for (rule, message, help) in decoded.remarks {
            self.find(rule, line.start(), &message, help);
        }
        if let Some(key) = decoded.key {
            let Decoded { id, bits, peers, .. } = decoded;
            self.keys.push(FileKey { id, key, bits, peers });
        }
    }

    fn fail(&mut self, fault: Fault) {
        self.errors.push(self.diagnostic(fault));
    }

    fn find(&mut self, rule: &'static Rule, place: Place, message: &str, help: &str) {
        let fault = Fault::new(rule, place, message, help);
        self.findings.push(self.diagnostic(fault));
    }

    fn diagnostic(&self, fault: Fault) -> Diagnostic {
        let Fault { rule, place, message, help } = fault;
        Diagnostic::blind(rule, self.file, place.line, place.column, message).help(help)
    }

    /// What is unwise about keys that can be used: one finding a rule, however many keys it is about.
    fn advise(&mut self) {
        let weak = |key: &&FileKey| key.key.algorithm().is_weak();
        if let Some(keys) = named(self.keys.iter().filter(weak)) {
            let message = format!("{keys} made for MD5 or SHA1, which are broken");
            let help = "make new ones with `chimer keygen`, which takes AES128, as soon as the other side can use it";
            self.find(&rules::WEAK_KEY, Place::START, &message, help);
        }
        if let Some(keys) = named(self.keys.iter().filter(|key| key.bits < FEW_BITS)) {
            let message = format!("{keys} shorter than {FEW_BITS} bits, and may be found by trying");
            self.find(&rules::SHORT_KEY, Place::START, &message, "make new ones with `chimer keygen`");
        }
    }
}

/// `key 1 is`, `keys 1, 2 and 3 are`; `None` for no key.
fn named<'k>(keys: impl Iterator<Item = &'k FileKey>) -> Option<String> {
    let mut ids: Vec<String> = keys.map(|key| key.id.to_string()).collect();
    let more = ids.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        ids.truncate(MOST_NAMED);
        ids.push(format!("{more} more"));
    }
    let last = ids.pop()?;
    Some(if ids.is_empty() {
        format!("key {last} is")
    } else {
        format!("keys {} and {last} are", ids.join(", "))
    })
}

#[cfg(test)]
mod tests;
