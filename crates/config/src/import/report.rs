//! What became of a line.

use std::fmt;

use serde::Serialize;

/// What became of a line. The later, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It says nothing, or nothing that is needed here: no harm is done.
    Ignored,
    /// It holds as it is.
    Kept,
    /// It holds in another way.
    Changed,
    /// It asks for something that we cannot do yet; the report says what happens instead.
    NotYet,
    /// It asks for something that there is not going to be, or that cannot be; the report says what to do.
    Impossible,
    /// The program that it is for would not accept it.
    Wrong,
}

impl Verdict {
    /// Whether something that the line asks for is lost.
    pub fn is_loss(self) -> bool {
        matches!(self, Self::NotYet | Self::Impossible)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ignored => "ignored",
            Self::Kept => "kept",
            Self::Changed => "changed",
            Self::NotYet => "not yet",
            Self::Impossible => "impossible",
            Self::Wrong => "wrong",
        })
    }
}

/// A line of the imported file, or of a file that it includes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineReport {
    /// The file that it is in.
    pub file: String,
    /// Its number, from 1.
    pub line: usize,
    /// The line as it is, without control characters.
    pub text: String,
    /// The worst that became of any part of it.
    pub verdict: Verdict,
    /// What became of its parts, where that needs words.
    pub how: Vec<String>,
    /// What is dangerous about it, here or there.
    pub dangers: Vec<String>,
}

impl LineReport {
    /// Whether the line is empty or a comment.
    pub fn is_blank(&self) -> bool {
        self.verdict == Verdict::Ignored && self.how.is_empty()
    }
}
