//! The text of a configuration file and the places in it.

use std::ops::Range;

/// A file's text under the name that messages use for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Document {
    /// Line and column (in characters) of a byte, both from 1.
    pub(crate) fn position(&self, byte: usize) -> (usize, usize) {
        let before = self.before(byte);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        (line, before.get(line_start..).map_or(0, |rest| rest.chars().count()) + 1)
    }

    /// The nearest range that lies in the text, on character boundaries, and within one line.
    pub(crate) fn clip(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.before(span.start).len();
        let end = self.before(span.end).len().max(start);
        let inside = self.text.get(start..end).unwrap_or("");
        let line = inside.find('\n').unwrap_or(inside.len());
        start..start + line
    }

    /// The longest line that the range touches, in bytes.
    pub(crate) fn line_len(&self, byte: usize) -> usize {
        let before = self.before(byte);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = self.text.get(start..).unwrap_or("");
        rest.find('\n').unwrap_or(rest.len())
    }

    fn before(&self, byte: usize) -> &str {
        let mut end = byte.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.get(..end).unwrap_or("")
    }
}
