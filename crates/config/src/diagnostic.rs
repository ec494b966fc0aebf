//! What is wrong with a file: where, why, and what to write instead.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use crate::document::Document;
use crate::rules::Rule;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Works, but is likely not what is wanted.
    Warning,
    /// The configuration cannot be used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnostic {
    /// Identifier of the rule, stable between releases: `C…` for what makes a file unusable, `L…` for advice.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The file as it was named.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What to do about it.
    pub help: Option<String>,
    /// The document and section that asks for it.
    pub clause: Option<&'static str>,
    #[serde(skip)]
    span: Range<usize>,
    #[serde(skip)]
    label: String,
    #[serde(skip)]
    is_whole: bool,
    #[serde(skip)]
    related: Option<(Range<usize>, String)>,
    #[serde(skip)]
    document: Arc<Document>,
}

/// Lines longer than this are not shown: nobody could read the excerpt.
const LONGEST_EXCERPT: usize = 1000;

impl Diagnostic {
    pub(crate) fn new(
        rule: &'static Rule,
        document: &Arc<Document>,
        span: Range<usize>,
        message: String,
    ) -> Self {
        let (line, column) = document.position(span.start);
        Self {
            rule: rule.id,
            severity: rule.severity,
            message,
            file: document.name.clone(),
            line,
            column,
            help: None,
            clause: rule.clause,
            span: document.clip(&span),
            label: String::new(),
            is_whole: false,
            related: None,
            document: Arc::clone(document),
        }
    }

    /// About a place in a file whose text must not be shown. Line and column count from 1.
    pub(crate) fn blind(
        rule: &'static Rule,
        file: &str,
        line: usize,
        column: usize,
        message: String,
    ) -> Self {
        let document = Arc::new(Document { name: file.to_owned(), text: String::new() });
        Self { line, column, ..Self::new(rule, &document, 0..0, message) }
    }

    /// About a whole file.
    pub(crate) fn whole(rule: &'static Rule, file: &str, message: String) -> Self {
        Self { is_whole: true, ..Self::blind(rule, file, 1, 1, message) }
    }

    /// Whether it is about the whole file, and not about a line.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// What stands under the marked place.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The same, with another way out of it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same as something that the configuration can be used with.
    pub(crate) fn harmless(mut self) -> Self {
        self.severity = self.severity.min(Severity::Warning);
        self
    }

    /// A second place that has to do with it.
    pub(crate) fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related = Some((self.document.clip(&span), label.into()));
        self
    }

    /// For putting findings into the order of the file.
    pub(crate) fn start(&self) -> usize {
        self.span.start
    }

    /// Several lines for people: the message, the place in the file, and what to do. No final newline.
    pub fn render(&self, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level.primary_title(self.message.as_str()).id(self.rule);
        let mut group = match self.excerpt() {
            Some(snippet) => title.element(snippet),
            None => title.element(self.origin()),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        if let Some(clause) = self.clause {
            group = group.element(Level::NOTE.message(format!("see {clause}")));
        }
        let report: [Group<'_>; 1] = [group];
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let text = renderer.decor_style(DecorStyle::Ascii).render(&report);
        // As far in as below the number of a line.
        if self.excerpt().is_some() { text } else { text.replace('\n', "\n ") }
    }

    /// The place where none can be shown.
    fn origin(&self) -> Origin<'_> {
        let origin = Origin::path(self.file.as_str());
        if self.is_whole { origin } else { origin.line(self.line).char_column(self.column) }
    }

    fn excerpt(&self) -> Option<Snippet<'_, annotate_snippets::Annotation<'_>>> {
        let places = [Some(&self.span), self.related.as_ref().map(|(span, _)| span)];
        let readable =
            places.iter().flatten().all(|span| self.document.line_len(span.start) <= LONGEST_EXCERPT);
        if !readable || self.document.text.is_empty() {
            return None;
        }
        let mut primary = AnnotationKind::Primary.span(self.span.clone());
        if !self.label.is_empty() {
            primary = primary.label(self.label.as_str());
        }
        let mut snippet =
            Snippet::source(harmless(&self.document.text)).path(self.file.as_str()).annotation(primary);
        if let Some((span, label)) = &self.related {
            snippet = snippet.annotation(AnnotationKind::Context.span(span.clone()).label(label.as_str()));
        }
        Some(snippet)
    }
}

/// The text without the control characters that annotate-snippets lets through to the terminal (U+0080 to U+009F,
/// among them a second CSI), each replaced by a character as long, so that places in the text stay where they are.
fn harmless(text: &str) -> Cow<'_, str> {
    let c1 = |c: char| ('\u{80}'..='\u{9f}').contains(&c);
    if text.contains(c1) { Cow::Owned(text.replace(c1, "\u{b7}")) } else { Cow::Borrowed(text) }
}

/// One line, as for a journal: `file:line:column: error[C010]: message; help`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, severity, rule, message, .. } = self;
        match self.is_whole {
            true => write!(f, "{file}: {severity}[{rule}]: {message}")?,
            false => write!(f, "{file}:{line}:{column}: {severity}[{rule}]: {message}")?,
        }
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}
