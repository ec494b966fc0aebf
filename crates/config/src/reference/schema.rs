//! What a format of files knows: its sections, keys and the words of others. The daemon's configuration is one such
//! format; another that is read by the same [`Reader`](crate::reader::Reader) has the same quality of messages.

use super::{Key, Section};

/// A format of TOML files.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// All sections.
    pub sections: &'static [Section],
    /// Tables of keys; keys of sections that are not in `sections` are ignored, so that formats can share a table.
    pub keys: &'static [&'static [Key]],
    /// Sections and names of keys that these tables have and the format does not.
    pub without: &'static [(&'static str, &'static str)],
    /// Words that people write by mistake, and what to write instead, with the section: ``("host", "`server` in [[source]]")``.
    pub foreign: &'static [(&'static str, &'static str)],
}

impl Schema {
    /// All keys of the sections that there are.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static Key> + use<'_> {
        let known = |key: &&Key| self.knows(key.section) && !self.without.contains(&(key.section, key.name));
        self.keys.iter().copied().flatten().filter(known)
    }

    /// Whether there is such a section.
    pub(crate) fn knows(&self, section: &str) -> bool {
        self.sections.iter().any(|known| known.name == section)
    }

    /// The keys of a section that stand at its top, or after `prefix.`.
    pub(crate) fn names(&self, section: &str, prefix: &str) -> impl Iterator<Item = &'static str> + use<'_> {
        let (section, prefix) = (section.to_owned(), prefix.to_owned());
        self.keys().filter(move |key| key.section == section).filter_map(move |key| {
            let rest = match prefix.as_str() {
                "" => key.name,
                _ => key.name.strip_prefix(prefix.as_str())?.strip_prefix('.')?,
            };
            (!rest.contains('.')).then_some(rest)
        })
    }

    /// The key of this section and full name.
    pub(crate) fn find(&self, section: &str, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.section == section && key.name == name)
    }

    /// `[[source]]` or `[clock]`.
    pub(crate) fn heading(&self, name: &str) -> String {
        let repeated = self.sections.iter().any(|section| section.name == name && section.repeated);
        if repeated { format!("[[{name}]]") } else { format!("[{name}]") }
    }
}
