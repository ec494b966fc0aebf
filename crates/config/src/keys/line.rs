//! Lines of a key file, cut into words.

use super::decode;

/// Most words of a line that has a meaning: identifier, type, key, addresses.
const MOST_WORDS: usize = 4;

/// A place in the file, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

/// A word and where it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) place: Place,
}

/// A line with something on it, without its comment.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    pub(super) number: usize,
    /// One more than a line may have shows that there are too many.
    pub(super) words: Vec<Word<'a>>,
    /// A comment followed the words.
    commented: bool,
    /// It is a comment that begins with a character that only chrony takes for one.
    foreign_comment: bool,
}

/// All lines with something on them. A comment that is a line of its own begins with `#`, and with `!`, `;` or `%` in
/// chrony's files.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let split = bytes.split(|&byte| byte == b'\n').enumerate();
    let lines = split.map(|(index, text)| Line::new(index + 1, text));
    lines.filter(|line| !line.words.is_empty() || line.foreign_comment)
}

impl<'a> Line<'a> {
    fn new(number: usize, text: &'a [u8]) -> Self {
        let mut line = Self { number, words: Vec::new(), commented: false, foreign_comment: false };
        let mut column = 1;
        for bytes in text.split(|byte| byte.is_ascii_whitespace()) {
            let place = Place { line: number, column };
            column += bytes.len() + 1;
            // A key may begin with it in chrony's files; where no key can be, it begins a comment.
            match (bytes.first(), line.words.len()) {
                (None, _) => continue,
                (Some(b'#'), 0) => return line,
                (Some(b'!' | b';' | b'%'), 0) => return Self { foreign_comment: true, ..line },
                (Some(b'#'), 3..) => return Self { commented: true, ..line },
                (Some(_), 0..=MOST_WORDS) => line.words.push(Word { bytes, place }),
                (Some(_), _) => {}
            }
        }
        line
    }

    pub(super) fn start(&self) -> Place {
        Place { line: self.number, column: self.words.first().map_or(1, |word| word.place.column) }
    }

    /// The word after the last one.
    pub(super) fn end(&self) -> Place {
        let column = self.words.last().map_or(1, |word| word.place.column + word.bytes.len());
        Place { line: self.number, column }
    }

    /// Whether only chrony would write it.
    pub(super) fn is_chronys(&self) -> bool {
        let key = match self.words.as_slice() {
            [_, key] | [_, _, key] => key,
            _ => return self.foreign_comment,
        };
        let prefixed = decode::prefixed(key.bytes).is_some();
        self.words.len() == 2 || prefixed || self.type_name().is_some_and(decode::is_chronys)
    }

    /// Whether only ntpd would.
    pub(super) fn is_ntpds(&self) -> bool {
        let listed = self.words.len() == MOST_WORDS;
        let named = self.words.len() >= 3 && self.type_name().is_some_and(decode::is_ntpds);
        self.commented || listed || named
    }

    fn type_name(&self) -> Option<&'a [u8]> {
        self.words.get(1).filter(|_| self.words.len() > 2).map(|word| word.bytes)
    }
}
