//! Sources in files of their own: folders that others fill, such as clients of DHCP (`daemon.source_dirs`).
//!
//! What is wrong with such a file must not stop the daemon, which would be at the mercy of whoever fills the folder: the
//! file is left out, and the finding is a warning. Files in chrony's syntax are read as chronyd reads them, so only the wrong
//! line is left out there.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use truechimer_engine::config::{Authentication, Endpoint, Host, SourceConfig, SourceKind};

use crate::document::Document;
use crate::import::{Files, chrony};
use crate::parse::parse_as;
use crate::reader::{Places, Reader, Root};
use crate::reference::SOURCE_FILE;
use crate::rules::{self, Rule};
use crate::sections::{MOST_SOURCES, read_sources};
use crate::text::quote;
use crate::{Diagnostic, Parsed, address};

/// Files of one folder that are read.
const MOST_FILES: usize = 64;
/// A file of sources has a few hundred bytes.
const MOST_BYTES: usize = 64 << 10;
/// So much is said of one file.
const MOST_FINDINGS: usize = 3;
/// The key that names the folders.
const KEY: &str = "daemon.source_dirs";

/// What came from folders.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Folders {
    /// What is wrong with them: none of it is an error.
    pub(crate) findings: Vec<Diagnostic>,
    /// Where the sources stand that are behind those of the configuration file itself.
    places: Vec<FilePlace>,
}

/// A source in a file.
#[derive(Clone, Debug, PartialEq)]
struct FilePlace {
    document: Arc<Document>,
    places: Arc<Places>,
    index: usize,
}

/// A file that was read: its sources, and where they stand in it.
struct SourceFile {
    sources: Vec<SourceConfig>,
    document: Arc<Document>,
    places: Arc<Places>,
    findings: Vec<Diagnostic>,
}

impl Folders {
    /// Where `source[2].poll` stands, or anything else of the configuration.
    pub(crate) fn place<'p>(&'p self, path: &str, parsed: &'p Parsed) -> (&'p Arc<Document>, Range<usize>) {
        let source = path.strip_prefix("source[").and_then(|rest| rest.split_once(']'));
        let numbered = source.and_then(|(number, rest)| Some((number.parse::<usize>().ok()?, rest)));
        let own = parsed.config.engine.sources.len().saturating_sub(self.places.len());
        let place = numbered.and_then(|(number, rest)| {
            let place = self.places.get(number.checked_sub(own)?)?;
            Some((&place.document, place.places.of(&format!("source[{}]{rest}", place.index))))
        });
        place.unwrap_or_else(|| (&parsed.document, parsed.places.of(path)))
    }
}

impl Parsed {
    /// Adds the sources in the files of `daemon.source_dirs`, in the order of the folders and of the files' names. What is
    /// wrong with them is then among the warnings, and what is wrong is left out. The key file, if there is one, must have
    /// been taken before.
    pub fn take_folders(&mut self, files: &dyn Files) {
        let folders = self.config.paths.source_dirs.clone();
        for folder in &folders {
            self.take_folder(files, &folder.to_string_lossy());
        }
        self.refresh_warnings();
    }

    fn take_folder(&mut self, files: &dyn Files, folder: &str) {
        let mut names = match files.list(folder) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => {
                let fault = format!("cannot read {}: {error}; its sources are left out", quote(folder));
                self.say_of_folders(&rules::UNREADABLE, fault);
                return;
            }
        };
        // A name that begins with a dot is that of a file that is being written.
        let is_ours = |name: &String| name.ends_with(".toml") || name.ends_with(".sources");
        names.retain(|name| is_ours(name) && !name.starts_with('.'));
        names.sort_unstable();
        if names.len() > MOST_FILES {
            let fault = format!(
                "{} has {} files of sources; those after {} are left out",
                quote(folder),
                names.len(),
                quote(names.get(MOST_FILES - 1).map_or("", String::as_str))
            );
            self.say_of_folders(&rules::TOO_MANY, fault);
            names.truncate(MOST_FILES);
        }
        for name in names {
            let path = format!("{}/{name}", folder.trim_end_matches('/'));
            match files.read(&path) {
                Ok(text) => self.take_file(&text, &path),
                // Gone between the two looks.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    let finding = crate::unreadable(&path, &error);
                    let finding = finding.help("the daemon's account must be able to read it");
                    self.folders.findings.push(left_out(finding));
                }
            }
        }
    }

    fn take_file(&mut self, text: &str, path: &str) {
        match self.read_file(text, path) {
            Ok(file) => {
                self.folders.findings.extend(file.findings);
                for (index, source) in file.sources.into_iter().enumerate() {
                    let place =
                        FilePlace { document: file.document.clone(), places: file.places.clone(), index };
                    self.take_source(source, place);
                }
            }
            Err(faults) => {
                let faults = faults.into_iter().take(MOST_FINDINGS);
                self.folders.findings.extend(faults.map(left_out));
            }
        }
    }

    fn read_file(&self, text: &str, path: &str) -> Result<SourceFile, Vec<Diagnostic>> {
        if text.len() > MOST_BYTES {
            let document = Arc::new(Document { name: path.to_owned(), text: String::new() });
            let fault = format!("the file has {} bytes, more than the {MOST_BYTES} allowed", text.len());
            return Err(vec![Diagnostic::new(&rules::TOO_LARGE, &document, 0..0, fault)]);
        }
        let keys = self.config.paths.keys.as_deref();
        if path.ends_with(".sources") {
            return read_chrony(text, path, keys);
        }
        let read = |reader: &mut Reader, root: Root<'_>| read_sources(reader, root, keys.is_some());
        let (sources, reader) = parse_as(&SOURCE_FILE, text, path, read)?;
        let (document, places) = (reader.document, Arc::new(reader.places));
        Ok(SourceFile { sources, document, places, findings: Vec::new() })
    }

    /// Adds a source, unless it is there already or cannot be used.
    fn take_source(&mut self, source: SourceConfig, place: FilePlace) {
        let fault = self.fault_of(&source);
        if let Some((rule, message)) = fault {
            let span = place.places.of(&format!("source[{}]", place.index));
            let finding = Diagnostic::new(rule, &place.document, span, message);
            self.folders.findings.push(finding.harmless());
            return;
        }
        self.config.engine.sources.push(source);
        self.folders.places.push(place);
    }

    fn fault_of(&self, source: &SourceConfig) -> Option<(&'static Rule, String)> {
        let known = &self.config.engine.sources;
        if known.len() >= MOST_SOURCES {
            return Some((
                &rules::TOO_MANY,
                format!("this source is left out: there are {MOST_SOURCES} already"),
            ));
        }
        let shown = |endpoint: &Endpoint| match &endpoint.host {
            Host::Name(name) => quote(name),
            Host::Address(address) => quote(&address.to_string()),
        };
        let host = endpoint(source);
        if let Some(host) = host.filter(|host| known.iter().any(|other| endpoint(other) == Some(host))) {
            return Some((&rules::SOURCE_AGAIN, format!("{} is a source already", shown(host))));
        }
        let named =
            source.name.as_ref().filter(|name| known.iter().any(|other| other.name.as_ref() == Some(name)));
        if let Some(name) = named {
            let message = format!("this source is left out: another one is named {}", quote(name));
            return Some((&rules::DUPLICATE_SOURCE, message));
        }
        let keys = &self.config.engine.keys;
        match source.options.authentication {
            // Without any key, the file may be one that whoever checks the configuration cannot read.
            Authentication::Key(id) if !keys.is_empty() && keys.algorithm(id).is_none() => Some((
                &rules::NO_SUCH_KEY,
                format!("this source is left out: key {id} is not in the key file"),
            )),
            _ => None,
        }
    }

    fn say_of_folders(&mut self, rule: &'static Rule, message: String) {
        let finding = Diagnostic::new(rule, &self.document, self.places.of(KEY), message);
        self.folders.findings.push(finding.harmless());
    }
}

fn endpoint(source: &SourceConfig) -> Option<&Endpoint> {
    match &source.kind {
        SourceKind::Server(endpoint) | SourceKind::Pool { endpoint, .. } => Some(endpoint),
        SourceKind::Reference { .. } => None,
    }
}

/// A fault of a file that does not make the configuration unusable.
fn left_out(mut finding: Diagnostic) -> Diagnostic {
    finding.message += ": this file is left out";
    finding.harmless()
}

/// A file in chrony's syntax: wrong lines are left out.
fn read_chrony(text: &str, path: &str, keys: Option<&Path>) -> Result<SourceFile, Vec<Diagnostic>> {
    let imported = chrony::import_sources(text, path, keys);
    let parsed = imported.parsed(path)?;
    let sources = parsed.config.engine.sources;
    let document = Arc::new(Document { name: path.to_owned(), text: text.to_owned() });
    let mut places = Places::default();
    for index in 0..sources.len() {
        let key = format!("source[{index}]");
        let (line, _) = parsed.document.position(parsed.places.of(&key).start);
        places.insert(key, imported.span_of(line));
    }
    let mut findings = imported.findings();
    findings.truncate(MOST_FINDINGS);
    Ok(SourceFile { sources, document, places: Arc::new(places), findings })
}

/// A file for a folder of `daemon.source_dirs`: servers that a network named, `origin` for people. What cannot be a server of a
/// network, such as this machine itself, and what comes twice, is left out; no more than `most` are taken. `None` if none is left.
pub fn source_file<'s>(
    servers: impl IntoIterator<Item = &'s str>,
    origin: &str,
    most: usize,
) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut text = format!("# {}\n", origin.replace(char::is_control, " "));
    for server in servers {
        let Ok(host) = address::parse_host(server) else { continue };
        let host = match host {
            Host::Name(name) if name == "localhost" || name.ends_with(".localhost") => continue,
            Host::Address(address) if address.is_loopback() => continue,
            Host::Name(name) => name,
            Host::Address(address) => address.to_string(),
        };
        if seen.len() < most && seen.insert(host.clone()) {
            text += &format!("\n[[source]]\nserver = \"{host}\"\n");
        }
    }
    (!seen.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
