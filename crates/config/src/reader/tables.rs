//! Tables out of a file: sections, repeated sections, and tables that are values.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Item, Reader, Table, type_of};
use crate::rules::{self, Rule};
use crate::text::quote;
use crate::unknown::{self, Top};

/// The whole file.
#[derive(Clone, Copy)]
pub struct Root<'a>(pub(crate) &'a DeTable<'a>);

impl Root<'_> {
    /// Whether the file has this section, and in it this key with something else than `false`.
    pub(crate) fn has(&self, section: &str, name: &str) -> bool {
        let table = self.0.get(section).and_then(|value| value.get_ref().as_table());
        table.and_then(|table| table.get(name)).is_some_and(|value| value.get_ref().as_bool() != Some(false))
    }
}

impl Reader {
    /// Reports sections that the format does not know.
    pub(crate) fn check_sections(&mut self, root: Root<'_>) {
        for (key, value) in root.0 {
            let name = key.get_ref().as_ref();
            if self.schema.knows(name) {
                continue;
            }
            let top = match value.get_ref() {
                DeValue::Table(_) => Top::Section,
                DeValue::Array(entries) if entries.iter().any(|entry| entry.get_ref().is_table()) => {
                    Top::List
                }
                _ => Top::Key,
            };
            let diagnostic = unknown::section(self, name, &key.span(), top);
            self.push(diagnostic);
        }
    }

    /// A section that stands once.
    pub fn section<'a>(&mut self, root: Root<'a>, name: &'static str) -> Option<Table<'a>> {
        let value: &Spanned<DeValue<'a>> = root.0.get(name)?;
        let heading = self.schema.heading(name);
        match value.get_ref() {
            DeValue::Table(table) => Some(self.open(name, "", name.to_owned(), value.span(), table)),
            other => {
                let message = match other {
                    DeValue::Array(_) => format!("{heading} stands once"),
                    _ => format!("{} is a section, not {}", quote(name), type_of(other)),
                };
                let diagnostic = self.at(&rules::WRONG_SECTION, &value.span(), message);
                let help = format!("write {heading}, in single brackets, and its keys below");
                self.push(diagnostic.help(help));
                None
            }
        }
    }

    /// A section that may be repeated, at most so often.
    pub fn sections<'a>(&mut self, root: Root<'a>, name: &'static str, most: usize) -> Vec<Table<'a>> {
        let Some(value) = root.0.get(name) else { return Vec::new() };
        let tables: Vec<(Range<usize>, &DeTable<'_>)> = match value.get_ref() {
            DeValue::Array(entries) if entries.iter().all(|entry| entry.get_ref().is_table()) => entries
                .iter()
                .filter_map(|entry| entry.get_ref().as_table().map(|table| (entry.span(), table)))
                .collect(),
            other => {
                let message = match other {
                    DeValue::Table(_) => format!("{name}s are a list, as there can be several"),
                    _ => format!("`{name}` must be a list of tables, not {}", type_of(other)),
                };
                let diagnostic = self.at(&rules::WRONG_SECTION, &value.span(), message);
                self.push(
                    diagnostic.help(format!("write [[{name}]], in double brackets, above each {name}")),
                );
                return Vec::new();
            }
        };
        if tables.len() > most {
            let message = format!("there are {} {name}s", tables.len());
            let place = tables.get(most).map_or(value.span(), |(span, _)| span.clone());
            let diagnostic = self.at(&rules::TOO_MANY, &place, message).label("one too many");
            self.push(diagnostic.help(format!("at most {most} are possible")));
            return Vec::new();
        }
        let tables = tables.into_iter().enumerate();
        tables
            .map(|(index, (span, table))| self.open(name, "", format!("{name}[{index}]"), span, table))
            .collect()
    }

    /// The table that is the value of this key, if the file has it.
    pub fn table<'a>(&mut self, table: &Table<'a>, name: &str) -> Option<Table<'a>> {
        let item = table.item(name)?;
        self.subtable(table, &item)
    }

    /// The tables in the list that is the value of this key, at most so many; none if the file does not have it.
    pub fn tables<'a>(&mut self, table: &Table<'a>, name: &str, most: usize) -> Vec<Table<'a>> {
        let Some(item) = table.item(name) else { return Vec::new() };
        let Some(entries) = self.list(&item, most) else { return Vec::new() };
        entries.iter().filter_map(|entry| self.subtable(table, entry)).collect()
    }

    /// The table that is the value of this key; anything else is reported.
    pub(crate) fn subtable<'a>(&mut self, table: &Table<'a>, item: &Item<'a>) -> Option<Table<'a>> {
        let DeValue::Table(inner) = item.value else {
            self.wrong_type(item, None);
            return None;
        };
        let name = item.key.name;
        Some(self.open(table.section, name, format!("{}.{name}", table.path), item.span.clone(), inner))
    }

    /// Reports what is wrong with a key of a table, or with the table if it does not have the key.
    pub fn fault(
        &mut self,
        rule: &'static Rule,
        table: &Table<'_>,
        name: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let span = table.item(name).map_or_else(|| table.span.clone(), |item| item.span);
        let diagnostic = self.at(rule, &span, message).help(help);
        self.push(diagnostic);
    }

    /// Reports what is wrong with the file as a whole.
    pub fn fault_of_file(
        &mut self,
        rule: &'static Rule,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let diagnostic = self.at(rule, &(0..0), message).help(help);
        self.push(diagnostic);
    }

    /// Reports a key that a table cannot do without, if it is not there.
    pub fn require(&mut self, table: &Table<'_>, name: &str) {
        let Some(key) = table.key(name) else { return };
        if table.item(name).is_none() {
            let place = match table.prefix {
                "" => self.schema.heading(table.section),
                prefix => format!("`{prefix}` of {}", self.schema.heading(table.section)),
            };
            let message = format!("{place} needs `{name}`");
            self.fault(&rules::MISSING_KEY, table, name, message, format!("write {name} = {}", key.example));
        }
    }
}
