//! Set expressions: host patterns, selectors, external groups and host files, combined by set operators.
//!
//! Equality of all nodes is by meaning: it leaves out where they stand.

use crate::{Pattern, Span, Spanned, SyntaxError, host, parse, scan};

/// A set expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Where it stands, without surrounding space.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// The kinds of set expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Hosts by name: `web[01-08]`.
    Pattern(Pattern),
    /// Hosts by tag: `$frontend.$colo.east`.
    Selector(Selector),
    /// Hosts that a program names: `$consul web prod`.
    Call(Call),
    /// Hosts that a file names: `@maintenance.txt`.
    File(Spanned<String>),
    /// Two or more operands under one operator, from left to right. Never nested in a chain of the same operator unless
    /// by parentheses.
    Chain {
        /// The operator.
        op: SetOp,
        /// Two or more operands.
        operands: Vec<Expr>,
        /// Where the operators stand, one fewer than operands.
        op_spans: Vec<Span>,
    },
    /// An expression in parentheses.
    Group(Box<Expr>),
}

/// A set operator, tightest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetOp {
    /// `&`
    Intersection,
    /// `!`
    Difference,
    /// `^`
    SymmetricDifference,
    /// `,`
    Union,
}

/// Hosts that carry every one of its parts: `$frontend.$colo.east`.
#[derive(Clone, Debug)]
pub struct Selector {
    /// Where it stands.
    pub span: Span,
    /// One or more parts.
    pub parts: Vec<SelectorPart>,
}

/// A tag, or a value of one: `$colo`, `$colo.east.rack1`, `$version."1.10"`, `$colo.*`.
#[derive(Clone, Debug)]
pub struct SelectorPart {
    /// Where it stands, from its `$`.
    pub span: Span,
    /// The tag, without the `$`; its span leaves the `$` out too.
    pub name: Spanned<String>,
    /// The values, outermost first.
    pub path: Vec<PathItem>,
}

/// One step behind a tag's name.
#[derive(Clone, Debug)]
pub enum PathItem {
    /// A value; `quoted` if it was written in double quotes (the span covers them, the text has none).
    Value {
        /// The value's text.
        text: Spanned<String>,
        /// Whether it stood in double quotes.
        quoted: bool,
    },
    /// `*`, the last item: each value on its own. Only constraints take it.
    Each(Span),
}

/// A call of an external group's program: a name with at least one argument.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where it stands, from its `$`.
    pub span: Span,
    /// The program's name, without the `$`.
    pub name: Spanned<String>,
    /// One or more arguments, with quotes and backslashes resolved.
    pub args: Vec<Spanned<String>>,
}

impl Expr {
    /// Parses a set expression; space around it is left out. Spans are bytes of `text`.
    ///
    /// # Errors
    /// What is wrong, and where in `text`.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let trimmed = text.trim_start_matches(|c: char| c.is_ascii() && scan::is_space(c as u8));
        let start = text.len() - trimmed.len();
        let trimmed = trimmed.trim_end_matches(|c: char| c.is_ascii() && scan::is_space(c as u8));
        // Most expressions are one host; looking at its bytes is a hundred times faster than parsing.
        if host::is_plain_host(trimmed) {
            let span = Span::at(start, start + trimmed.len());
            return Ok(Self { span, kind: ExprKind::Pattern(Pattern::plain(trimmed, span)) });
        }
        parse::expression(text)
    }
}

impl Selector {
    /// Parses a selector; space around it is left out.
    ///
    /// # Errors
    /// What is wrong, and where in `text`.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        parse::selector(text)
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl PartialEq for ExprKind {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pattern(a), Self::Pattern(b)) => a == b,
            (Self::Selector(a), Self::Selector(b)) => a == b,
            (Self::Call(a), Self::Call(b)) => a == b,
            (Self::File(a), Self::File(b)) => a == b,
            (Self::Group(a), Self::Group(b)) => a == b,
            (Self::Chain { op: a, operands: c, .. }, Self::Chain { op: b, operands: d, .. }) => {
                a == b && c == d
            }
            _ => false,
        }
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl PartialEq for SelectorPart {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.path == other.path
    }
}

impl PartialEq for PathItem {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            // `$colo.east` and `$colo."east"` are the same value.
            (Self::Value { text: a, .. }, Self::Value { text: b, .. }) => a == b,
            (Self::Each(_), Self::Each(_)) => true,
            _ => false,
        }
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.args == other.args
    }
}

impl Eq for Expr {}
impl Eq for ExprKind {}
impl Eq for Selector {}
impl Eq for SelectorPart {}
impl Eq for PathItem {}
impl Eq for Call {}
