//! A YAML document as a tree in one array: twenty bytes a node, so that a million hosts are twenty megabytes.

use std::sync::Arc;

use crate::source::{SourceId, Span};

/// The number of a node in its [`Document`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct NodeId(pub(super) u32);

/// No node, no decoded text.
pub(super) const NONE: u32 = u32::MAX;

/// In place of a decoded text: the scalar is a type tag with nothing behind it, which is reported already.
pub(super) const BARE_TAG: u32 = u32::MAX - 1;

/// How a scalar was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
}

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Scalar(Style),
    Sequence { flow: bool },
    Mapping { flow: bool },
    Alias,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) start: u32,
    pub(super) end: u32,
    /// The node after this one in its collection.
    pub(super) next: u32,
    /// A collection's first child, an alias's target, a scalar's decoded text.
    pub(super) link: u32,
    pub(super) kind: Kind,
}

/// A parsed document together with its text.
#[derive(Debug)]
pub(crate) struct Document {
    pub(super) source: SourceId,
    pub(super) text: Arc<String>,
    pub(super) nodes: Vec<Node>,
    /// The values of scalars that are not simply a piece of the text: folded, escaped, several lines long.
    pub(super) decoded: Vec<Box<str>>,
    pub(super) root: Option<NodeId>,
}

impl Document {
    /// A document with nothing in it.
    pub(crate) fn empty(source: SourceId) -> Self {
        Self { source, text: Arc::default(), nodes: Vec::new(), decoded: Vec::new(), root: None }
    }

    pub(crate) fn source(&self) -> SourceId {
        self.source
    }

    pub(crate) fn root(&self) -> Option<NodeId> {
        self.root
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn node(&self, id: NodeId) -> Node {
        // INVARIANT: ids are made by the builder of this document alone.
        self.nodes.get(id.0 as usize).copied().unwrap_or(Node {
            start: 0,
            end: 0,
            next: NONE,
            link: NONE,
            kind: Kind::Scalar(Style::Plain),
        })
    }

    /// The node that an alias stands for; other nodes stand for themselves.
    pub(crate) fn follow(&self, id: NodeId) -> NodeId {
        let node = self.node(id);
        // An alias can only point at a node that is no alias, since an anchor cannot stand on one.
        if node.kind == Kind::Alias && node.link != NONE { NodeId(node.link) } else { id }
    }

    /// What the node is, behind aliases.
    pub(crate) fn kind(&self, id: NodeId) -> Kind {
        self.node(self.follow(id)).kind
    }

    /// Where the node's text stands; behind aliases, at the anchor.
    pub(crate) fn span(&self, id: NodeId) -> Span {
        let id = self.follow(id);
        let node = self.node(id);
        let mut end = node.end;
        if let Kind::Sequence { flow: false } | Kind::Mapping { flow: false } = node.kind {
            // A block collection ends where the next thing starts; its last child says where its text ends.
            end = self.children(id).last().map_or(node.start, |child| self.own_span(child).end);
        }
        Span::new(self.source, node.start, end.max(node.start))
    }

    /// Where the node stands itself: for an alias, the `*name`.
    pub(crate) fn own_span(&self, id: NodeId) -> Span {
        match self.node(id) {
            Node { kind: Kind::Alias, start, end, .. } => Span::new(self.source, start, end),
            _ => self.span(id),
        }
    }

    /// The items of a sequence; key, value, key, value of a mapping.
    pub(crate) fn children(&self, id: NodeId) -> Children<'_> {
        let node = self.node(self.follow(id));
        let next = match node.kind {
            Kind::Sequence { .. } | Kind::Mapping { .. } => node.link,
            _ => NONE,
        };
        Children { document: self, next }
    }

    /// The keys and values of a mapping.
    pub(crate) fn entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let mut children = self.children(id);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The text of a scalar, decoded; `None` for a collection.
    pub(crate) fn scalar(&self, id: NodeId) -> Option<&str> {
        let node = self.node(self.follow(id));
        let Kind::Scalar(style) = node.kind else { return None };
        if node.link < BARE_TAG {
            return self.decoded.get(node.link as usize).map(|text| &**text);
        }
        let quote = u32::from(matches!(style, Style::SingleQuoted | Style::DoubleQuoted));
        self.text.get((node.start + quote) as usize..(node.end.max(quote) - quote) as usize)
    }

    /// Whether the scalar's characters are those of the source, one by one; if so, the offset of the first.
    pub(crate) fn verbatim_start(&self, id: NodeId) -> Option<u32> {
        let node = self.node(self.follow(id));
        match node.kind {
            Kind::Scalar(Style::Plain) if node.link == NONE => Some(node.start),
            Kind::Scalar(Style::SingleQuoted | Style::DoubleQuoted) if node.link == NONE => {
                Some(node.start + 1)
            }
            _ => None,
        }
    }

    /// Whether nothing was written: an empty place, a plain `~`, a plain `null`.
    pub(crate) fn is_null(&self, id: NodeId) -> bool {
        matches!(self.kind(id), Kind::Scalar(Style::Plain))
            && matches!(self.scalar(id), Some("" | "~" | "null" | "Null" | "NULL"))
    }

    /// Whether this is a type tag with nothing behind it, which is reported already.
    pub(crate) fn is_bare_tag(&self, id: NodeId) -> bool {
        let node = self.node(self.follow(id));
        matches!(node.kind, Kind::Scalar(_)) && node.link == BARE_TAG
    }

    /// Whether a scalar was written in quotes or as a block.
    pub(crate) fn is_quoted(&self, id: NodeId) -> bool {
        matches!(self.kind(id), Kind::Scalar(style) if style != Style::Plain)
    }
}

/// See [`Document::children`].
pub(crate) struct Children<'d> {
    document: &'d Document,
    next: u32,
}

impl Iterator for Children<'_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        if self.next == NONE {
            return None;
        }
        let id = NodeId(self.next);
        self.next = self.document.node(id).next;
        Some(id)
    }
}
