//! Keys and sections that do not exist: what was meant instead.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeString;

use crate::diagnostic::Diagnostic;
use crate::reader::Reader;
use crate::reference::Schema;
use crate::rules;
use crate::text::{nearest, quote};

/// Says that a section has no such key.
pub(crate) fn key(
    reader: &Reader,
    section: &'static str,
    prefix: &str,
    key: &Spanned<DeString<'_>>,
) -> Diagnostic {
    let name = key.get_ref();
    let place = match prefix {
        "" => reader.schema.heading(section),
        _ => format!("{prefix} of {}", reader.schema.heading(section)),
    };
    let known: Vec<_> = reader.schema.names(section, prefix).collect();
    let diagnostic =
        reader.at(&rules::UNKNOWN_KEY, &key.span(), format!("{place} has no key {}", quote(name)));
    let elsewhere = reader.schema.keys().find(|key| key.name == name.as_ref() && key.section != section);
    let help = if let Some(here) = foreign(reader.schema, name) {
        format!("write {here}")
    } else if let Some(meant) = nearest(name, known.iter().copied()) {
        format!("did you mean `{meant}`?")
    } else if let Some(other) = elsewhere {
        format!("`{}` belongs to {}", other.name, reader.schema.heading(other.section))
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
    let sources = reader.schema.knows("source");
    let known = reader.schema.sections.iter().map(|section| section.name);
    let help = if let (Top::List, "server" | "pool" | "peer", true) = (top, name, sources) {
        format!("write [[source]] with {} = \"…\" in it", if name == "pool" { "pool" } else { "server" })
    } else if let Some(meant) = nearest(name, known).filter(|_| top != Top::Key) {
        format!("did you mean {}?", reader.schema.heading(meant))
    } else if let Some(key) = reader.schema.keys().find(|key| key.name == name) {
        format!("`{name}` belongs into {}", reader.schema.heading(key.section))
    } else if let Some(here) = foreign(reader.schema, name) {
        format!("write {here}")
    } else {
        let listed: Vec<_> =
            reader.schema.sections.iter().map(|section| reader.schema.heading(section.name)).collect();
        format!("the sections are {}", listed.join(", "))
    };
    diagnostic.help(help)
}

/// What a word of another program's file is here.
pub(crate) fn foreign(schema: &Schema, name: &str) -> Option<&'static str> {
    let plain = name.to_ascii_lowercase().replace('-', "_");
    schema.foreign.iter().find(|(word, _)| *word == plain).map(|(_, here)| *here)
}
