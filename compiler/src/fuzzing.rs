//! The YAML layer as the fuzz target sees it: a tree that owns its parts, with the place of every character.
//!
//! No part of the crate's interface; it exists with the feature `fuzzing` alone.

use crate::diagnostics::{Diagnostic, Findings};
use crate::source::{SourceMap, Span};
use crate::syntax::embed::Embedded;
use crate::syntax::tree::{Document, Kind, NodeId};
use crate::syntax::yaml;

/// A text that was read as YAML.
#[derive(Debug)]
pub struct Yaml {
    /// The text.
    pub sources: SourceMap,
    /// What is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether it was read to its end.
    pub is_complete: bool,
    /// All nodes that later stages meet, each before what is in it.
    pub nodes: Vec<Node>,
}

/// A node of the tree.
#[derive(Debug)]
pub struct Node {
    /// Where it stands itself: for an alias, the `*name`.
    pub own_span: Span,
    /// Where its text stands: for an alias, at the anchor.
    pub span: Span,
    /// The text of a scalar that is no alias.
    pub scalar: Option<Scalar>,
    /// The keys of a mapping that is no alias, aliases among them followed; `None` for one that is no scalar.
    pub keys: Vec<Option<String>>,
    /// Whether each key of a mapping has a value.
    pub is_paired: bool,
}

/// What a scalar says and where.
#[derive(Debug)]
pub struct Scalar {
    /// Decoded.
    pub text: String,
    /// Whether its characters are those of the source, one by one.
    pub is_verbatim: bool,
    /// The place of each character.
    pub places: Vec<Span>,
}

/// Characters of one scalar whose places are looked up: each look-up walks from the scalar's start.
const MAX_PLACES: usize = 64;

/// Reads a text as the compiler does.
#[must_use]
pub fn yaml(text: &str) -> Yaml {
    let mut sources = SourceMap::default();
    let mut findings = Findings::default();
    let mut nodes = Vec::new();
    let mut is_complete = false;
    if let Some(source) = sources.add("spec.cfg", text.to_owned(), crate::source::SourceKind::File) {
        let parsed = yaml::parse(&sources, source, &mut findings);
        is_complete = parsed.complete;
        let document = &parsed.document;
        let mut waiting: Vec<NodeId> = document.root().into_iter().collect();
        while let Some(id) = waiting.pop() {
            nodes.push(node(document, id));
            if document.follow(id) == id {
                waiting.extend(document.children(id));
            }
        }
    }
    Yaml { diagnostics: findings.finish(&sources), sources, is_complete, nodes }
}

fn node(document: &Document, id: NodeId) -> Node {
    let is_alias = document.follow(id) != id;
    let is_mapping = !is_alias && matches!(document.kind(id), Kind::Mapping { .. });
    let keys = if is_mapping {
        document.entries(id).map(|(key, _)| document.scalar(key).map(str::to_owned)).collect()
    } else {
        Vec::new()
    };
    Node {
        own_span: document.own_span(id),
        span: document.span(id),
        scalar: document.scalar(id).filter(|_| !is_alias).map(|text| scalar(document, id, text)),
        keys,
        is_paired: !is_mapping || document.children(id).count().is_multiple_of(2),
    }
}

fn scalar(document: &Document, id: NodeId, text: &str) -> Scalar {
    let place = |(at, c): (usize, char)| {
        #[expect(clippy::cast_possible_truncation, reason = "`SourceMap::add` refuses texts of 4 GiB")]
        let span = pogo_grammar::Span { start: at as u32, end: (at + c.len_utf8()) as u32 };
        Embedded::Scalar(document, id).locate(span)
    };
    Scalar {
        text: text.to_owned(),
        is_verbatim: document.verbatim_start(id).is_some(),
        places: text.char_indices().take(MAX_PLACES).map(place).collect(),
    }
}
