//! Tests of the whole crate: tables of right and wrong texts, properties, and the fuzzer's corpus.

mod errors;
mod properties;
mod quantities;
mod trees;

use crate::{Pattern, SyntaxError};

/// An error on two lines: the text with the span marked, and the kind.
fn shown(text: &str, error: &SyntaxError) -> String {
    let (start, end) = (error.span.start as usize, error.span.end as usize);
    let (before, marked, after) = (&text[..start], &text[start..end], &text[end..]);
    format!("{before}»{marked}«{after}\n    {:?}\n", error.kind)
}

/// The hosts of a pattern.
fn expand(pattern: &Pattern) -> Vec<String> {
    let mut hosts = Vec::new();
    pattern.for_each(&mut |host| hosts.push(host.to_owned()));
    hosts
}
