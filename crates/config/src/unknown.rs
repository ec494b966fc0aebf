//! Keys and sections that do not exist: what was meant instead.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeString;

use crate::diagnostic::Diagnostic;
use crate::reader::Reader;
use crate::reference::{self, KEYS, SECTIONS};
use crate::rules;
use crate::text::{nearest, quote};

/// Words of other programs' files and what they are here.
const FOREIGN: &[(&str, &str)] = &[
    ("address", "`server` or `pool` in [[source]]"),
    ("host", "`server` or `pool` in [[source]]"),
    ("hostname", "`server` or `pool` in [[source]]"),
    ("mode", "`server = …` or `pool = …` in [[source]]"),
    ("count", "`size`, the number of members of a pool"),
    ("maxsources", "`size`, the number of members of a pool"),
    ("minpoll", "`poll = { min = …, max = … }` in [[source]]"),
    ("maxpoll", "`poll = { min = …, max = … }` in [[source]]"),
    ("poll_interval_limits", "`poll = { min = …, max = … }` in [[source]]"),
    ("maxdelay", "`max_delay` in [[source]]"),
    ("maxdelayratio", "`max_delay_ratio` in [[source]]"),
    ("makestep", "`step = { above = \"1s\", first = 3 }` in [clock]"),
    ("tinker", "`step` and `panic` in [clock]"),
    ("maxchange", "`panic` in [clock]"),
    ("maxslewrate", "`max_slew` in [clock]"),
    ("maxdistance", "`max_distance` in [clock]"),
    ("driftfile", "`frequency_file` in [clock]"),
    ("minsources", "`min_sources` in [selection]"),
    ("restrict", "`allow` and `deny` in [serve]"),
    ("bindaddress", "`listen` in [serve]"),
    ("listen_on", "`listen` in [serve]"),
];

/// Says that a section has no such key.
pub(crate) fn key(
    reader: &Reader,
    section: &'static str,
    prefix: &str,
    key: &Spanned<DeString<'_>>,
) -> Diagnostic {
    let name = key.get_ref();
    let place = match prefix {
        "" => heading(section),
        _ => format!("{prefix} of {}", heading(section)),
    };
    let known: Vec<_> = reference::names(section, prefix).collect();
    let diagnostic =
        reader.at(&rules::UNKNOWN_KEY, &key.span(), format!("{place} has no key {}", quote(name)));
    let elsewhere = KEYS.iter().find(|key| key.name == name.as_ref() && key.section != section);
    let help = if let Some(here) = foreign(name) {
        format!("write {here}")
    } else if let Some(meant) = nearest(name, known.iter().copied()) {
        format!("did you mean `{meant}`?")
    } else if let Some(other) = elsewhere {
        format!("`{}` belongs to {}", other.name, heading(other.section))
    } else {
        let listed: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        format!("its keys are {}", listed.join(", "))
    };
    diagnostic.help(help)
}

/// What stands at the top level.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Top {
    /// `key = value`
    Key,
    /// `[name]`
    Section,
    /// `[[name]]`
    List,
}

/// Says that there is no such section.
pub(crate) fn section(reader: &Reader, name: &str, span: &Range<usize>, top: Top) -> Diagnostic {
    let message = match top {
        Top::Key => format!("{} stands outside of any section", quote(name)),
        Top::Section | Top::List => format!("there is no section {}", quote(name)),
    };
    let diagnostic = reader.at(&rules::UNKNOWN_KEY, span, message);
    let known = SECTIONS.iter().map(|section| section.name);
    let help = if let (Top::List, "server" | "pool" | "peer") = (top, name) {
        format!("write [[source]] with {} = \"…\" in it", if name == "pool" { "pool" } else { "server" })
    } else if let Some(meant) = nearest(name, known).filter(|_| top != Top::Key) {
        format!("did you mean {}?", heading(meant))
    } else if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        format!("`{name}` belongs into {}", heading(key.section))
    } else if let Some(here) = foreign(name) {
        format!("write {here}")
    } else {
        let listed: Vec<_> = SECTIONS.iter().map(|section| heading(section.name)).collect();
        format!("the sections are {}", listed.join(", "))
    };
    diagnostic.help(help)
}

/// What a word of another program's file is here.
pub(crate) fn foreign(name: &str) -> Option<&'static str> {
    let plain = name.to_ascii_lowercase().replace('-', "_");
    FOREIGN.iter().find(|(word, _)| *word == plain).map(|(_, here)| *here)
}

/// `[[source]]` or `[clock]`.
pub(crate) fn heading(name: &str) -> String {
    let repeated = SECTIONS.iter().any(|section| section.name == name && section.repeated);
    if repeated { format!("[[{name}]]") } else { format!("[{name}]") }
}
