//! One finding: a stable code, a message, marks in the text, and what to write instead.

use crate::source::Span;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Worth knowing; nothing needs to change.
    Note,
    /// Probably not what was meant.
    Warning,
    /// No plan is made.
    Error,
}

impl Severity {
    /// The word that every output format has for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What stays the same in all findings of one kind. A code never changes its meaning.
#[derive(PartialEq, Eq, Debug)]
pub struct Code {
    /// `pogo::resolve::unknown_tag`.
    pub id: &'static str,
    /// Unless a rule says otherwise for one finding.
    pub severity: Severity,
    /// The long text that `pogo explain` prints, in Markdown: a title, what and why, a wrong and a right spec.
    pub page: &'static str,
}

/// A mark in a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// What is marked.
    pub span: Span,
    /// What is to be seen there; may be empty.
    pub text: String,
    /// Whether this is the place to change. Each finding with labels has exactly one, and it is the first.
    pub primary: bool,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Its kind.
    pub code: &'static Code,
    /// Note, warning or error.
    pub severity: Severity,
    /// Lower case, no full stop, one line, in the user's terms.
    pub message: String,
    /// The primary one first, then in spec order; they may lie in several sources.
    pub labels: Vec<Label>,
    /// What to write instead: one imperative sentence.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A finding without marks.
    #[must_use]
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity,
            message: one_line(message.into()),
            labels: Vec::new(),
            help: None,
        }
    }

    /// Marks the place to change.
    #[must_use]
    pub fn primary(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.insert(0, Label { span, text: one_line(text.into()), primary: true });
        self
    }

    /// Marks a place that explains the finding.
    #[must_use]
    pub fn secondary(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: one_line(text.into()), primary: false });
        self
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(one_line(help.into()));
        self
    }

    /// Says what to write instead, if there is something to say.
    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.map(one_line);
        self
    }

    /// The place to change, if the finding is about a place.
    #[must_use]
    pub fn primary_span(&self) -> Option<Span> {
        self.labels.first().filter(|label| label.primary).map(|label| label.span)
    }
}

/// What a user wrote may span lines; what is said of it does not.
fn one_line(text: String) -> String {
    if text.contains(['\n', '\r']) { text.replace('\n', "\\n").replace('\r', "\\r") } else { text }
}
