//! Text to tree: what YAML allows and a spec does not is found here, once for all sections.
//!
//! Keys that stand twice, type tags, merge keys, keys that are no scalars, a second document, aliases that contain
//! themselves or would blow up: each is reported and taken out, so that later stages meet none of them.

use std::collections::HashSet;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, StructureStyle};

use super::repair;
use super::tree::{BARE_TAG, Document, Kind, NONE, Node, NodeId, Style};
use crate::diagnostics::{Findings, yaml};
use crate::source::{SourceId, SourceMap, Span};

/// Collections deeper than this are refused, aliases followed.
const MAX_DEPTH: u32 = 200;

/// What following all aliases may make of a document: this many nodes, or ten times its own.
const MAX_EXPANDED: u64 = 100_000;

/// How many unquoted patterns in flow collections are read around, to find the mistakes behind them.
const MAX_REPAIRS: usize = 100;

/// How many bytes that may cost to read again, in all.
const MAX_REREAD_BYTES: usize = 64 << 20;

/// A document, as far as it could be read.
pub(crate) struct Parsed {
    pub(crate) document: Document,
    /// Whether the end was reached. If not, what seems to be missing may only be unread.
    pub(crate) complete: bool,
}

/// Reads the text of `source`.
pub(crate) fn parse(sources: &SourceMap, source: SourceId, findings: &mut Findings) -> Parsed {
    let Some(text) = sources.get(source).map(crate::source::Source::shared_text) else {
        return Parsed { document: Document::empty(source), complete: true };
    };
    let mut repairs = 0;
    let mut patched = None;
    loop {
        let read = patched.as_deref().unwrap_or(&**text);
        let mut attempt = Findings::default();
        let mut builder = Builder::new(source, read, &mut attempt);
        let error = builder.run();
        let mut complete = !builder.gave_up;
        let (nodes, decoded, root) = builder.finish();
        if let Some(error) = error {
            let at = offset(&error, read);
            let may_reread = repairs < MAX_REPAIRS && repairs * read.len() <= MAX_REREAD_BYTES;
            if may_reread && let Some(repair) = repair::unquoted_pattern(read, at, error.kind()) {
                let span = Span::new(source, repair.start, repair.end);
                findings.push(yaml::unquoted_pattern(span, sources.slice(span)));
                repairs += 1;
                patched = Some(repair.text);
                continue;
            }
            complete = false;
            attempt.push(explain(&error, source, read, at));
        }
        findings.append(attempt);
        // The nodes lie over the text as it was written: a word that was read around is seen as it was meant.
        let document = Document { source, text, nodes, decoded, root };
        return Parsed { document, complete };
    }
}

fn offset(error: &ScanError, text: &str) -> u32 {
    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Says in a user's words what the parser says in its own.
fn explain(error: &ScanError, source: SourceId, text: &str, at: u32) -> crate::diagnostics::Diagnostic {
    let rest = text.get(at as usize..).unwrap_or("");
    let width = rest.chars().next().filter(|&c| c != '\n').map_or(0, char::len_utf8);
    let span = Span::new(source, at, at + u32::try_from(width).unwrap_or(0));
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => yaml::too_deep(span, MAX_DEPTH),
        kind => yaml::syntax(span, &error.info(), yaml_help(kind, text, at as usize)),
    }
}

fn yaml_help(kind: &ErrorKind, text: &str, at: usize) -> Option<String> {
    let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    let indentation = before.rsplit('\n').next().unwrap_or("");
    let is_indented_with_tabs =
        rest.starts_with('\t') || (indentation.contains('\t') && indentation.trim_start().is_empty());
    let help = match kind {
        _ if is_indented_with_tabs => "indent with spaces: YAML takes no tab there",
        ErrorKind::UnexpectedCharacter { character } => {
            return Some(format!("a value that starts with `{character}` needs quotes: write it in `'…'`"));
        }
        ErrorKind::UnknownAnchor => {
            "define the anchor with `&name` before its use, or quote a value that starts with `*`"
        }
        ErrorKind::MissingAnchorOrAliasName if rest.starts_with('&') => "quote a value that starts with `&`",
        ErrorKind::MissingAnchorOrAliasName => "quote a value that starts with `*`",
        ErrorKind::MappingValueNotAllowed => "quote a value that contains `: `, or check the indentation",
        ErrorKind::UnclosedQuotedScalar => "add the closing quote",
        ErrorKind::UnclosedFlowCollection { open: '[' } => "add the closing `]`",
        ErrorKind::UnclosedFlowCollection { .. } => "add the closing `}`",
        ErrorKind::TabInPlainScalar => "use spaces: YAML takes no tab there",
        ErrorKind::ExpectedFlowSequenceSeparator | ErrorKind::ExpectedFlowMappingSeparator => {
            "separate the items with commas, and quote patterns that contain `[`, `{` or `,`"
        }
        ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::BlockSequenceEntryNotAllowed => {
            "put each `- ` item on a line of its own, all at the same indentation"
        }
        _ => "check the indentation and the quotes around this place",
    };
    Some(help.to_owned())
}

/// A collection that is being read.
struct Open {
    id: NodeId,
    anchor: usize,
    /// The last child so far.
    last: u32,
    /// The key that waits for its value.
    key: Option<NodeId>,
    /// The last child before that key, so that a bad pair can be taken out.
    before_key: u32,
    /// Nodes in it, aliases expanded.
    expanded: u64,
    /// Levels in it, aliases expanded.
    depth: u32,
}

/// What an anchor's node amounts to when an alias stands for it.
#[derive(Clone, Copy)]
struct Anchored {
    id: NodeId,
    expanded: u64,
    depth: u32,
}

struct Builder<'t, 'f> {
    source: SourceId,
    text: &'t str,
    findings: &'f mut Findings,
    nodes: Vec<Node>,
    decoded: Vec<Box<str>>,
    root: Option<NodeId>,
    open: Vec<Open>,
    anchors: Vec<Option<Anchored>>,
    documents: u32,
    stopped: bool,
    /// Aliases would have made too much of the text: nothing of it is looked at.
    gave_up: bool,
}

impl<'t, 'f> Builder<'t, 'f> {
    fn new(source: SourceId, text: &'t str, findings: &'f mut Findings) -> Self {
        Self {
            source,
            text,
            findings,
            // A guess that fits a list of short host names and never costs more than half the text.
            nodes: Vec::with_capacity(text.len() / 40),
            decoded: Vec::new(),
            root: None,
            open: Vec::new(),
            anchors: Vec::new(),
            documents: 0,
            stopped: false,
            gave_up: false,
        }
    }

    fn run(&mut self) -> Option<ScanError> {
        let mut options = Options::default();
        options.set_emit_comments(false);
        let mut parser = Parser::new_from_str_with_options(self.text, options);
        while let Some(event) = parser.next_event() {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    self.stopped = true;
                    return Some(error);
                }
            };
            let range = span.byte_range().unwrap_or(0..0);
            #[expect(clippy::cast_possible_truncation, reason = "`SourceMap::add` refuses texts of 4 GiB")]
            let (start, end) = (range.start as u32, range.end as u32);
            self.event(event, start, end);
            if self.stopped {
                break;
            }
        }
        None
    }

    fn finish(mut self) -> (Vec<Node>, Vec<Box<str>>, Option<NodeId>) {
        while !self.open.is_empty() {
            // The text broke off: a key without its value goes, the rest stays.
            self.drop_dangling_key();
            self.close(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        }
        if self.gave_up {
            return (Vec::new(), Vec::new(), None);
        }
        self.nodes.shrink_to_fit();
        (self.nodes, self.decoded, self.root)
    }

    fn event(&mut self, event: Event<'_>, start: u32, end: u32) {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents == 2 {
                    self.findings.push(yaml::second_document(Span::new(self.source, start, end)));
                    self.stopped = true;
                }
            }
            Event::Scalar(value, style, anchor, tag) => {
                let tag = tag.is_some().then(|| self.type_tag(start));
                let style = match style {
                    ScalarStyle::SingleQuoted => Style::SingleQuoted,
                    ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                    _ => Style::Plain,
                };
                let end = self.without_trailing_space(start, end, style);
                let node = match tag {
                    // With nothing behind it, the tag is what was meant as the value: `[1-10,!4-6]`.
                    Some(tag) if start == end => {
                        let kind = Kind::Scalar(Style::Plain);
                        Node { start: tag.start, end: tag.end, next: NONE, link: BARE_TAG, kind }
                    }
                    _ => {
                        let link = self.decoded_link(&value, style, start, end);
                        Node { start, end, next: NONE, link, kind: Kind::Scalar(style) }
                    }
                };
                let id = self.push(node);
                self.anchor(anchor, Anchored { id, expanded: 1, depth: 0 });
                self.attach(id, 1, 0);
            }
            Event::SequenceStart(style, anchor, tag) => {
                let flow = style == StructureStyle::Flow;
                self.open(Kind::Sequence { flow }, anchor, tag.is_some(), start, end);
            }
            Event::MappingStart(style, anchor, tag) => {
                let flow = style == StructureStyle::Flow;
                self.open(Kind::Mapping { flow }, anchor, tag.is_some(), start, end);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(end),
            Event::Alias(target) => self.alias(target, start, end),
            _ => {}
        }
    }

    fn push(&mut self, node: Node) -> NodeId {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "there are fewer nodes than bytes, and those fit"
        )]
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(node);
        id
    }

    fn node_mut(&mut self, id: u32) -> Option<&mut Node> {
        self.nodes.get_mut(id as usize)
    }

    fn open(&mut self, kind: Kind, anchor: usize, tagged: bool, start: u32, end: u32) {
        if tagged {
            self.type_tag(start);
        }
        let id = self.push(Node { start, end, next: NONE, link: NONE, kind });
        // An alias inside its own anchor finds nothing here yet.
        self.open.push(Open { id, anchor, last: NONE, key: None, before_key: NONE, expanded: 1, depth: 1 });
    }

    fn close(&mut self, end: u32) {
        let Some(open) = self.open.pop() else { return };
        if let Some(node) = self.node_mut(open.id.0) {
            node.end = end;
        }
        self.anchor(open.anchor, Anchored { id: open.id, expanded: open.expanded, depth: open.depth });
        if let Some(Kind::Mapping { .. }) = self.nodes.get(open.id.0 as usize).map(|node| node.kind) {
            self.duplicate_keys(open.id);
        }
        self.attach(open.id, open.expanded, open.depth);
    }

    fn anchor(&mut self, anchor: usize, anchored: Anchored) {
        if anchor == 0 {
            return;
        }
        if self.anchors.len() <= anchor {
            self.anchors.resize(anchor + 1, None);
        }
        if let Some(place) = self.anchors.get_mut(anchor) {
            *place = Some(anchored);
        }
    }

    fn alias(&mut self, target: usize, start: u32, end: u32) {
        let span = Span::new(self.source, start, end);
        let Some(anchored) = self.anchors.get(target).copied().flatten() else {
            let around = self.open.iter().find(|open| open.anchor == target).map(|open| open.id);
            let anchor = around.and_then(|id| self.nodes.get(id.0 as usize)).map(|node| node.start);
            self.findings.push(yaml::recursive_alias(span, anchor.map(|at| Span::new(self.source, at, at))));
            let in_list = self.open.last().and_then(|open| self.nodes.get(open.id.0 as usize));
            if !in_list.is_some_and(|node| matches!(node.kind, Kind::Sequence { .. })) {
                // A key needs a value: an empty list says nothing further.
                let id = self.push(Node {
                    start,
                    end: start,
                    next: NONE,
                    link: NONE,
                    kind: Kind::Sequence { flow: true },
                });
                self.attach(id, 1, 1);
            }
            return;
        };
        let id = self.push(Node { start, end, next: NONE, link: anchored.id.0, kind: Kind::Alias });
        self.attach(id, anchored.expanded, anchored.depth);
    }

    /// Puts a finished node into the collection around it.
    fn attach(&mut self, id: NodeId, expanded: u64, depth: u32) {
        let Some(node) = self.nodes.get(id.0 as usize).copied() else { return };
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(id);
            return;
        };
        parent.expanded = parent.expanded.saturating_add(expanded);
        parent.depth = parent.depth.max(depth + 1);
        let too_large = parent.expanded > MAX_EXPANDED.max(10 * self.nodes.len() as u64);
        let too_deep = parent.depth > MAX_DEPTH;
        let (last, parent_id) = (parent.last, parent.id);
        let is_mapping =
            matches!(self.nodes.get(parent_id.0 as usize), Some(Node { kind: Kind::Mapping { .. }, .. }));
        let Some(parent) = self.open.last_mut() else { return };
        parent.last = id.0;
        let mut finished_pair = None;
        if is_mapping {
            match parent.key.take() {
                None => {
                    parent.key = Some(id);
                    parent.before_key = last;
                }
                Some(key) => finished_pair = Some(key),
            }
        }
        if last == NONE {
            if let Some(parent) = self.node_mut(parent_id.0) {
                parent.link = id.0;
            }
        } else if let Some(previous) = self.node_mut(last) {
            previous.next = id.0;
        }
        let span = Span::new(self.source, node.start, node.end);
        // Said once, at the innermost place; what is around it is closed without a word.
        if too_large && !self.stopped {
            self.findings.push(yaml::alias_expansion(span));
            self.gave_up = true;
            self.stopped = true;
        } else if too_deep && !self.stopped {
            self.findings.push(yaml::too_deep(span, MAX_DEPTH));
            self.stopped = true;
        } else if let Some(key) = finished_pair {
            self.check_key(key);
        }
    }

    /// Keys are scalars, and none is `<<`.
    fn check_key(&mut self, key: NodeId) {
        let Some(node) = self.nodes.get(key.0 as usize).copied() else { return };
        let target = match node.kind {
            Kind::Alias => self.nodes.get(node.link as usize).copied().unwrap_or(node),
            _ => node,
        };
        let span = Span::new(self.source, node.start, node.end);
        match target.kind {
            Kind::Scalar(Style::Plain) if self.scalar(target) == "<<" => {
                self.findings.push(yaml::merge_key(span));
                self.drop_last_pair();
            }
            Kind::Scalar(_) => {}
            Kind::Sequence { .. } | Kind::Mapping { .. } | Kind::Alias => {
                let text = self.text.get(node.start as usize..node.end as usize).unwrap_or("");
                self.findings.push(yaml::key_not_scalar(span, text));
                self.drop_last_pair();
            }
        }
    }

    fn drop_last_pair(&mut self) {
        let Some(open) = self.open.last_mut() else { return };
        let (id, before) = (open.id.0, open.before_key);
        open.last = before;
        self.cut_after(id, before);
    }

    fn drop_dangling_key(&mut self) {
        let Some(open) = self.open.last_mut() else { return };
        if open.key.take().is_some() {
            self.drop_last_pair();
        }
    }

    fn cut_after(&mut self, parent: u32, last: u32) {
        if last == NONE {
            if let Some(parent) = self.node_mut(parent) {
                parent.link = NONE;
            }
        } else if let Some(last) = self.node_mut(last) {
            last.next = NONE;
        }
    }

    fn scalar(&self, node: Node) -> &str {
        if node.link < BARE_TAG {
            return self.decoded.get(node.link as usize).map_or("", |text| text);
        }
        let quote = u32::from(matches!(node.kind, Kind::Scalar(Style::SingleQuoted | Style::DoubleQuoted)));
        self.text.get((node.start + quote) as usize..(node.end.max(quote) - quote) as usize).unwrap_or("")
    }

    /// Reports keys that stand twice in the mapping, and takes the second ones out.
    fn duplicate_keys(&mut self, mapping: NodeId) {
        let mut keys = Vec::new();
        let mut next = self.nodes.get(mapping.0 as usize).map_or(NONE, |node| node.link);
        while let Some(key) = self.nodes.get(next as usize) {
            keys.push(next);
            next = self.nodes.get(key.next as usize).map_or(NONE, |value| value.next);
        }
        let key_text = |id: u32| {
            let node = self.nodes.get(id as usize).copied();
            let target = node.and_then(|node| match node.kind {
                Kind::Alias => self.nodes.get(node.link as usize).copied(),
                _ => Some(node),
            });
            target.map_or("", |node| self.scalar(node))
        };
        let mut duplicates = Vec::new();
        if keys.len() <= 8 {
            for (index, &key) in keys.iter().enumerate() {
                if let Some(&first) = keys.iter().take(index).find(|&&first| key_text(first) == key_text(key))
                {
                    duplicates.push((index, first));
                }
            }
        } else {
            let mut seen = HashSet::with_capacity(keys.len());
            for (index, &key) in keys.iter().enumerate() {
                if !seen.insert(key_text(key)) {
                    let first = keys.iter().copied().find(|&first| key_text(first) == key_text(key));
                    duplicates.push((index, first.unwrap_or(key)));
                }
            }
        }
        let reports: Vec<_> = duplicates
            .iter()
            .filter_map(|&(index, first)| {
                let key = *keys.get(index)?;
                Some((self.span_of(key)?, self.span_of(first)?, key_text(key).to_owned()))
            })
            .collect();
        for (second, first, name) in reports {
            self.findings.push(yaml::duplicate_key(&name, second, first));
        }
        if duplicates.is_empty() {
            return;
        }
        let doubled: HashSet<usize> = duplicates.iter().map(|&(index, _)| index).collect();
        let kept: Vec<u32> = keys
            .iter()
            .enumerate()
            .filter(|(index, _)| !doubled.contains(index))
            .map(|(_, &key)| key)
            .collect();
        for (index, &key) in kept.iter().enumerate() {
            let after = kept.get(index + 1).copied().unwrap_or(NONE);
            let value = self.nodes.get(key as usize).map_or(NONE, |key| key.next);
            if let Some(value) = self.node_mut(value) {
                value.next = after;
            }
        }
    }

    fn span_of(&self, id: u32) -> Option<Span> {
        self.nodes.get(id as usize).map(|node| Span::new(self.source, node.start, node.end))
    }

    /// Block scalars are reported up to the next token, plain ones now and then with the space behind them.
    fn without_trailing_space(&self, start: u32, end: u32, style: Style) -> u32 {
        if matches!(style, Style::SingleQuoted | Style::DoubleQuoted) {
            return end;
        }
        let text = self.text.get(start as usize..end as usize).unwrap_or("");
        #[expect(clippy::cast_possible_truncation, reason = "`SourceMap::add` refuses texts of 4 GiB")]
        let length = text.trim_end_matches([' ', '\t', '\n', '\r']).len() as u32;
        start + length
    }

    /// Where a scalar's value is not a piece of the text, keeps a copy of it.
    fn decoded_link(&mut self, value: &str, style: Style, start: u32, end: u32) -> u32 {
        let quote = u32::from(matches!(style, Style::SingleQuoted | Style::DoubleQuoted));
        let verbatim = self.text.get((start + quote) as usize..(end.max(quote) - quote) as usize);
        // An empty plain scalar comes as `~`.
        let is_empty = start == end && style == Style::Plain;
        if verbatim == Some(value) || is_empty {
            return NONE;
        }
        self.decoded.push(value.into());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "there are fewer scalars than bytes, and those fit"
        )]
        let link = (self.decoded.len() - 1) as u32;
        link
    }

    /// The parser says that a node has a type tag, not where: it is one of the words before the node.
    fn type_tag(&mut self, start: u32) -> Span {
        let mut before = self.text.get(..start as usize).unwrap_or("");
        let mut found = None;
        for _ in 0..2 {
            before = before.trim_end();
            let word_start = before.rfind([' ', '\t', '\n', '\r', ',', '[', '{']).map_or(0, |at| at + 1);
            let word = before.get(word_start..).unwrap_or("");
            if word.starts_with('!') {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "`SourceMap::add` refuses texts of 4 GiB"
                )]
                let (from, to) = (word_start as u32, before.len() as u32);
                found = Some(Span::new(self.source, from, to));
                break;
            }
            if !word.starts_with('&') {
                break;
            }
            before = before.get(..word_start).unwrap_or("");
        }
        let span = found.unwrap_or(Span::new(self.source, start, start));
        let tag = found.and_then(|span| self.text.get(span.start as usize..span.end as usize)).unwrap_or("!");
        let line = self.text.get(start as usize..).unwrap_or("").lines().next().unwrap_or("");
        let in_flow =
            self.open.last().and_then(|open| self.nodes.get(open.id.0 as usize)).is_some_and(|node| {
                matches!(node.kind, Kind::Sequence { flow: true } | Kind::Mapping { flow: true })
            });
        let line = if in_flow { line.split([',', ']', '}']).next().unwrap_or("") } else { line };
        self.findings.push(yaml::type_tag(span, tag, line.trim()));
        span
    }
}
