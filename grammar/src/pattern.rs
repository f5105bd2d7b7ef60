//! Host patterns: `web[01-08,!3].{east,west}.example.com`.

use std::fmt::{self, Write as _};
use std::ops::ControlFlow;

use crate::range::{Run, n_digits};
use crate::{Span, SyntaxError, host, parse};

/// The most range groups and alternatives that may stand in a row in one pattern. Each of two choices doubles the hosts, so
/// that no pattern of a usable size comes near; it bounds the depth of the expansion.
pub(crate) const MAX_GROUPS: usize = 64;

/// A host pattern: it expands to one or more hosts. Equality is by meaning, not by place.
///
/// Parsing checks the characters of all hosts and the form of the first; whoever expands the pattern checks each host
/// with [`host::check_host`].
#[derive(Clone, Debug)]
pub struct Pattern {
    span: Span,
    body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    Plain(Box<str>),
    Parts(Box<[Part]>),
}

/// A piece of a pattern that has groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(Box<str>),
    Range(Box<[Run]>),
    Alternatives(Box<[Box<[Part]>]>),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.body == other.body
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// Parses one host pattern; space around it is left out.
    ///
    /// # Errors
    /// What is wrong, and where in `text`.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        if host::is_plain_host(text) {
            return Ok(Self::plain(text, Span::at(0, text.len())));
        }
        parse::pattern(text)
    }

    pub(crate) fn plain(text: &str, span: Span) -> Self {
        Self { span, body: Body::Plain(text.into()) }
    }

    pub(crate) fn from_parts(parts: Vec<Part>, span: Span) -> Self {
        match <[Part; 1]>::try_from(parts) {
            Ok([Part::Literal(text)]) => Self { span, body: Body::Plain(text) },
            Ok([part]) => Self { span, body: Body::Parts(Box::new([part])) },
            Err(parts) => Self { span, body: Body::Parts(parts.into()) },
        }
    }

    /// Where the pattern stands.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// The host, if the pattern has no group at all.
    #[must_use]
    pub fn as_plain(&self) -> Option<&str> {
        match &self.body {
            Body::Plain(text) => Some(text),
            Body::Parts(_) => None,
        }
    }

    /// How many hosts the pattern expands to, duplicates counted as often as they come. Computed without expanding;
    /// `u128::MAX` stands for that many and more.
    #[must_use]
    pub fn count(&self) -> u128 {
        match &self.body {
            Body::Plain(_) => 1,
            Body::Parts(parts) => count(parts),
        }
    }

    /// Calls `f` with every host, the rightmost group varying fastest.
    pub fn for_each(&self, f: &mut dyn FnMut(&str)) {
        let _ = self.try_for_each(&mut |host| {
            f(host);
            ControlFlow::Continue(())
        });
    }

    /// As [`Pattern::for_each`], until `f` breaks; tells whether it did.
    pub fn try_for_each(&self, f: &mut dyn FnMut(&str) -> ControlFlow<()>) -> ControlFlow<()> {
        match &self.body {
            Body::Plain(text) => f(text),
            Body::Parts(parts) => walk(parts, None, &mut String::new(), f),
        }
    }
}

fn count(parts: &[Part]) -> u128 {
    parts.iter().fold(1, |product: u128, part| {
        product.saturating_mul(match part {
            Part::Literal(_) => 1,
            Part::Range(runs) => runs.iter().map(|run| u128::from(run.len())).sum(),
            Part::Alternatives(all) => all.iter().fold(0, |sum, one| sum.saturating_add(count(one))),
        })
    })
}

/// The longest row of groups in `parts`, over all choices of alternatives.
pub(crate) fn n_groups(parts: &[Part]) -> usize {
    let of_part = |part: &Part| match part {
        Part::Literal(_) => 0,
        Part::Range(_) => 1,
        Part::Alternatives(all) => 1 + all.iter().map(|one| n_groups(one)).max().unwrap_or(0),
    };
    parts.iter().map(of_part).sum()
}

/// What follows the alternatives that are being expanded.
#[derive(Clone, Copy)]
struct Next<'a> {
    parts: &'a [Part],
    next: Option<&'a Next<'a>>,
}

/// Appends `parts` and what is `next` to `host` in every combination. Recursion is bounded by [`MAX_GROUPS`].
fn walk<'a>(
    mut parts: &'a [Part],
    mut next: Option<&'a Next<'a>>,
    host: &mut String,
    f: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> ControlFlow<()> {
    loop {
        let Some((part, rest)) = parts.split_first() else {
            match next {
                None => return f(host),
                Some(after) => (parts, next) = (after.parts, after.next),
            }
            continue;
        };
        match part {
            Part::Literal(text) => {
                host.push_str(text);
                parts = rest;
            }
            Part::Range(runs) => {
                let length = host.len();
                // The innermost loop: nothing but a fixed end follows the number.
                let end = match (rest, next) {
                    ([], None) => Some(""),
                    ([Part::Literal(end)], None) => Some(&**end),
                    _ => None,
                };
                for run in runs {
                    let mut number = Decimal::new(run.first, run.width);
                    for _ in run.first..=run.last {
                        host.truncate(length);
                        host.push_str(number.text());
                        match end {
                            Some(end) => {
                                host.push_str(end);
                                f(host)?;
                            }
                            None => walk(rest, next, host, f)?,
                        }
                        number.increment();
                    }
                }
                return ControlFlow::Continue(());
            }
            Part::Alternatives(all) => {
                let length = host.len();
                let after = Next { parts: rest, next };
                for one in all {
                    host.truncate(length);
                    walk(one, Some(&after), host, f)?;
                }
                return ControlFlow::Continue(());
            }
        }
    }
}

/// A number in decimal digits that counts up: adding one touches one digit nine times out of ten.
struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    /// `number` with at least `width` digits.
    fn new(mut number: u64, width: u8) -> Self {
        let mut digits = [b'0'; 20];
        let n_digits = n_digits(number).max(usize::from(width)).min(digits.len());
        for digit in digits.iter_mut().rev() {
            *digit += (number % 10) as u8;
            number /= 10;
        }
        Self { digits, start: digits.len() - n_digits }
    }

    fn text(&self) -> &str {
        // Always digits; the check costs less than writing them anew would.
        self.digits.get(self.start..).and_then(|digits| str::from_utf8(digits).ok()).unwrap_or_default()
    }

    fn increment(&mut self) {
        for (at, digit) in self.digits.iter_mut().enumerate().rev() {
            self.start = self.start.min(at);
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
    }
}

impl fmt::Display for Pattern {
    /// The canonical form: exclusions are applied, spaces left out. Parsing it gives an equal pattern.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.body {
            Body::Plain(text) => f.write_str(text),
            Body::Parts(parts) => write_parts(f, parts),
        }
    }
}

fn write_parts(f: &mut fmt::Formatter<'_>, parts: &[Part]) -> fmt::Result {
    parts.iter().try_for_each(|part| match part {
        Part::Literal(text) => f.write_str(text),
        Part::Range(runs) => write_runs(f, runs),
        Part::Alternatives(all) => {
            for (index, one) in all.iter().enumerate() {
                f.write_char(if index == 0 { '{' } else { ',' })?;
                write_parts(f, one)?;
            }
            f.write_char('}')
        }
    })
}

/// Writes `[1-3,7]`.
pub(crate) fn write_runs(out: &mut impl fmt::Write, runs: &[Run]) -> fmt::Result {
    for (index, run) in runs.iter().enumerate() {
        out.write_char(if index == 0 { '[' } else { ',' })?;
        write!(out, "{run}")?;
    }
    out.write_char(']')
}
