//! What the files of single codes share: the macro that declares one, and the ways of putting things.

pub(super) use pogo_grammar::{SetOp, SyntaxError, SyntaxErrorKind};

pub(super) use super::diagnostic::{Code, Diagnostic, Severity};
pub(super) use crate::source::Span;
pub(super) use crate::syntax::embed::Embedded;
pub(super) use crate::syntax::reader::Place;
pub(super) use crate::world::WorldError;

/// Declares a code: severity, stage and name. The page is the Markdown file of the same name.
macro_rules! code {
    ($severity:ident, $stage:literal, $name:literal) => {
        Code {
            id: concat!("pogo::", $stage, "::", $name),
            severity: Severity::$severity,
            page: include_str!(concat!($name, ".md")),
        }
    };
}

/// "did you mean `web1`?"
pub(super) fn did_you_mean(near: Option<&str>) -> Option<String> {
    near.map(|near| format!("did you mean `{near}`?"))
}

/// "`a`, `b` and `c`"
pub(super) fn words(items: &[&str]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("`{item}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((only, _)) => only.clone(),
        None => String::new(),
    }
}

/// "a host pattern, a selector or `(`"
pub(super) fn words_or(items: &[&str]) -> String {
    match items.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((only, _)) => (*only).to_owned(),
        None => "something else".to_owned(),
    }
}

/// Names one after the other, the first ten of them.
pub(super) fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 10;
    let total = items.len();
    let mut text = items.take(SHOWN).collect::<Vec<_>>().join(", ");
    if total > SHOWN {
        text.push_str(&format!(" and {} more", total - SHOWN));
    }
    text
}

/// User text for a message: one line, and not longer than a message bears.
pub(super) fn clip(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut clipped: String = text
        .chars()
        .take(SHOWN)
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        clipped.push('…');
    }
    clipped
}

/// A character for a message: itself, if it can be seen.
pub(super) fn visible(c: char) -> String {
    let is_seen = c == ' ' || !(c.is_control() || c.is_whitespace());
    if is_seen { c.to_string() } else { c.escape_default().to_string() }
}

/// 12345678 as "12,345,678".
pub(super) fn thousands(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) const fn symbol(op: SetOp) -> &'static str {
    match op {
        SetOp::Intersection => "&",
        SetOp::Difference => "!",
        SetOp::SymmetricDifference => "^",
        SetOp::Union => ",",
    }
}

/// What is wrong with a quantity, and what to write.
pub(super) fn quantity(error: &SyntaxError, wanted: &str) -> (String, String) {
    match &error.kind {
        SyntaxErrorKind::Quantity { problem, help } => ((*problem).to_owned(), help.clone()),
        SyntaxErrorKind::Empty => ("nothing is written".to_owned(), format!("write {wanted}")),
        _ => ("it cannot be read".to_owned(), format!("write {wanted}")),
    }
}
