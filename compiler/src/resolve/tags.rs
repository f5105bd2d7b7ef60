//! Tags and their values as a forest, and the hosts of each.

use std::collections::HashMap;

use pogo_plan::HostIdx;

use super::sets::{HostSet, Resolver};
use crate::diagnostics::{include as include_codes, tag as tag_codes, yaml};
use crate::source::Span;
use crate::syntax::ast::{self, Members, Set};

/// The number of a tag or of one of its values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct TagId(u32);

/// The parent of tags.
const ROOT: u32 = u32::MAX;

/// All tags of a spec and what it includes. A value's number is greater than that of what it stands in.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    nodes: Vec<TagNode>,
    by_name: HashMap<(u32, Box<str>), TagId>,
    roots: Vec<TagId>,
}

#[derive(Debug)]
pub(crate) struct TagNode {
    pub(crate) name: String,
    parent: u32,
    pub(crate) children: Vec<TagId>,
    /// Its key, where it was first named.
    pub(crate) key: Span,
    definition: Definition,
    state: State,
    pub(crate) resolved: HostSet,
}

#[derive(Debug)]
enum Definition {
    /// Only the dots of keys below it name it so far.
    Implied,
    /// A mapping.
    Group,
    /// A list, and the number of the file that has it.
    Members(Members, usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    New,
    Open,
    Done,
}

impl Tags {
    pub(crate) fn get(&self, id: TagId) -> Option<&TagNode> {
        self.nodes.get(id.0 as usize)
    }

    /// The hosts of a tag or value.
    pub(crate) fn hosts(&self, id: TagId) -> &HostSet {
        static NOTHING: HostSet = HostSet { hosts: Vec::new(), is_open: false, is_broken: false };
        self.get(id).map_or(&NOTHING, |node| &node.resolved)
    }

    pub(crate) fn children(&self, id: TagId) -> &[TagId] {
        self.get(id).map_or(&[], |node| &node.children)
    }

    /// The tags themselves, in spec order.
    pub(crate) fn roots(&self) -> &[TagId] {
        &self.roots
    }

    pub(crate) fn root(&self, name: &str) -> Option<TagId> {
        self.child_of(ROOT, name)
    }

    pub(crate) fn child(&self, id: TagId, name: &str) -> Option<TagId> {
        self.child_of(id.0, name)
    }

    fn child_of(&self, parent: u32, name: &str) -> Option<TagId> {
        // A key of owned parts asks for an owned name; selectors are few.
        self.by_name.get(&(parent, Box::from(name))).copied()
    }

    /// All of them, what stands outside first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TagId, &TagNode)> {
        #[expect(clippy::cast_possible_truncation, reason = "`define` counts in u32")]
        self.nodes.iter().enumerate().map(|(index, node)| (TagId(index as u32), node))
    }

    /// As a selector names it: `$colo.east`, `$version."1.10"`.
    pub(crate) fn selector(&self, id: TagId) -> String {
        let mut names = Vec::new();
        let mut at = Some(id);
        while let Some(node) = at.and_then(|id| self.get(id)) {
            names.push(node.name.as_str());
            at = (node.parent != ROOT).then_some(TagId(node.parent));
        }
        let mut text = String::from("$");
        for (depth, name) in names.iter().rev().enumerate() {
            if depth > 0 {
                text.push('.');
            }
            let is_bare = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
            if depth == 0 || is_bare {
                text.push_str(name);
            } else {
                text.push('"');
                text.push_str(name);
                text.push('"');
            }
        }
        text
    }

    fn place(&mut self, parent: u32, name: &ast::At<String>) -> TagId {
        if let Some(known) = self.child_of(parent, &name.value) {
            return known;
        }
        #[expect(clippy::cast_possible_truncation, reason = "each has a key in a text of less than 4 GiB")]
        let id = TagId(self.nodes.len() as u32);
        self.nodes.push(TagNode {
            name: name.value.clone(),
            parent,
            children: Vec::new(),
            key: name.span,
            definition: Definition::Implied,
            state: State::New,
            resolved: HostSet::default(),
        });
        self.by_name.insert((parent, Box::from(name.value.as_str())), id);
        match self.nodes.get_mut(parent as usize) {
            Some(parent) => parent.children.push(id),
            None => self.roots.push(id),
        }
        id
    }
}

impl Resolver<'_, '_> {
    /// Takes in the tags of one file.
    pub(crate) fn define_tags(&mut self, file: usize, tags: Vec<ast::Tag>) {
        for tag in tags {
            let mut id = None;
            let mut inside_list = None;
            for name in &tag.path {
                if let Some(outer) = id.and_then(|id| self.tags.get(id))
                    && matches!(outer.definition, Definition::Members(..))
                {
                    inside_list = Some(outer.key);
                }
                id = Some(self.tags.place(id.map_or(ROOT, |id: TagId| id.0), name));
            }
            let (Some(id), Some(last)) = (id, tag.path.last()) else { continue };
            let name = self.tags.selector(id);
            let Some(node) = self.tags.nodes.get_mut(id.0 as usize) else { continue };
            let first = inside_list.or_else(|| match (&node.definition, &tag.members) {
                (Definition::Implied, None) => None,
                (Definition::Implied, Some(_)) if node.children.is_empty() => None,
                // A tag may be spread over files, value by value.
                (Definition::Group, None) if node.key.source != last.span.source => None,
                _ => Some(node.key),
            });
            if let Some(first) = first {
                self.session.findings.push(if first.source == last.span.source {
                    yaml::duplicate_key(&name, last.span, first)
                } else {
                    include_codes::defined_twice(&name, last.span, first)
                });
                continue;
            }
            node.key = last.span;
            node.definition = match tag.members {
                Some(members) => Definition::Members(members, file),
                None => Definition::Group,
            };
        }
    }

    /// Computes the hosts of every tag and value. Circles are reported, and then taken for nothing.
    pub(crate) fn resolve_tags(&mut self) {
        for index in 0..self.tags.nodes.len() {
            #[expect(clippy::cast_possible_truncation, reason = "`place` counts in u32")]
            self.resolve_from(TagId(index as u32));
        }
    }

    /// Depth first without recursion: a spec may compose tags to any depth.
    fn resolve_from(&mut self, start: TagId) {
        struct Frame {
            id: TagId,
            needs: Vec<(TagId, Span)>,
            next: usize,
        }
        if self.tags.get(start).is_none_or(|node| node.state != State::New) {
            return;
        }
        let mut stack = vec![Frame { id: start, needs: self.needs(start), next: 0 }];
        self.set_state(start, State::Open);
        while let Some(frame) = stack.last_mut() {
            let Some(&(needed, _)) = frame.needs.get(frame.next) else {
                let id = frame.id;
                stack.pop();
                let resolved = self.tag_hosts(id);
                if let Some(node) = self.tags.nodes.get_mut(id.0 as usize) {
                    node.resolved = resolved;
                    node.state = State::Done;
                }
                continue;
            };
            frame.next += 1;
            match self.tags.get(needed).map(|node| node.state) {
                Some(State::New) => {
                    self.set_state(needed, State::Open);
                    let needs = self.needs(needed);
                    stack.push(Frame { id: needed, needs, next: 0 });
                }
                Some(State::Open) => {
                    let from = stack.iter().position(|frame| frame.id == needed).unwrap_or(0);
                    let steps: Vec<(String, Span)> = stack
                        .iter()
                        .skip(from)
                        .filter_map(|frame| {
                            let (_, span) = *frame.needs.get(frame.next.checked_sub(1)?)?;
                            Some((self.tags.selector(frame.id), span))
                        })
                        .collect();
                    self.session.findings.push(tag_codes::circle(&steps));
                    // Whoever is in the circle has fewer hosts than was meant; nothing is concluded from that.
                    for frame in stack.iter().skip(from) {
                        if let Some(node) = self.tags.nodes.get_mut(frame.id.0 as usize) {
                            node.resolved.is_broken = true;
                        }
                    }
                }
                Some(State::Done) | None => {}
            }
        }
    }

    fn set_state(&mut self, id: TagId, state: State) {
        if let Some(node) = self.tags.nodes.get_mut(id.0 as usize) {
            node.state = state;
        }
    }

    /// What must be resolved before `id`, and where it says so.
    fn needs(&mut self, id: TagId) -> Vec<(TagId, Span)> {
        let Some(node) = self.tags.get(id) else { return Vec::new() };
        let mut needs: Vec<(TagId, Span)> =
            node.children.iter().filter_map(|&child| Some((child, self.tags.get(child)?.key))).collect();
        let Definition::Members(members, _) = &node.definition else { return needs };
        let mut parts = Vec::new();
        for (_, set) in &members.sets {
            collect_parts(set, &mut parts);
        }
        for part in parts {
            // Unknown names are reported when the set is evaluated.
            if let Ok(found) = super::selectors::find(&self.tags, part) {
                needs.push((found, part.span));
            }
        }
        needs
    }

    fn tag_hosts(&mut self, id: TagId) -> HostSet {
        let Some(node) = self.tags.nodes.get_mut(id.0 as usize) else { return HostSet::default() };
        let was_broken = node.resolved.is_broken;
        let definition = std::mem::replace(&mut node.definition, Definition::Implied);
        let mut result = match &definition {
            Definition::Members(members, file) => self.member_hosts(id, members, *file),
            Definition::Group | Definition::Implied => {
                let children = self.tags.children(id).to_vec();
                self.union_of_values(id, &children)
            }
        };
        result.is_broken |= was_broken;
        if let Some(node) = self.tags.nodes.get_mut(id.0 as usize) {
            node.definition = match definition {
                // Resolved: what is left of it is where it stands.
                Definition::Members(members, file) => {
                    Definition::Members(Members { node: members.node, ..Members::default() }, file)
                }
                other => other,
            };
        }
        result
    }

    fn member_hosts(&mut self, id: TagId, members: &Members, file: usize) -> HostSet {
        let mut result = HostSet { hosts: Vec::with_capacity(members.hosts.len()), ..HostSet::default() };
        let mut doubled = Vec::new();
        self.marks.start(self.session.hosts.len());
        let mut plain = members.hosts.iter();
        let mut done = 0;
        let by = self.named_by(file);
        for (before, set) in &members.sets {
            for &host in plain.by_ref().take((*before as usize).saturating_sub(done)) {
                if self.marks.mark(host) {
                    result.hosts.push(host);
                } else {
                    doubled.push(host);
                }
            }
            done = *before as usize;
            let set = self.evaluate(set, file, by);
            result.is_open |= set.is_open;
            result.is_broken |= set.is_broken;
            self.marks.grow(self.session.hosts.len());
            for host in set.hosts {
                // A host that two composed tags share is no mistake.
                if self.marks.mark(host) {
                    result.hosts.push(host);
                }
            }
        }
        for &host in plain {
            if self.marks.mark(host) {
                result.hosts.push(host);
            } else {
                doubled.push(host);
            }
        }
        if !doubled.is_empty() {
            self.host_twice(id, members, file, &doubled);
        }
        result
    }

    /// Finds the places of hosts that a value lists twice, which costs a second look at the list.
    fn host_twice(&mut self, id: TagId, members: &Members, file: usize, doubled: &[HostIdx]) {
        let selector = self.tags.selector(id);
        let Some((document, list)) = self.documents.get(file).zip(members.node) else { return };
        let single = [list];
        let items: Box<dyn Iterator<Item = _>> = match document.kind(list) {
            crate::syntax::tree::Kind::Sequence { .. } => Box::new(document.children(list)),
            _ => Box::new(single.into_iter()),
        };
        let mut wanted: HashMap<HostIdx, Option<Span>> = doubled.iter().map(|&host| (host, None)).collect();
        let mut reported = std::collections::HashSet::new();
        for item in items {
            let Some(text) = document.scalar(item) else { continue };
            let span = document.own_span(item);
            let mut names = Vec::new();
            if let Some(host) = self.session.hosts.table.get(text) {
                names.push(host);
            } else if let Ok(expr) = pogo_grammar::Expr::parse(text) {
                for pattern in patterns(&expr) {
                    pattern.for_each(&mut |name| names.extend(self.session.hosts.table.get(name)));
                }
            }
            for host in names {
                let Some(first) = wanted.get_mut(&host) else { continue };
                match first {
                    None => *first = Some(span),
                    // One finding for all hosts that one item repeats.
                    Some(first) if reported.insert(span) => {
                        let name = self.session.hosts.name(host);
                        self.session.findings.push(tag_codes::host_twice(name, &selector, span, *first));
                    }
                    Some(_) => {}
                }
            }
        }
    }

    fn union_of_values(&mut self, id: TagId, children: &[TagId]) -> HostSet {
        let mut result = HostSet::default();
        let total = children.iter().map(|&child| self.tags.hosts(child).hosts.len()).sum();
        result.hosts.reserve(total);
        let base = self.marks.start_many(self.session.hosts.len(), children.len());
        // Hosts of a value that an earlier value has, by the first of those.
        let mut shared: Vec<(TagId, TagId, Vec<HostIdx>)> = Vec::new();
        for (index, &child) in children.iter().enumerate() {
            let set = self.tags.hosts(child);
            result.is_open |= set.is_open;
            result.is_broken |= set.is_broken;
            let first_of_child = shared.len();
            for &host in &set.hosts {
                let Some(earlier) = self.marks.mark_as(host, base, index) else {
                    result.hosts.push(host);
                    continue;
                };
                let Some(&earlier) = children.get(earlier) else { continue };
                let n_pairs = shared.len() - first_of_child;
                match shared.iter_mut().skip(first_of_child).find(|(_, of, _)| *of == earlier) {
                    Some((_, _, hosts)) => hosts.push(host),
                    // A few pairs of values say enough.
                    None if n_pairs < 4 => shared.push((child, earlier, vec![host])),
                    None => {}
                }
            }
        }
        for (child, earlier, hosts) in &shared {
            let Some(node) = self.tags.get(*child) else { continue };
            let names = self.session.fold(hosts);
            let finding = tag_codes::host_in_two_values(
                &names,
                hosts.len(),
                &self.tags.selector(id),
                (&self.tags.selector(*child), node.key),
                (&self.tags.selector(*earlier), self.tags.get(*earlier).map_or(node.key, |node| node.key)),
            );
            self.session.findings.push(finding);
        }
        result
    }
}

/// The patterns of a member: one, or several with commas between.
fn patterns(expr: &pogo_grammar::Expr) -> Vec<&pogo_grammar::Pattern> {
    use pogo_grammar::ExprKind;
    match &expr.kind {
        ExprKind::Pattern(pattern) => vec![pattern],
        ExprKind::Chain { operands, .. } => operands.iter().flat_map(patterns).collect(),
        ExprKind::Selector(_) | ExprKind::Call(_) | ExprKind::File(_) | ExprKind::Group(_) => Vec::new(),
    }
}

fn collect_parts<'s>(set: &'s Set, parts: &mut Vec<&'s ast::SelectorPart>) {
    match set {
        Set::Selector(selector) => parts.extend(&selector.parts),
        Set::Chain { operands, .. } => {
            for operand in operands {
                collect_parts(operand, parts);
            }
        }
        Set::Hosts(_) | Set::Call(_) | Set::File(_) | Set::Broken => {}
    }
}
