//! A job's values, wherever they come from.

use crate::source::{SourceId, Span};
use crate::syntax::embed::Embedded;
use crate::syntax::reader::describe;
use crate::syntax::tree::{Document, Kind, NodeId};

/// A key and its value.
#[derive(Clone)]
pub(crate) struct Entry<'d> {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Value<'d>,
}

/// A value of `job`.
#[derive(Clone)]
pub(crate) enum Value<'d> {
    /// A node of the spec, or of what `--set` was given.
    Node(&'d Document, NodeId),
    /// What a flag was given, character for character.
    Text(SourceId, &'d str),
    /// A mapping of which the command line changed a part.
    Map(Vec<Entry<'d>>, Span),
}

impl<'d> Value<'d> {
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Node(document, id) => document.span(*id),
            Self::Text(source, text) => Embedded::Whole(*source, text).span(),
            Self::Map(_, span) => *span,
        }
    }

    /// A scalar's text.
    pub(crate) fn scalar(&self) -> Option<&'d str> {
        match self {
            Self::Node(document, id) => document.scalar(*id),
            Self::Text(_, text) => Some(text),
            Self::Map(..) => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Node(document, id) if document.is_null(*id))
    }

    /// What it is, in words.
    pub(crate) fn shape(&self) -> &'static str {
        match self {
            Self::Node(document, id) => describe(document.kind(*id)),
            Self::Text(..) => "a scalar",
            Self::Map(..) => "a mapping",
        }
    }

    /// The entries of a mapping.
    pub(crate) fn entries(&self) -> Option<Vec<Entry<'d>>> {
        match self {
            Self::Node(document, id) if matches!(document.kind(*id), Kind::Mapping { .. }) => Some(
                document
                    .entries(*id)
                    .map(|(key, value)| Entry {
                        key: document.scalar(key).unwrap_or("").to_owned(),
                        key_span: document.own_span(key),
                        value: Value::Node(document, value),
                    })
                    .collect(),
            ),
            Self::Map(entries, _) => Some(entries.clone()),
            _ => None,
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Option<Vec<Value<'d>>> {
        match self {
            Self::Node(document, id) if matches!(document.kind(*id), Kind::Sequence { .. }) => {
                Some(document.children(*id).map(|item| Value::Node(document, item)).collect())
            }
            _ => None,
        }
    }

    /// The text for an expression.
    pub(crate) fn embedded(&self) -> Option<Embedded<'d>> {
        match self {
            Self::Node(document, id) => document.scalar(*id).map(|_| Embedded::Scalar(document, *id)),
            Self::Text(source, text) => Some(Embedded::Whole(*source, text)),
            Self::Map(..) => None,
        }
    }
}

/// Lays a value over the entries, at a path of keys such as `verify.interval`.
pub(crate) fn set<'d>(entries: &mut Vec<Entry<'d>>, path: &[&str], key_span: Span, value: Value<'d>) {
    let Some((&first, rest)) = path.split_first() else { return };
    let place = entries.iter().position(|entry| entry.key == first);
    let value = if rest.is_empty() {
        value
    } else {
        let inside = place.and_then(|place| entries.get(place));
        // A scalar such as `retry: 3` gives way to the mapping that has its parts.
        let mut inner = inside.and_then(|entry| entry.value.entries()).unwrap_or_default();
        set(&mut inner, rest, key_span, value);
        Value::Map(inner, key_span)
    };
    let entry = Entry { key: first.to_owned(), key_span, value };
    match place.and_then(|place| entries.get_mut(place)) {
        Some(place) => *place = entry,
        None => entries.push(entry),
    }
}
