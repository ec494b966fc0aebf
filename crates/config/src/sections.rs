//! Each section of the file, from table to legal values.

mod clock;
mod doors;
mod logs;
mod nts;
mod rest;
mod serve;
mod source;

pub use clock::{Clock, read_clock};
pub(crate) use doors::check_doors;
pub(crate) use logs::read_logs;
pub use logs::{LOGS, Logs};
pub(crate) use nts::{read_nts, read_serve_nts};
pub use rest::read_selection;
pub(crate) use rest::{is_account, read_control, read_daemon, read_keys, read_local, read_network};
pub(crate) use serve::read_serve;
pub use source::read_options;
pub(crate) use source::{MOST_SOURCES, read_sources};

use std::path::PathBuf;

use toml::de::DeValue;

use crate::reader::{Item, Reader, Table};
use crate::reference::Kind;
use crate::rules;
use crate::text::quote;

/// Sets `target` if there is a value.
fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

/// A path, `Some(None)` for `false`.
pub(crate) fn path(reader: &mut Reader, table: &Table<'_>, name: &str) -> Option<Option<PathBuf>> {
    let item = table.item(name)?;
    match item.value {
        DeValue::Boolean(false) if !matches!(item.key.kind, Kind::NeededPath { .. }) => Some(None),
        _ => read_path(reader, &item).map(Some),
    }
}

/// Paths in a list, at most so many.
fn paths(reader: &mut Reader, table: &Table<'_>, name: &str, most: usize) -> Vec<PathBuf> {
    let Some(item) = table.item(name) else { return Vec::new() };
    let entries = reader.list(&item, most).unwrap_or_default();
    entries.iter().filter_map(|entry| read_path(reader, entry)).collect()
}

fn read_path(reader: &mut Reader, item: &Item<'_>) -> Option<PathBuf> {
    let (Kind::Path { longest } | Kind::NeededPath { longest } | Kind::Paths { longest, .. }) = item.key.kind
    else {
        return None;
    };
    let text = reader.text(item)?;
    let fault = if text.is_empty() {
        Some((
            "the path is empty".to_owned(),
            "write a path, or drop the key; where there may be none, `false` says so",
        ))
    } else if !text.starts_with('/') {
        Some((format!("{} is not an absolute path", quote(text)), "write the path from `/` on"))
    } else if text.len() > longest {
        Some((format!("the path has {} bytes", text.len()), "use a shorter one"))
    } else if text.contains(char::is_control) {
        Some((format!("{} has a control character in it", quote(text)), "use another path"))
    } else if text.split('/').any(|part| part == "..") {
        Some((format!("{} leads back up", quote(text)), "write the path without `..`"))
    } else {
        None
    };
    let Some((message, help)) = fault else { return Some(PathBuf::from(text)) };
    let label = format!("{} must be {}", item.name(), item.key.kind.describe());
    let diagnostic = reader.at(&rules::BAD_PATH, &item.span, message).label(label).help(help);
    reader.push(diagnostic);
    None
}

/// A duration or a word, where the value of `name` may also be a whole table (the caller handled that).
fn word_of<'a>(item: &Item<'a>) -> Option<&'a str> {
    match item.value {
        DeValue::String(text) => Some(text.as_ref()),
        _ => None,
    }
}
