//! `pogo::expr::syntax`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "expr", "syntax");

/// An expression that does not parse. Mistakes with a code of their own get that one.
pub(crate) fn syntax(error: &SyntaxError, text: Embedded<'_>) -> Diagnostic {
    use crate::diagnostics::{host, pattern};
    let at = text.locate(error.span);
    let start = error.span.start as usize;
    let written = text.text().get(start..error.span.end as usize).unwrap_or("");
    match &error.kind {
        SyntaxErrorKind::Empty => super::empty(text.span()),
        SyntaxErrorKind::Unclosed(bracket) => pattern::unclosed(*bracket, at),
        SyntaxErrorKind::Unopened(bracket) => pattern::unclosed(*bracket, at),
        SyntaxErrorKind::UnclosedQuote => {
            Diagnostic::new(&CODE, "a quote is not closed").primary(at, "").help("add the closing quote")
        }
        SyntaxErrorKind::ReversedRange { first, last } => pattern::reversed_range(first, last, at),
        SyntaxErrorKind::EmptyGroup => pattern::empty_group(at),
        SyntaxErrorKind::NotANumber(found) => pattern::bad_range(found, at),
        SyntaxErrorKind::NumberTooLarge => pattern::bad_range(written, at),
        SyntaxErrorKind::DuplicateNumber(number) => pattern::duplicate_number(number, at),
        SyntaxErrorKind::TooDeep(limit) => super::too_deep(at, *limit),
        SyntaxErrorKind::Unexpected { found, expected, hint } => {
            let what = match found {
                Some(found) => format!("unexpected `{}`", visible(*found)),
                None => "the expression ends too early".to_owned(),
            };
            let help = hint.clone().unwrap_or_else(|| format!("write {}", words_or(expected)));
            Diagnostic::new(&CODE, what).primary(at, format!("expected {}", words_or(expected))).help(help)
        }
        kind => host::invalid(word_around(text.text(), start, error.span.end as usize), kind, at),
    }
}

/// The word that has the mark in it: a message that quotes `ö` alone does not say which host is meant.
fn word_around(text: &str, start: usize, end: usize) -> &str {
    let ends_word =
        |c: char| c.is_whitespace() || matches!(c, ',' | '&' | '!' | '^' | '(' | ')' | '[' | ']' | '{' | '}');
    let (before, behind) = (text.get(..start).unwrap_or(""), text.get(end..).unwrap_or(""));
    let from = before
        .rfind(ends_word)
        .map_or(0, |at| at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    let to = end + behind.find(ends_word).unwrap_or(behind.len());
    text.get(from..to).unwrap_or("")
}
