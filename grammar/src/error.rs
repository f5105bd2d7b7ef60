//! What can be wrong with an expression.

use crate::Span;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The characters to change; empty at the end of the text.
    pub span: Span,
    /// What is wrong with them.
    pub kind: SyntaxErrorKind,
}

/// The kinds of mistake. Each carries what a message needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyntaxErrorKind {
    /// Nothing was written where an expression must stand.
    Empty,
    /// Something else was expected. `expected` is in words that users know: "a host pattern", "`]`".
    Unexpected {
        /// The character found; `None` at the end.
        found: Option<char>,
        /// What could stand there.
        expected: Vec<&'static str>,
        /// For the syntax of another tool: what to write here instead.
        hint: Option<String>,
    },
    /// `[`, `{` or `(` without its counterpart; the span marks it.
    Unclosed(char),
    /// `]`, `}` or `)` without its counterpart.
    Unopened(char),
    /// A quote that does not end.
    UnclosedQuote,
    /// `[9-3]`
    ReversedRange {
        /// As written.
        first: String,
        /// As written.
        last: String,
    },
    /// A range group of which exclusions leave nothing, or an empty one.
    EmptyGroup,
    /// Something else than a number in a range group.
    NotANumber(String),
    /// A number of more than 18 digits.
    NumberTooLarge,
    /// One number twice in a range group.
    DuplicateNumber(String),
    /// Parentheses or braces deeper than this.
    TooDeep(usize),
    /// More range groups and alternatives in a row than this.
    TooManyGroups(usize),
    /// `user@host`
    UserInHost {
        /// The user.
        user: String,
        /// The rest.
        host: String,
    },
    /// `host:22`
    PortInHost {
        /// The host.
        host: String,
        /// The port.
        port: String,
    },
    /// `-oProxyCommand=…`
    OptionAsHost,
    /// An IPv6 address that is not written with all its eight groups.
    ShortIpv6 {
        /// The address in full, if it is one.
        full: Option<String>,
    },
    /// A character that no host name has.
    HostCharacter(char),
    /// A host that starts with another character than a letter, a digit or `_`.
    HostStart(char),
    /// A host name with nothing between two dots, or a leading dot.
    EmptyHostLabel,
    /// A host name longer than 253 or a label longer than 63 characters.
    HostTooLong,
    /// A quantity that is not one; the text says what is wanted: "a number of hosts or a percentage, such as `2` or `25%`".
    Quantity {
        /// What is wrong, in words: "a percentage is a whole number from 1 to 100".
        problem: &'static str,
        /// What to write instead.
        help: String,
    },
}
