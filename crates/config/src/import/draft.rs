//! Our file while it is made: sections, keys and values, each with the line that it comes from.

use std::fmt::Write as _;

use super::work::At;
use super::{Dialect, LineReport, Verdict};

/// Where something stands in the draft: section, key, entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    block: usize,
    entry: Option<usize>,
    element: Option<usize>,
}

impl Place {
    /// All of it.
    pub(super) const EVERYTHING: Self = Self { block: usize::MAX, entry: None, element: None };
}

/// A value as TOML.
#[derive(Clone, Debug)]
enum Value {
    One(String),
    List(Vec<(String, Option<At>)>),
}

#[derive(Clone, Debug)]
struct Entry {
    key: String,
    value: Value,
    at: Option<At>,
}

#[derive(Clone, Debug)]
struct Block {
    section: &'static str,
    entries: Vec<Entry>,
    at: Option<At>,
}

impl Block {
    /// The lines that it comes from.
    fn lines(&self) -> Vec<At> {
        let of_entry = |entry: &Entry| match &entry.value {
            Value::List(list) => list.iter().filter_map(|(_, at)| *at).collect(),
            Value::One(_) => entry.at.into_iter().collect::<Vec<At>>(),
        };
        self.at.into_iter().chain(self.entries.iter().flat_map(of_entry)).collect()
    }
}

/// The draft.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    blocks: Vec<Block>,
}

/// A draft as text.
pub(super) struct Written {
    pub(super) toml: String,
    /// By line: what stands there, and where it comes from.
    pub(super) places: Vec<Option<(Place, Option<At>)>>,
}

/// Sections in the order in which people want to read them.
const ORDER: &[&str] = &[
    "source",
    "serve",
    "serve.nts",
    "clock",
    "selection",
    "keys",
    "nts",
    "local",
    "network",
    "control",
    "logs",
    "daemon",
];

/// A string as TOML.
pub(super) fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => _ = write!(out, "\\u{:04X}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Draft {
    /// Begins a source; its index.
    pub(super) fn source(&mut self, at: At) -> usize {
        self.blocks.push(Block { section: "source", entries: Vec::new(), at: Some(at) });
        self.blocks.len() - 1
    }

    /// All sources.
    pub(super) fn sources(&self) -> Vec<usize> {
        let sources = self.blocks.iter().enumerate().filter(|(_, block)| block.section == "source");
        sources.map(|(index, _)| index).collect()
    }

    /// Sets a key of a source.
    pub(super) fn set_of(&mut self, source: usize, key: &str, value: String, at: Option<At>) {
        if let Some(block) = self.blocks.get_mut(source) {
            put(block, key, value, at);
        }
    }

    /// What a key of a source is set to, as TOML.
    pub(super) fn value_of(&self, source: usize, key: &str) -> Option<&str> {
        value(self.blocks.get(source)?, key)
    }

    /// The line that a source comes from.
    pub(super) fn origin_of(&self, source: usize) -> Option<At> {
        self.blocks.get(source)?.at
    }

    fn block(&mut self, section: &'static str, at: Option<At>) -> Option<&mut Block> {
        if !self.has(section) {
            self.blocks.push(Block { section, entries: Vec::new(), at });
        }
        self.blocks.iter_mut().find(|block| block.section == section)
    }

    /// Whether there is such a section.
    pub(super) fn has(&self, section: &str) -> bool {
        self.blocks.iter().any(|block| block.section == section)
    }

    /// What a key is set to, as TOML.
    pub(super) fn value(&self, section: &str, key: &str) -> Option<&str> {
        value(self.blocks.iter().find(|block| block.section == section)?, key)
    }

    /// Begins a section.
    pub(super) fn begin(&mut self, section: &'static str, at: At) {
        self.block(section, Some(at));
    }

    /// Sets a key; where it was set before, if it was.
    pub(super) fn set(
        &mut self,
        section: &'static str,
        key: &str,
        value: String,
        at: Option<At>,
    ) -> Option<Option<At>> {
        self.block(section, at).and_then(|block| put(block, key, value, at))
    }

    /// Takes a key out again.
    pub(super) fn unset(&mut self, section: &str, key: &str) {
        for block in self.blocks.iter_mut().filter(|block| block.section == section) {
            block.entries.retain(|entry| entry.key != key);
        }
    }

    /// Adds to a list, which one entry is not in twice.
    pub(super) fn push(&mut self, section: &'static str, key: &str, value: String, at: Option<At>) {
        let Some(block) = self.block(section, at) else { return };
        let entry = block.entries.iter_mut().find(|entry| entry.key == key);
        match entry.map(|entry| &mut entry.value) {
            Some(Value::List(list)) => {
                if !list.iter().any(|(known, _)| *known == value) {
                    list.push((value, at));
                }
            }
            _ => {
                let value = Value::List(vec![(value, at)]);
                block.entries.push(Entry { key: key.to_owned(), value, at });
            }
        }
    }

    /// Takes out what stands at these places; the lines of which something went with the section that it was in, and
    /// of which nothing is left.
    pub(super) fn remove(&mut self, places: &[Place]) -> Vec<At> {
        let mut places = places.to_vec();
        let mut lost: Vec<At> = Vec::new();
        if places.contains(&Place::EVERYTHING) {
            self.blocks.clear();
            return lost;
        }
        places.sort_unstable();
        places.dedup();
        // From the end, so that indices stay what they are. `None` sorts first: a whole goes after its parts.
        let mut gone = None;
        for place in places.iter().rev().filter(|place| place.block != usize::MAX) {
            if gone == Some(place.block) {
                continue;
            }
            let Some(block) = self.blocks.get_mut(place.block) else { continue };
            let Some(index) = place.entry.filter(|index| !carries_the_section(block, *index)) else {
                lost.extend(self.blocks.remove(place.block).lines());
                gone = Some(place.block);
                continue;
            };
            match (block.entries.get_mut(index).map(|entry| &mut entry.value), place.element) {
                (Some(Value::List(list)), Some(element)) if element < list.len() && list.len() > 1 => {
                    list.remove(element);
                }
                (Some(_), _) => _ = block.entries.remove(index),
                (None, _) => {}
            }
        }
        let left: Vec<At> = self.blocks.iter().flat_map(Block::lines).collect();
        lost.retain(|at| !left.contains(at));
        lost
    }

    /// The draft as a file.
    pub(super) fn write(&self, dialect: Dialect, name: &str, lines: &[LineReport]) -> Written {
        let mut page = Page { toml: String::new(), places: Vec::new(), told: Vec::new(), lines };
        page.line(&format!("# Made of {} ({dialect}) by chimer import.", plain(name)), None);
        for section in ORDER {
            for (index, block) in
                self.blocks.iter().enumerate().filter(|(_, block)| block.section == *section)
            {
                page.block(index, block);
            }
        }
        page.rest();
        Written { toml: page.toml, places: page.places }
    }
}

/// Whether a section is better left out than without this key: nobody can do without a source's host, and without its
/// authentication, or a server's refusals, more would be believed or answered than was wanted.
fn carries_the_section(block: &Block, index: usize) -> bool {
    let carries: &[&str] = match block.section {
        "source" => &["server", "pool", "key", "nts", "nts.port", "nts.refresh"],
        "serve" => &["listen", "deny"],
        "logs" => &["dir", "files"],
        "serve.nts" => &["certificate", "private_key", "listen"],
        _ => &[],
    };
    block.entries.get(index).is_some_and(|entry| carries.contains(&entry.key.as_str()))
}

fn put(block: &mut Block, key: &str, value: String, at: Option<At>) -> Option<Option<At>> {
    let value = Value::One(value);
    if let Some(entry) = block.entries.iter_mut().find(|entry| entry.key == key) {
        let old = entry.at;
        (entry.value, entry.at) = (value, at);
        return Some(old);
    }
    block.entries.push(Entry { key: key.to_owned(), value, at });
    None
}

fn value<'b>(block: &'b Block, key: &str) -> Option<&'b str> {
    match &block.entries.iter().find(|entry| entry.key == key)?.value {
        Value::One(value) => Some(value),
        Value::List(_) => None,
    }
}

/// Text that may stand in a comment.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The file as it is written.
struct Page<'l> {
    toml: String,
    places: Vec<Option<(Place, Option<At>)>>,
    /// Lines whose fate stands in a comment already.
    told: Vec<At>,
    lines: &'l [LineReport],
}

impl Page<'_> {
    fn line(&mut self, text: &str, place: Option<(Place, Option<At>)>) {
        self.toml.push_str(text);
        self.toml.push('\n');
        self.places.push(place);
    }

    fn block(&mut self, index: usize, block: &Block) {
        let place = |entry, element| Place { block: index, entry, element };
        self.line("", None);
        self.tell(block.at);
        let heading = match block.section {
            "source" => "[[source]]".to_owned(),
            section => format!("[{section}]"),
        };
        self.line(&heading, Some((place(None, None), block.at)));
        for (number, entry) in block.entries.iter().enumerate() {
            let key = &entry.key;
            match &entry.value {
                Value::One(value) => {
                    self.tell(entry.at);
                    let note = if entry.at.is_none() { "  # as nothing else was said" } else { "" };
                    let place = place(Some(number), None);
                    self.line(&format!("{key} = {value}{note}"), Some((place, entry.at)));
                }
                Value::List(list) => {
                    self.line(&format!("{key} = ["), Some((place(Some(number), None), entry.at)));
                    for (element, (value, at)) in list.iter().enumerate() {
                        self.tell(*at);
                        let place = place(Some(number), Some(element));
                        self.line(&format!("    {value},"), Some((place, *at)));
                    }
                    self.line("]", Some((place(Some(number), None), entry.at)));
                }
            }
        }
    }

    /// A comment about the line that something comes from, if there is something to say.
    fn tell(&mut self, at: Option<At>) {
        let Some((at, line)) = at.and_then(|at| Some((at, self.lines.get(at)?))) else { return };
        if line.verdict >= Verdict::Changed && !self.told.contains(&at) {
            self.told.push(at);
            self.comment(line);
        }
    }

    fn comment(&mut self, line: &LineReport) {
        let (file, text) = (plain(&line.file), plain(line.text.trim()));
        self.line(&format!("# {file}:{} {}: {text}", line.line, line.verdict), None);
        for how in &line.how {
            self.line(&format!("#   {}", plain(how)), None);
        }
    }

    /// What left nothing behind.
    fn rest(&mut self) {
        let lost =
            |(at, line): &(At, &LineReport)| line.verdict > Verdict::Changed && !self.told.contains(at);
        let lost: Vec<_> = self.lines.iter().enumerate().filter(lost).map(|(_, line)| line).collect();
        if !lost.is_empty() {
            self.line("", None);
            self.line("# Not taken over:", None);
        }
        for line in lost {
            self.comment(line);
        }
    }
}
