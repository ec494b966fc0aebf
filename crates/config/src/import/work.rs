//! An import while it is under way: the lines with what became of them, and the draft of our file.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::chrony::Capability;
use super::draft::{Draft, Place, string};
use super::outcome::Origin;
use super::secrets::{covered, hidden};
use super::{Dialect, Files, Imported, LineReport, Verdict};
use crate::document::Document;
use crate::{MAX_BYTES, parse};

/// A line of the report, by its index.
pub(super) type At = usize;

/// More lines than these, with those of included files, are not read.
const MOST_LINES: usize = 20_000;
/// More sources than these our file does not take.
const MOST_SOURCES: usize = 64;
/// So often what our own parser refuses is taken out again before everything is.
const MOST_ROUNDS: usize = 50;

/// A line of a file that was opened.
pub(super) struct Raw<'t> {
    pub(super) text: &'t str,
    /// Its length in bytes, with its end.
    pub(super) len: usize,
    number: usize,
    origin: Origin,
}

/// An import under way.
pub(super) struct Work<'f> {
    pub(super) files: &'f dyn Files,
    pub(super) lines: Vec<LineReport>,
    pub(super) draft: Draft,
    documents: Vec<Arc<Document>>,
    origins: Vec<Origin>,
    /// Sources by host and port.
    sources: BTreeMap<(String, i64), At>,
}

impl<'f> Work<'f> {
    pub(super) fn new(files: &'f dyn Files) -> Self {
        Self {
            files,
            lines: Vec::new(),
            draft: Draft::default(),
            documents: Vec::new(),
            origins: Vec::new(),
            sources: BTreeMap::new(),
        }
    }

    /// The lines of a file, each entered into the report.
    pub(super) fn lines_of<'t>(&mut self, text: &'t str, name: &str) -> Vec<(At, &'t str)> {
        let lines = self.open(text, name);
        lines.iter().filter_map(|line| self.enter(line).map(|at| (at, line.text))).collect()
    }

    /// The lines of a file, which are still to be entered: one after the other, so that those of an included file come
    /// where they are included.
    pub(super) fn open<'t>(&mut self, text: &'t str, name: &str) -> Vec<Raw<'t>> {
        let shown = text.split_inclusive('\n').map(covered).collect();
        let document = Arc::new(Document { name: name.to_owned(), text: shown });
        let file = self.documents.len();
        self.documents.push(document);
        let mut start = 0;
        let mut lines = Vec::new();
        for (index, whole) in text.split_inclusive('\n').enumerate() {
            let line = whole.trim_end_matches(['\n', '\r']);
            let indent = line.len() - line.trim_start().len();
            let span = start + indent..start + line.trim_end().len().max(indent);
            lines.push(Raw {
                text: line,
                len: whole.len(),
                number: index + 1,
                origin: Origin { file, span },
            });
            start += whole.len();
        }
        lines
    }

    /// Enters a line into the report, unless there are too many.
    pub(super) fn enter(&mut self, line: &Raw<'_>) -> Option<At> {
        if self.lines.len() >= MOST_LINES {
            let last = self.lines.len() - 1;
            // What would be left out may be what refuses somebody.
            self.wrong(last, format!("more than {MOST_LINES} lines are not read"));
            return None;
        }
        let shown = |c: char| if c.is_control() && c != '\t' { '\u{b7}' } else { c };
        self.lines.push(LineReport {
            file: self.documents.get(line.origin.file)?.name.clone(),
            line: line.number,
            text: hidden(line.text).chars().map(shown).collect(),
            verdict: Verdict::Ignored,
            how: Vec::new(),
            dangers: Vec::new(),
        });
        self.origins.push(line.origin.clone());
        Some(self.lines.len() - 1)
    }

    /// What became of a line, or of a part of it, in words.
    pub(super) fn say(&mut self, at: At, verdict: Verdict, how: impl Into<String>) {
        if let Some(line) = self.lines.get_mut(at) {
            line.verdict = line.verdict.max(verdict);
            let how = how.into();
            if !line.how.contains(&how) {
                line.how.push(how);
            }
        }
    }

    /// A line, or a part of it, holds as it is.
    pub(super) fn keep(&mut self, at: At) {
        if let Some(line) = self.lines.get_mut(at) {
            line.verdict = line.verdict.max(Verdict::Kept);
        }
    }

    pub(super) fn change(&mut self, at: At, how: impl Into<String>) {
        self.say(at, Verdict::Changed, how);
    }

    pub(super) fn ignore(&mut self, at: At, why: impl Into<String>) {
        self.say(at, Verdict::Ignored, why);
    }

    /// A line that was kept does nothing after all.
    pub(super) fn void(&mut self, at: At, why: impl Into<String>) {
        if let Some(line) = self.lines.get_mut(at).filter(|line| line.verdict <= Verdict::Changed) {
            line.verdict = Verdict::Ignored;
            line.how.clear();
        }
        self.ignore(at, why);
    }

    pub(super) fn not_yet(&mut self, at: At, instead: impl Into<String>) {
        self.say(at, Verdict::NotYet, instead);
    }

    pub(super) fn impossible(&mut self, at: At, why: impl Into<String>) {
        self.say(at, Verdict::Impossible, why);
    }

    pub(super) fn wrong(&mut self, at: At, why: impl Into<String>) {
        self.say(at, Verdict::Wrong, why);
    }

    /// Says of a directive, or of an option of one, what its table says.
    pub(super) fn by_capability(&mut self, at: At, option: &str, capability: Capability) {
        let (_, words) = capability.words();
        let words = if option.is_empty() { words.to_owned() } else { format!("`{option}`: {words}") };
        match capability {
            Capability::Honoured(_) => self.keep(at),
            Capability::Partly(_) => self.change(at, words),
            Capability::Unneeded(_) => self.ignore(at, words),
            Capability::NotYet(_) => self.not_yet(at, words),
            Capability::Never(_) => self.impossible(at, words),
        }
    }

    /// Begins a source, unless it is one already or there are too many; `kind` is `server` or `pool`. A pool that is one
    /// address is a server.
    pub(super) fn source(&mut self, at: At, kind: &str, host: &str, port: i64) -> Option<usize> {
        let key = (host.to_ascii_lowercase(), port);
        if let Some(first) = self.sources.get(&key).copied() {
            let first = self.name_of(first, at);
            self.void(at, format!("it is a source already, by {first}"));
            return None;
        }
        if self.sources.len() >= MOST_SOURCES {
            self.impossible(at, format!("there are at most {MOST_SOURCES} sources"));
            return None;
        }
        self.sources.insert(key, at);
        self.keep(at);
        let mut kind = kind;
        if kind == "pool" && host.parse::<IpAddr>().is_ok() {
            kind = "server";
            self.change(at, "a pool that is one address is a server");
        }
        let source = self.draft.source(at);
        self.draft.set_of(source, kind, string(host), Some(at));
        if port != 123 {
            self.draft.set_of(source, "port", port.to_string(), Some(at));
        }
        Some(source)
    }

    pub(super) fn danger(&mut self, at: At, what: impl Into<String>) {
        if let Some(line) = self.lines.get_mut(at) {
            line.dangers.push(what.into());
        }
    }

    /// `line 12`, or with its file's name if that differs from the other's.
    pub(super) fn name_of(&self, at: At, beside: At) -> String {
        match (self.lines.get(at), self.lines.get(beside)) {
            (Some(line), Some(other)) if line.file == other.file => format!("line {}", line.line),
            (Some(line), _) => format!("{}:{}", line.file, line.line),
            (None, _) => "another line".into(),
        }
    }

    /// Sets a key; what an earlier line said about it no longer counts.
    pub(super) fn set(&mut self, section: &'static str, key: &str, value: String, at: At) {
        if let Some(Some(earlier)) =
            self.draft.set(section, key, value, Some(at)).filter(|old| *old != Some(at))
        {
            let later = self.name_of(at, earlier);
            self.void(earlier, format!("{later} says otherwise, and the last word counts"));
        }
        self.keep(at);
    }

    /// Says that nothing is taken over after all.
    fn lose_everything(&mut self) {
        for at in 0..self.lines.len() {
            if self.lines.get(at).is_some_and(|line| matches!(line.verdict, Verdict::Kept | Verdict::Changed))
            {
                self.impossible(at, "not taken over: too much of the file does not fit here");
            }
        }
    }

    /// The draft as TOML that our own parser accepts.
    pub(super) fn settle(mut self, dialect: Dialect, name: &str) -> Imported {
        for round in 0.. {
            let mut written = self.draft.write(dialect, name, &self.lines);
            if written.toml.len() > MAX_BYTES {
                // The report has every line; what is lost need not stand in the file as well.
                written = self.draft.write(dialect, name, &[]);
            }
            let Err(found) = parse::parse(&written.toml, name) else {
                return Imported::new(dialect, written, self.lines, self.documents, self.origins);
            };
            let mut places: Vec<Place> = Vec::new();
            for finding in &found {
                let origin = written.places.get(finding.line.saturating_sub(1)).copied().flatten();
                let (place, at) = origin.unwrap_or((Place::EVERYTHING, None));
                let help = finding.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
                if let Some(at) = at {
                    self.impossible(at, format!("not taken over: {}{help}", finding.message));
                }
                places.push(place);
            }
            if round >= MOST_ROUNDS {
                places = vec![Place::EVERYTHING];
            }
            if places.contains(&Place::EVERYTHING) {
                self.lose_everything();
                break;
            }
            for at in self.draft.remove(&places) {
                if self.lines.get(at).is_some_and(|line| line.verdict <= Verdict::Changed) {
                    self.impossible(at, "not taken over: what it belongs to is left out");
                }
            }
        }
        let written = Draft::default().write(dialect, name, &[]);
        Imported::new(dialect, written, self.lines, self.documents, self.origins)
    }
}
