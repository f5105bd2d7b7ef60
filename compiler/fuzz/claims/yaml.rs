//! What holds for any text that is read as YAML.

use std::collections::HashSet;

use pogo_compiler::diagnostics::has_errors;
use pogo_compiler::fuzzing::{Node, Yaml, yaml};
use pogo_compiler::source::{SourceMap, Span};

use crate::diagnostics;

/// The findings are sound, the tree is one, and every character of a scalar has its place in the scalar's own.
pub(crate) fn holds(text: &str) {
    let Yaml { sources, diagnostics, is_complete, nodes } = yaml(text);
    diagnostics::hold(&diagnostics, &sources);
    assert!(is_complete || has_errors(&diagnostics), "what was not read has no error");
    for node in &nodes {
        tree(node, &sources);
        places(node, &sources);
    }
}

fn tree(node: &Node, sources: &SourceMap) {
    diagnostics::is_a_place(node.own_span, sources);
    diagnostics::is_a_place(node.span, sources);
    assert!(node.is_paired, "a key without a value: {node:?}");
    let mut seen = HashSet::new();
    for key in &node.keys {
        assert!(key.is_some(), "a key that is no scalar: {node:?}");
        assert!(seen.insert(key), "a key that stands twice: {node:?}");
    }
}

fn places(node: &Node, sources: &SourceMap) {
    let Some(scalar) = &node.scalar else { return };
    let mut before: Option<Span> = None;
    for (place, c) in scalar.places.iter().zip(scalar.text.chars()) {
        diagnostics::is_a_place(*place, sources);
        assert!(node.span.start <= place.start && place.end <= node.span.end, "{c:?} outside: {node:?}");
        if scalar.is_verbatim {
            assert_eq!(sources.slice(*place), c.encode_utf8(&mut [0; 4]), "{node:?}");
        }
        // A place that cannot be told is the whole scalar.
        if *place == node.span {
            continue;
        }
        assert!(before.is_none_or(|before| before.start <= place.start), "{c:?} goes back: {node:?}");
        before = Some(*place);
    }
}
