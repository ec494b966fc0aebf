//! `[logs]`.

use std::path::PathBuf;

use toml::de::DeValue;

use super::{path, set};
use crate::reader::{Reader, Table};
use crate::rules;

/// `[logs]`: files for scripts that read those of chronyd or ntpd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// `dir`: where they are.
    pub folder: PathBuf,
    /// `files`: which of [`LOGS`].
    pub files: Vec<&'static str>,
    /// `banner`: lines between two explanations of the columns in chrony's files; 0 writes none.
    pub banner: u32,
}

/// What can be written: first chrony's, then ntpd's.
pub const LOGS: &[&str] = &[
    "measurements",
    "rawmeasurements",
    "statistics",
    "tracking",
    "selection",
    "loopstats",
    "peerstats",
    "rawstats",
    "sysstats",
];

pub(crate) fn read_logs(reader: &mut Reader, table: &Table<'_>) -> Option<Logs> {
    reader.require(table, "dir");
    reader.require(table, "files");
    let folder = path(reader, table, "dir").flatten();
    let mut logs = Logs { folder: folder.clone().unwrap_or_default(), files: Vec::new(), banner: 32 };
    set(&mut logs.banner, reader.integer(table, "banner"));
    let item = table.item("files")?;
    for entry in reader.list(&item, LOGS.len())? {
        let Some(text) = reader.text(&entry) else { continue };
        match LOGS.iter().find(|log| **log == text) {
            Some(log) if logs.files.contains(log) => {
                let message = format!("`logs.files` has \"{log}\" twice");
                let diagnostic = reader.at(&rules::DUPLICATE_ENTRY, &entry.span, message);
                reader.push(diagnostic.help("leave one of them out"));
            }
            Some(log) => logs.files.push(log),
            None => reader.bad_word(&entry, text, LOGS),
        }
    }
    if let DeValue::Array(entries) = item.value
        && entries.is_empty()
    {
        let message = "`logs.files` names none, so nothing would be written";
        let diagnostic = reader.at(&rules::MISSING_KEY, &item.span, message.to_owned());
        reader.push(diagnostic.help("name what is wanted, or drop [logs]"));
    }
    folder.map(|_| logs)
}
