//! What came of an import.

use std::ops::Range;
use std::sync::Arc;

use super::draft::Written;
use super::work::At;
use super::{Dialect, LineReport, Verdict, advice};
use crate::document::Document;
use crate::rules::{self, RULES};
use crate::{Diagnostic, Parsed, parse};

/// Where a line of the report is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Origin {
    pub(super) file: usize,
    pub(super) span: Range<usize>,
}

/// What came of an import.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Whose file it was.
    pub dialect: Dialect,
    /// Our file. [`parse`](crate::parse()) reads it without an error.
    pub toml: String,
    /// Every line, with those of included files where they were included.
    pub lines: Vec<LineReport>,
    documents: Vec<Arc<Document>>,
    origins: Vec<Origin>,
    /// By line of `toml`: the line it comes from.
    sources: Vec<Option<At>>,
}

impl Imported {
    pub(super) fn new(
        dialect: Dialect,
        written: Written,
        lines: Vec<LineReport>,
        documents: Vec<Arc<Document>>,
        origins: Vec<Origin>,
    ) -> Self {
        let sources = written.places.iter().map(|place| place.and_then(|(_, at)| at)).collect();
        Self { dialect, toml: written.toml, lines, documents, origins, sources }
    }

    /// The worst that became of any line.
    pub fn worst(&self) -> Verdict {
        self.lines.iter().map(|line| line.verdict).max().unwrap_or(Verdict::Ignored)
    }

    /// Whether a line begins with this word, in any case.
    pub fn says(&self, word: &str) -> bool {
        let begins = |line: &LineReport| {
            line.text.split_whitespace().next().is_some_and(|w| w.eq_ignore_ascii_case(word))
        };
        self.lines.iter().any(begins)
    }

    /// What is wrong with the file, what of it is lost and what is dangerous, each at its line.
    pub fn findings(&self) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            let rule = match line.verdict {
                Verdict::Wrong => Some(&rules::FOREIGN_LINE),
                Verdict::NotYet | Verdict::Impossible => Some(&rules::LOST_LINE),
                Verdict::Ignored | Verdict::Kept | Verdict::Changed => None,
            };
            let about = rule.map(|rule| (rule, line.how.join("; ")));
            let dangers = line.dangers.iter().map(|danger| (&rules::DANGEROUS_LINE, danger.clone()));
            for (rule, message) in about.into_iter().chain(dangers) {
                findings.extend(self.at(rule, at, message));
            }
        }
        findings
    }

    fn at(&self, rule: &'static rules::Rule, at: At, message: String) -> Option<Diagnostic> {
        let origin = self.origins.get(at)?;
        let document = self.documents.get(origin.file)?;
        Some(Diagnostic::new(rule, document, origin.span.clone(), message))
    }

    /// Our file, read; its warnings point at the lines of the original, those that come from none at the file as a whole.
    ///
    /// # Errors
    /// Every line that the program whose file it is would not accept.
    pub fn parsed(&self, name: &str) -> Result<Parsed, Vec<Diagnostic>> {
        if self.worst() == Verdict::Wrong {
            let mut findings = self.findings();
            findings.retain(|finding| finding.rule == rules::FOREIGN_LINE.id);
            return Err(findings);
        }
        let mut parsed = parse::parse(&self.toml, name)?;
        for warning in &mut parsed.warnings {
            *warning = self.translate(warning.clone());
        }
        Ok(parsed)
    }

    /// Where the line of the original is that a line of `toml`, from 1, comes from.
    pub(crate) fn span_of(&self, line: usize) -> Range<usize> {
        let at = self.sources.get(line.saturating_sub(1)).copied().flatten();
        at.and_then(|at| self.origins.get(at)).map_or(0..0, |origin| origin.span.clone())
    }

    /// A finding about our file as one about the line of the original, with advice in the words of its program.
    #[must_use]
    pub fn translate(&self, finding: Diagnostic) -> Diagnostic {
        let Some(rule) = RULES.iter().find(|rule| rule.id == finding.rule) else { return finding };
        let at = self.sources.get(finding.line.saturating_sub(1)).copied().flatten();
        let mut moved = at
            .filter(|_| rule.id != rules::NO_SOURCE.id)
            .and_then(|at| self.at(rule, at, finding.message.clone()))
            // What no line says is about the whole file.
            .unwrap_or_else(|| Diagnostic::whole(rule, &finding.file, finding.message.clone()));
        moved.help = match advice::help(self.dialect, rule.id) {
            Some(help) => Some(help.to_owned()).filter(|help| !help.is_empty()),
            None => finding.help,
        };
        moved
    }

    /// Every finding about the file: what is wrong, lost or dangerous, and `advice`, which was found in our file. In the order
    /// of its lines; what is about the whole of it comes first.
    #[must_use]
    pub fn merge(&self, advice: Vec<Diagnostic>, name: &str) -> Vec<Diagnostic> {
        let back = |finding: Diagnostic| if finding.file == name { self.translate(finding) } else { finding };
        let mut findings = self.findings();
        findings.extend(advice.into_iter().map(back));
        let whole = |finding: &Diagnostic| finding.is_whole();
        findings.sort_by_key(|finding| (!whole(finding), finding.file != name, finding.line));
        findings
    }
}
