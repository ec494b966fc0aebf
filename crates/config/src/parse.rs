//! From text to a legal configuration.

use std::ops::Range;
use std::sync::Arc;

use toml::de::DeTable;

use crate::config::FREQUENCY_FILE;
use crate::document::Document;
use crate::folders::Folders;
use crate::reader::{Places, Reader, Root};
use crate::reference::{CONFIGURATION, Schema};
use crate::sections::{self, read_sources};
use crate::{Config, Diagnostic, MAX_BYTES, Paths, Severity, lint, rules, unknown};

/// A file that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// What it says.
    pub config: Config,
    /// What is strange about it: the findings of [`lint`](crate::lint) that are more than notes.
    pub warnings: Vec<Diagnostic>,
    /// What was found in the key file.
    pub(crate) key_findings: Vec<Diagnostic>,
    /// What came from the files of `daemon.source_dirs`.
    pub(crate) folders: Folders,
    pub(crate) document: Arc<Document>,
    pub(crate) places: Places,
}

/// Reads a configuration; `file` is its name in messages.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file; at least one finding.
pub fn parse(text: &str, file: &str) -> Result<Parsed, Vec<Diagnostic>> {
    let (config, reader) = parse_as(&CONFIGURATION, text, file, read)?;
    let mut parsed = Parsed {
        config,
        warnings: Vec::new(),
        key_findings: Vec::new(),
        folders: Folders::default(),
        document: reader.document,
        places: reader.places,
    };
    parsed.refresh_warnings();
    Ok(parsed)
}

impl Parsed {
    pub(crate) fn refresh_warnings(&mut self) {
        self.warnings = lint(self);
        self.warnings.retain(|finding| finding.severity > Severity::Note);
    }
}

/// Reads a file of another format: `read` takes out of it what it wants.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file; at least one finding.
pub fn parse_other<T>(
    schema: &'static Schema,
    text: &str,
    file: &str,
    read: impl FnOnce(&mut Reader, Root<'_>) -> T,
) -> Result<T, Vec<Diagnostic>> {
    parse_as(schema, text, file, read).map(|(value, _)| value)
}

pub(crate) fn parse_as<T>(
    schema: &'static Schema,
    text: &str,
    file: &str,
    read: impl FnOnce(&mut Reader, Root<'_>) -> T,
) -> Result<(T, Reader), Vec<Diagnostic>> {
    if text.len() > MAX_BYTES {
        return Err(vec![too_large(text.len(), file)]);
    }
    let document = Arc::new(Document { name: file.to_owned(), text: text.to_owned() });
    let mut reader = Reader::new(schema, Arc::clone(&document));
    let (table, errors) = DeTable::parse_recoverable(&document.text);
    if errors.is_empty() {
        let root = Root(table.get_ref());
        reader.check_sections(root);
        let value = read(&mut reader, root);
        if reader.found.is_empty() {
            return Ok((value, reader));
        }
    } else {
        // What follows from a document that was misread would only confuse.
        read_syntax(&mut reader, &errors);
    }
    let mut found = reader.found;
    found.sort_by_key(Diagnostic::start);
    Err(found)
}

/// Like [`parse`], from a file's bytes, which may be no text at all.
///
/// # Errors
/// As [`parse`].
pub fn parse_bytes(bytes: &[u8], file: &str) -> Result<Parsed, Vec<Diagnostic>> {
    parse(text_of(bytes, file)?, file)
}

/// A file's bytes as text.
///
/// # Errors
/// There are too many of them, or they are no UTF-8.
pub fn text_of<'b>(bytes: &'b [u8], file: &str) -> Result<&'b str, Vec<Diagnostic>> {
    if bytes.len() > MAX_BYTES {
        return Err(vec![too_large(bytes.len(), file)]);
    }
    str::from_utf8(bytes).map_err(|error| {
        // Every invalid byte is one character here, so lines and columns stay what an editor shows.
        let lossy: String = bytes
            .utf8_chunks()
            .flat_map(|chunk| {
                let bad = chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER);
                chunk.valid().chars().chain(bad)
            })
            .collect();
        let start = error.valid_up_to();
        let byte = bytes.get(start).copied().unwrap_or(0);
        let document = Arc::new(Document { name: file.to_owned(), text: lossy });
        let message = format!("the byte 0x{byte:02x} is not part of UTF-8 text");
        let end = start + char::REPLACEMENT_CHARACTER.len_utf8();
        let diagnostic = Diagnostic::new(&rules::NOT_UTF8, &document, start..end, message);
        vec![diagnostic.help("save the file as UTF-8")]
    })
}

/// The finding for a file that could not be read at all.
pub fn unreadable(file: &str, error: &std::io::Error) -> Diagnostic {
    let diagnostic = Diagnostic::whole(&rules::UNREADABLE, file, format!("cannot read the file: {error}"));
    match error.kind() {
        std::io::ErrorKind::NotFound if file.ends_with(".toml") => {
            diagnostic.help("write one: [[source]] and, below it, server = \"NAME\" is enough")
        }
        _ => diagnostic,
    }
}

pub(crate) fn too_large(len: usize, file: &str) -> Diagnostic {
    let message = format!("the file has {len} bytes, more than the {MAX_BYTES} allowed");
    Diagnostic::whole(&rules::TOO_LARGE, file, message)
        .help("is this the right file? A configuration has a few hundred bytes")
}

/// One finding a line: what follows on the same line is mostly a consequence.
fn read_syntax(reader: &mut Reader, errors: &[toml::de::Error]) {
    let mut last_line = 0;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let (line, _) = reader.document.position(span.start);
        if line == last_line {
            continue;
        }
        last_line = line;
        let (message, help) = explain(reader.schema, &reader.document.text, &span, error.message());
        let mut diagnostic = reader.at(&rules::SYNTAX, &span, format!("this is not TOML: {message}"));
        diagnostic.help = help;
        reader.push(diagnostic);
    }
}

/// The parser's message in words, and what to do about it, for what beginners in TOML trip over.
fn explain<'m>(
    schema: &Schema,
    text: &str,
    span: &Range<usize>,
    message: &'m str,
) -> (&'m str, Option<String>) {
    if message.contains("duplicate key") {
        let repeated = schema.sections.iter().filter(|section| section.repeated);
        let repeated: Vec<String> = repeated.map(|section| schema.heading(section.name)).collect();
        let repeated = repeated.join(" and ");
        let help =
            format!("each key stands once in a section, and each section once; only {repeated} is repeated");
        return ("this was there already", Some(help));
    }
    if message.contains("invalid basic string") || message.contains("invalid literal string") {
        let help =
            "a string ends on its line with the quote that it began with, and holds no control character";
        return (message, Some(help.into()));
    }
    let start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("").trim();
    match line.split_once('=').map(|(_, value)| value.trim()) {
        Some("yes" | "on" | "Yes" | "True") => ("this is no value", Some("write true".into())),
        Some("no" | "off" | "No" | "False") => ("this is no value", Some("write false".into())),
        Some(value) if value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/') => {
            ("this value needs quotes", Some("text stands in double quotes: key = \"value\"".into()))
        }
        None if !line.starts_with('[') && !line.is_empty() => {
            let usual = || "a line is `key = value`, a [section], or a comment that begins with #".into();
            (message, Some(directive(schema, line).unwrap_or_else(usual)))
        }
        _ => (message, None),
    }
}

/// What a line of chrony's or ntpd's configuration is here.
fn directive(schema: &Schema, line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    match (words.next()?, words.next()) {
        (word @ ("server" | "peer" | "pool"), Some(host)) if schema.knows("source") => {
            let key = if word == "pool" { word } else { "server" };
            let host = host.trim_matches(['"', '\'']);
            let plain =
                host.len() <= 253 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
            let host = if plain { host } else { "NAME" };
            Some(format!("write [[source]] and, on a line of its own, {key} = \"{host}\""))
        }
        (word, Some(_)) => unknown::foreign(schema, word).map(|here| format!("write {here}")),
        _ => None,
    }
}

fn read(reader: &mut Reader, root: Root<'_>) -> Config {
    let mut config = Config::default();
    if let Some(table) = reader.section(root, "keys") {
        config.paths.keys = sections::read_keys(reader, &table);
    }
    config.engine.sources = read_sources(reader, root, root.has("keys", "file"));
    if let Some(table) = reader.section(root, "selection") {
        config.engine.selection = sections::read_selection(reader, &table);
    }
    if let Some(table) = reader.section(root, "local") {
        config.engine.local = Some(sections::read_local(reader, &table));
    }
    if let Some(table) = reader.section(root, "control") {
        config.control = sections::read_control(reader, &table);
    }
    if let Some(table) = reader.section(root, "logs") {
        config.logs = sections::read_logs(reader, &table);
    }
    let daemon = reader.section(root, "daemon").map(|table| sections::read_daemon(reader, &table));
    let daemon = daemon.unwrap_or_default();
    config.roles = daemon.roles;
    config.sandbox = daemon.sandbox.unwrap_or(true);
    config.ready = daemon.ready;
    config.lock_memory = daemon.lock_memory;
    config.realtime_priority = daemon.realtime_priority;
    config.user = daemon.user;
    let defaults = Paths::default();
    config.paths.state_dir = daemon.state_dir.unwrap_or(defaults.state_dir);
    config.paths.run_dir = daemon.run_dir.unwrap_or(defaults.run_dir);
    config.paths.source_dirs = daemon.source_dirs;
    config.paths.pid_file = daemon.pid_file;
    if let Some(table) = reader.section(root, "serve") {
        let mut serve = sections::read_serve(reader, &table);
        config.paths.signd = sections::path(reader, &table, "signd").flatten();
        config.workers = reader.integer(&table, "workers").unwrap_or(1);
        serve.sign = config.paths.signd.is_some();
        config.serve_nts =
            sections::read_serve_nts(reader, &table, &serve.listen, config.paths.state_dir.clone());
        config.engine.serve = Some(serve);
    }
    sections::check_doors(reader, &config);
    if let Some(table) = reader.section(root, "network") {
        let listen = config.engine.serve.as_ref().map_or(&[][..], |serve| &serve.listen);
        config.network = sections::read_network(reader, &table, listen);
    }
    if let Some(table) = reader.section(root, "nts") {
        (config.trust, config.engine.nts) = sections::read_nts(reader, &table);
    }
    config.paths.frequency_file = config.paths.state_dir.as_ref().map(|folder| folder.join(FREQUENCY_FILE));
    if let Some(table) = reader.section(root, "clock") {
        let clock = sections::read_clock(reader, &table);
        config.engine.clock = clock.config;
        config.clock_control = clock.control;
        if let Some(file) = clock.frequency_file {
            config.paths.frequency_file = file;
        }
        config.paths.chrony_drift_file = clock.chrony_drift_file;
    }
    config
}

#[cfg(test)]
mod tests;
