//! `chrony.conf` of chrony 4.x.
//!
//! A line is a directive and its arguments, separated by white space, in any case. A line that begins with `!`, `;`,
//! `#` or `%` is a comment; nothing else is. No line has more than 2047 bytes. Where a directive stands twice the last one counts, but for those that add
//! to a list. What each directive is here is in [`DIRECTIVES`].

mod clock;
mod directives;
mod limit;
mod manual;
mod nts;
mod serve;
mod source;
mod syntax;

pub use directives::{Capability, DIRECTIVES, Directive, LIMIT_OPTIONS, LOCAL_OPTIONS, SOURCE_OPTIONS};
pub use manual::markdown;

use std::path::Path;

use super::draft::string;
use super::work::{At, Work};
use super::{Dialect, Imported, NoFiles, include, values};
use crate::text::{nearest, quote};
use syntax::{check, integer, number};

/// Files include files only so deep, beside the first one.
const MOST_DEEP: usize = 9;
/// `confdir` names no more folders.
const MOST_FOLDERS: usize = 10;
/// No line of a file has more bytes, with its end.
const LONGEST_LINE: usize = 2047;

/// The directive of this name, in any case.
pub fn find(name: &str) -> Option<&'static Directive> {
    directives::find(DIRECTIVES, name)
}

/// A value and the line that it comes from.
type Said<T> = Option<(T, At)>;

/// What can only be written when every line has been read.
#[derive(Default)]
struct Later {
    source_dirs: Vec<(Vec<String>, At)>,
    bind_sources: Vec<(std::net::IpAddr, At)>,
    refresh: Said<f64>,
    rules: Vec<serve::Rule>,
    /// A line that refuses a name.
    denied_name: Option<At>,
    port: Said<i64>,
    bind: Vec<(std::net::IpAddr, At)>,
    device: Said<String>,
    no_command_port: bool,
    logs: Vec<(&'static str, At)>,
    log_folder: Said<String>,
    log_banner: Said<i64>,
    signd: Said<String>,
    clients: limit::Clients,
    client_port: Said<i64>,
    nts: nts::Server,
}

struct Reader<'w, 'f> {
    work: &'w mut Work<'f>,
    later: Later,
    depth: usize,
    /// In a file of a `sourcedir`, where chronyd leaves out what is wrong and goes on.
    sources_only: bool,
}

/// A line, cut into words.
struct Line<'t> {
    at: At,
    directive: &'static Directive,
    words: Vec<&'t str>,
}

impl<'t> Line<'t> {
    fn word(&self, index: usize) -> &'t str {
        self.words.get(index).copied().unwrap_or("")
    }

    fn number(&self, index: usize) -> f64 {
        number(self.word(index)).unwrap_or(0.0)
    }

    fn integer(&self, index: usize) -> i64 {
        integer(self.word(index)).unwrap_or(0)
    }
}

/// Reads a whole file.
pub(super) fn read(work: &mut Work<'_>, text: &str, name: &str) {
    let mut reader = Reader { work, later: Later::default(), depth: 0, sources_only: false };
    reader.file(text, name);
    reader.finish();
}

/// Reads a file of a `sourcedir` by itself; `keys` is the key file, if there is one.
pub(crate) fn import_sources(text: &str, name: &str, keys: Option<&Path>) -> Imported {
    let mut work = Work::new(&NoFiles);
    if let Some(path) = keys {
        work.draft.set("keys", "file", string(&path.to_string_lossy()), None);
    }
    let mut reader = Reader { work: &mut work, later: Later::default(), depth: 0, sources_only: true };
    reader.file(text, name);
    work.settle(Dialect::Chrony, name)
}

impl Reader<'_, '_> {
    fn file(&mut self, text: &str, name: &str) {
        for line in self.work.open(text, name) {
            let Some(at) = self.work.enter(&line) else { break };
            match line.len <= LONGEST_LINE {
                true => self.line(at, line.text),
                false => self.wrong(at, format!("a line has at most {LONGEST_LINE} bytes, with its end")),
            }
        }
    }

    fn line(&mut self, at: At, text: &str) {
        let mut words = syntax::words(text);
        let Some(name) = words.next().filter(|word| !word.starts_with(['!', ';', '#', '%'])) else { return };
        let Some(directive) = find(name) else {
            let help = match nearest(name, DIRECTIVES.iter().map(|entry| entry.name)) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            self.wrong(at, format!("chrony.conf has no directive {}{help}", quote(name)));
            return;
        };
        if self.sources_only && !matches!(directive.name, "server" | "pool" | "peer") {
            self.wrong(at, "a file of a `sourcedir` may only have `server`, `pool` and `peer`");
            return;
        }
        let line = Line { at, directive, words: words.collect() };
        match check(directive, &line.words) {
            Ok(()) => self.directive(&line),
            Err(fault) => self.wrong(at, fault),
        }
    }

    fn wrong(&mut self, at: At, fault: impl Into<String>) {
        if self.sources_only {
            self.work.impossible(at, format!("{}; chronyd leaves this line out as well", fault.into()));
        } else {
            self.work.wrong(at, fault);
        }
    }

    fn directive(&mut self, line: &Line<'_>) {
        let done = match line.directive.name {
            "server" | "pool" | "peer" => self.source(line),
            "include" | "confdir" | "sourcedir" => self.include(line),
            _ => self.clock(line) || self.serve(line) || self.nts(line),
        };
        if !done {
            self.by_table(line.at, "", line.directive.capability);
        }
    }

    /// Says what the table says.
    fn by_table(&mut self, at: At, option: &str, capability: Capability) {
        self.work.by_capability(at, option, capability);
    }

    fn include(&mut self, line: &Line<'_>) -> bool {
        if self.depth >= MOST_DEEP {
            self.wrong(line.at, format!("files are included more than {MOST_DEEP} deep"));
            return true;
        }
        if line.directive.name == "confdir" && line.words.len() > MOST_FOLDERS {
            self.wrong(line.at, format!("at most {MOST_FOLDERS} folders can be named"));
            return true;
        }
        let pattern = line.word(0);
        let paths = match line.directive.name {
            "include" if !include::is_pattern(pattern) => vec![pattern.to_owned()],
            "include" => match include::matching(self.work.files, pattern) {
                Ok(paths) => paths,
                Err(error) => {
                    self.wrong(line.at, format!("cannot look for {}: {error}", quote(pattern)));
                    return true;
                }
            },
            "confdir" => include::in_folders(self.work.files, &line.words, ".conf"),
            _ => {
                let folders = line.words.iter().map(|word| (*word).to_owned()).collect();
                self.later.source_dirs.push((folders, line.at));
                return true;
            }
        };
        match paths.is_empty() {
            true => self.work.ignore(line.at, "there is no such file now"),
            false => self.work.keep(line.at),
        }
        self.depth += 1;
        for path in paths {
            match self.work.files.read(&path) {
                Ok(text) => self.file(&text, &path),
                Err(error) => {
                    let name = quote(&path);
                    match self.work.files.list(&path).is_ok() {
                        true => {
                            let text = format!(
                                "{name} is a folder, in which chronyd finds nothing either; `confdir` reads one"
                            );
                            self.work.impossible(line.at, text);
                        }
                        false => self.wrong(line.at, format!("cannot read {name}: {error}")),
                    }
                }
            }
        }
        self.depth -= 1;
        true
    }

    /// The daemon reads the folders itself, unless more is said here that holds for the sources in them.
    fn finish_folders(&mut self) {
        let more = match (&self.later.bind_sources[..], self.later.refresh) {
            ([], None) => None,
            ([], Some(_)) => Some("ntsrefresh"),
            _ => Some("bindacqaddress"),
        };
        for (folders, at) in std::mem::take(&mut self.later.source_dirs) {
            let Some(more) = more else {
                self.work.keep(at);
                for folder in folders {
                    self.work.draft.push("daemon", "source_dirs", string(&folder), Some(at));
                }
                continue;
            };
            self.work.change(at, format!("what is in the files now, as `{more}` holds for it too"));
            self.sources_only = true;
            let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
            for path in include::in_folders(self.work.files, &folders, ".sources") {
                match self.work.files.read(&path) {
                    Ok(text) => self.file(&text, &path),
                    Err(error) => self.work.impossible(at, format!("cannot read {}: {error}", quote(&path))),
                }
            }
            self.sources_only = false;
        }
    }

    fn finish(&mut self) {
        self.finish_folders();
        self.finish_sources();
        self.finish_logs();
        self.finish_serve();
        self.finish_client_port();
        // What chronyd does when nothing is said, where we would do something else.
        let draft = &mut self.work.draft;
        let defaults = [
            ("step", "\"never\"".to_owned()),
            ("panic", "\"none\"".to_owned()),
            ("max_distance", values::duration(3.0)),
            ("max_slew", values::ppm(1e6 / 12.0)),
        ];
        for (key, value) in defaults {
            if draft.value("clock", key).is_none() {
                draft.set("clock", key, value, None);
            }
        }
        if draft.value("control", "chronyc_socket").is_none() {
            draft.set("control", "chronyc_socket", "\"/run/chrony/chronyd.sock\"".into(), None);
        }
        if self.later.no_command_port {
            draft.unset("control", "chronyc_port");
        } else if draft.value("control", "chronyc_port").is_none() {
            draft.set("control", "chronyc_port", "323".into(), None);
        }
    }
}

#[cfg(test)]
mod tests;
