//! Values out of a TOML document, each checked against the table of keys, with all faults collected instead of
//! the first one only: that is why the document is walked here and not deserialised by derived code.

mod quantity;
mod tables;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::address::Fault;
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::reference::{Key, Kind, Schema};
use crate::rules::{self, Rule};
use crate::text::quote;

pub use tables::Root;

/// No more than this many findings of one file are kept.
const MOST_FINDINGS: usize = 50;

/// Where the keys of a file stand, by path, such as `clock.step.above` or `source[2].poll`; the section itself
/// by its bare path.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Places(BTreeMap<String, Range<usize>>);

impl Places {
    /// Notes where something stands.
    pub(crate) fn insert(&mut self, path: String, span: Range<usize>) {
        self.0.insert(path, span);
    }

    /// Whether the file has this key.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Where the key stands, or else its section, or else the start of the file.
    pub(crate) fn of(&self, path: &str) -> Range<usize> {
        let mut path = path;
        loop {
            if let Some(place) = self.0.get(path) {
                return place.clone();
            }
            match path.rfind('.') {
                Some(dot) => path = path.get(..dot).unwrap_or(""),
                None => return 0..0,
            }
        }
    }
}

/// Takes values out of a file and collects what is wrong. What is wrong with a value is reported, and the value
/// missing then: the methods return `None` for a value that the file does not have and for one that is no good.
pub struct Reader {
    pub(crate) schema: &'static Schema,
    pub(crate) document: Arc<Document>,
    pub(crate) found: Vec<Diagnostic>,
    pub(crate) places: Places,
}

/// A table of the file: a section or a table in it.
pub struct Table<'a> {
    schema: &'static Schema,
    section: &'static str,
    prefix: &'static str,
    /// Its place in the file, as `source[2]` or `clock.step`.
    pub(crate) path: String,
    pub(crate) span: Range<usize>,
    table: &'a DeTable<'a>,
}

/// A key with its value.
#[derive(Clone)]
pub(crate) struct Item<'a> {
    pub(crate) key: &'static Key,
    /// As messages call it: the key's name, or that of the key of which it is the short form.
    pub(crate) name: &'static str,
    pub(crate) span: Range<usize>,
    pub(crate) value: &'a DeValue<'a>,
}

impl<'a> Table<'a> {
    /// Whether the file has this key.
    pub fn has(&self, name: &str) -> bool {
        self.table.get(name).is_some()
    }

    /// As it is called in messages: `[serve]`, or `[serve.nts]` for a table in it.
    pub(crate) fn heading(&self) -> String {
        match self.prefix {
            "" => self.schema.heading(self.section),
            prefix => format!("[{}.{prefix}]", self.section),
        }
    }

    /// What the table of keys says of this key.
    fn key(&self, name: &str) -> Option<&'static Key> {
        let full = if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) };
        self.schema.find(self.section, &full)
    }

    /// The key's value, if the file has it.
    pub(crate) fn item(&self, name: &str) -> Option<Item<'a>> {
        let key = self.key(name)?;
        let value = self.table.get(name)?;
        Some(Item { key, name: key.name, span: value.span(), value: value.get_ref() })
    }
}

impl Item<'_> {
    /// For messages.
    pub(crate) fn name(&self) -> String {
        format!("`{}`", self.name)
    }
}

/// `a string`, `an integer` and so on.
pub(crate) fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl Reader {
    pub(crate) fn new(schema: &'static Schema, document: Arc<Document>) -> Self {
        Self { schema, document, found: Vec::new(), places: Places::default() }
    }

    pub(crate) fn at(
        &self,
        rule: &'static Rule,
        span: &Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::new(rule, &self.document, span.clone(), message.into())
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.found.len() < MOST_FINDINGS {
            self.found.push(diagnostic);
        }
    }

    /// Remembers where something stands.
    pub(crate) fn place(&mut self, path: String, span: Range<usize>) {
        self.places.0.insert(path, span);
    }

    /// The text there as it was written, if it is fit to be quoted.
    pub(crate) fn written(&self, span: &Range<usize>) -> Option<&str> {
        let text = self.document.text.get(span.clone())?;
        (text.len() <= 60 && !text.contains(char::is_control)).then_some(text)
    }

    pub(crate) fn push_fault(&mut self, item: &Item<'_>, fault: Fault) {
        let diagnostic = self.at(fault.rule, &item.span, fault.message);
        self.push(diagnostic.label(format!("in {}", item.name())).help(fault.help));
    }

    /// A table whose keys are those that the table of keys knows; others are reported.
    pub(crate) fn open<'a>(
        &mut self,
        section: &'static str,
        prefix: &'static str,
        path: String,
        span: Range<usize>,
        table: &'a DeTable<'a>,
    ) -> Table<'a> {
        self.places.0.insert(path.clone(), span.clone());
        for (key, value) in table {
            if self.schema.names(section, prefix).any(|known| known == key.get_ref()) {
                self.places.0.insert(format!("{path}.{}", key.get_ref()), value.span());
            } else {
                let diagnostic = crate::unknown::key(self, section, prefix, key);
                self.push(diagnostic);
            }
        }
        Table { schema: self.schema, section, prefix, path, span, table }
    }

    /// Reports a value of the wrong type.
    pub(crate) fn wrong_type(&mut self, item: &Item<'_>, help: Option<String>) {
        let message = format!("{} must be {}", item.name(), item.key.kind.describe());
        let mut diagnostic = self.at(&rules::WRONG_TYPE, &item.span, message).label(match item.value {
            // A table's span is its header's when it is a section of its own: "this" reads well for both.
            DeValue::Table(_) => "this is a table".to_owned(),
            value => format!("this is {}", type_of(value)),
        });
        diagnostic.help = help.or_else(|| {
            let DeValue::String(text) = item.value else { return None };
            let unquoted =
                matches!(item.key.kind, Kind::Boolean | Kind::Integer { .. } | Kind::Number { .. });
            let plain = unquoted && !text.is_empty() && text.len() < 20;
            let plain = plain && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
            let text = match (item.key.kind, text.to_ascii_lowercase().as_str()) {
                (Kind::Boolean, "true" | "yes" | "on" | "1") => "true",
                (Kind::Boolean, "false" | "no" | "off" | "0") => "false",
                (Kind::Boolean, _) => return None,
                _ if item.key.name.starts_with("poll.") && text.parse::<i8>().is_err() => {
                    return Some("write the exponent of two, without quotes: 6 is 64 s".to_owned());
                }
                _ if text.parse::<f64>().is_err() => return None,
                _ => text.as_ref(),
            };
            plain.then(|| format!("write it without quotes: {}", last(item.name).to_owned() + " = " + text))
        });
        self.push(diagnostic);
    }

    fn out_of_range(&mut self, item: &Item<'_>) {
        let message = format!("{} must be {}", item.name(), item.key.kind.describe());
        let diagnostic = self.at(&rules::OUT_OF_RANGE, &item.span, message).label("out of range");
        self.push(diagnostic);
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, table: &Table<'_>, name: &str) -> Option<bool> {
        let item = table.item(name)?;
        match item.value {
            DeValue::Boolean(value) => Some(*value),
            _ => {
                self.wrong_type(&item, None);
                None
            }
        }
    }

    /// `Some(None)` stands for the word that the key knows instead of a number.
    pub(crate) fn integer_or_word(&mut self, table: &Table<'_>, name: &str) -> Option<Option<i64>> {
        let item = table.item(name)?;
        let Kind::Integer { min, max, or } = item.key.kind else { return None };
        match item.value {
            DeValue::Integer(digits) => {
                let value = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
                let legal = value.filter(|value| (min..=max).contains(value));
                if legal.is_none() {
                    self.out_of_range(&item);
                }
                legal.map(Some)
            }
            DeValue::String(text) if or == Some(text.as_ref()) => Some(None),
            DeValue::String(text) if or.is_some() => {
                let text = text.to_string();
                self.bad_word(&item, &text, or.as_slice());
                None
            }
            _ => {
                self.wrong_type(&item, None);
                None
            }
        }
    }

    /// An integer.
    pub fn integer<T: TryFrom<i64>>(&mut self, table: &Table<'_>, name: &str) -> Option<T> {
        self.integer_or_word(table, name).flatten().and_then(|value| T::try_from(value).ok())
    }

    /// A number.
    pub fn number(&mut self, table: &Table<'_>, name: &str) -> Option<f64> {
        let item = table.item(name)?;
        let Kind::Number { min, max } = item.key.kind else { return None };
        let value: Option<f64> = match item.value {
            DeValue::Float(digits) => digits.as_str().parse().ok(),
            DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str().parse().ok(),
            _ => {
                self.wrong_type(&item, None);
                return None;
            }
        };
        let legal = value.filter(|value| (min..=max).contains(value));
        if legal.is_none() {
            self.out_of_range(&item);
        }
        legal
    }

    pub(crate) fn text<'a>(&mut self, item: &Item<'a>) -> Option<&'a str> {
        match item.value {
            DeValue::String(text) => Some(text.as_ref()),
            _ => {
                self.wrong_type(item, None);
                None
            }
        }
    }

    /// One of the words that the key knows.
    pub fn word(&mut self, table: &Table<'_>, name: &str) -> Option<&'static str> {
        let item = table.item(name)?;
        let Kind::Word(words) = item.key.kind else { return None };
        let text = self.text(&item)?;
        let known = words.iter().find(|word| **word == text).copied();
        if known.is_none() {
            self.bad_word(&item, text, words);
        }
        known
    }

    /// Reports a word that the key does not know.
    pub(crate) fn bad_word(&mut self, item: &Item<'_>, text: &str, words: &[&str]) {
        let message = format!("{} must be {}, not {}", item.name(), item.key.kind.describe(), quote(text));
        let mut diagnostic = self.at(&rules::BAD_WORD, &item.span, message);
        let meant = crate::text::nearest(text, words.iter().copied());
        diagnostic.help = meant.map(|word| format!("did you mean \"{word}\"?"));
        self.push(diagnostic);
    }

    /// The elements of a list of at most `most`.
    pub(crate) fn list<'a>(&mut self, item: &Item<'a>, most: usize) -> Option<Vec<Item<'a>>> {
        let DeValue::Array(values) = item.value else {
            let help = matches!(item.value, DeValue::String(_)).then(|| {
                let text = self.written(&item.span).unwrap_or("…");
                format!("write it as a list: {} = [{text}]", last(item.name))
            });
            self.wrong_type(item, help);
            return None;
        };
        if values.len() > most {
            let message = format!("{} has {} entries", item.name(), values.len());
            let diagnostic = self.at(&rules::TOO_MANY, &item.span, message).label(format!("at most {most}"));
            self.push(diagnostic);
            return None;
        }
        let element = |value: &'a Spanned<DeValue<'a>>| Item {
            key: item.key,
            name: item.name,
            span: value.span(),
            value: value.get_ref(),
        };
        Some(values.iter().map(element).collect())
    }
}

/// `above` of `step.above`.
pub(crate) fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
