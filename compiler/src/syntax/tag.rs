//! `tag`: names, values, members.

use super::ast::{At, Members, Set, Spec, Tag};
use super::reader::{Place, Reader};
use super::tree::{Kind, NodeId};
use crate::diagnostics::{tag as tag_codes, yaml};

/// Names from a tag to a value in it. Each value keeps all names on the way to it, and a dot is cheap to write.
const MAX_NAMES: u32 = 1000;

impl Reader<'_> {
    pub(super) fn tags(&mut self, id: NodeId, spec: &mut Spec) {
        if matches!(self.document.kind(id), Kind::Mapping { .. }) {
            self.tag_values(id, &mut Vec::new(), spec);
        } else {
            self.not_a_scalar_but_mapping(id);
        }
    }

    fn not_a_scalar_but_mapping(&mut self, id: NodeId) {
        let found = super::reader::describe(self.document.kind(id));
        self.findings.push(yaml::wrong_shape(
            self.document.span(id),
            found,
            "a mapping from tags to their members",
        ));
    }

    /// Depth is bounded by the document's; dots in keys add path, not recursion.
    fn tag_values(&mut self, id: NodeId, path: &mut Vec<At<String>>, spec: &mut Spec) {
        let document = self.document;
        for (key, value) in document.entries(id) {
            let before = path.len();
            if self.tag_key(key, path) {
                let is_mapping = matches!(document.kind(value), Kind::Mapping { .. });
                if is_mapping && self.collection_as_pattern(value).is_none() {
                    spec.tags.push(Tag { path: path.clone(), members: None });
                    self.tag_values(value, path, spec);
                } else {
                    let members = self.members(value);
                    spec.tags.push(Tag { path: path.clone(), members: Some(members) });
                }
            }
            path.truncate(before);
        }
    }

    /// Adds what a key names: a plain key nests at its dots, a quoted one is one name.
    fn tag_key(&mut self, key: NodeId, path: &mut Vec<At<String>>) -> bool {
        let document = self.document;
        let span = document.own_span(key);
        let text = document.scalar(key).unwrap_or("");
        if document.is_null(key) {
            self.findings.push(yaml::missing_value(span, "a name"));
            return false;
        }
        if document.is_quoted(key) {
            return self.tag_name(text, span, path);
        }
        let mut at = document.verbatim_start(key);
        for name in text.split('.') {
            #[expect(clippy::cast_possible_truncation, reason = "a piece of a text of less than 4 GiB")]
            let length = name.len() as u32;
            let part = at.map_or(span, |at| crate::source::Span::new(span.source, at, at + length));
            if !self.tag_name(name, part, path) {
                return false;
            }
            at = at.map(|at| at + length + 1);
        }
        true
    }

    fn tag_name(&mut self, name: &str, span: crate::source::Span, path: &mut Vec<At<String>>) -> bool {
        if path.len() >= MAX_NAMES as usize {
            self.findings.push(yaml::too_deep(span, MAX_NAMES));
            return false;
        }
        let is_tag = path.is_empty();
        let good = if is_tag {
            let mut chars = name.chars();
            chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        } else {
            !name.is_empty() && !name.chars().any(|c| c.is_control() || c == '"' || c == '\\')
        };
        if good {
            path.push(At::new(name.to_owned(), span));
        } else {
            self.findings.push(tag_codes::bad_name(name, is_tag, span));
        }
        good
    }

    fn members(&mut self, id: NodeId) -> Members {
        let document = self.document;
        let mut members = Members { node: Some(id), ..Members::default() };
        if let Some(pattern) = self.collection_as_pattern(id) {
            self.pattern_needs_quotes(id, &pattern);
            self.hosts.is_certain = false;
            members.sets.push((0, Set::Broken));
        } else if matches!(document.kind(id), Kind::Sequence { .. }) {
            for item in document.children(id) {
                self.member(item, &mut members);
            }
        } else {
            self.member(id, &mut members);
        }
        members
    }

    fn member(&mut self, id: NodeId, members: &mut Members) {
        if let Some(text) = self.document.scalar(id)
            && !self.document.is_null(id)
            && self.plain_host(text, id, &mut members.hosts)
        {
            return;
        }
        match self.set(id, Place::Member).value {
            Set::Hosts(hosts) => members.hosts.extend(hosts),
            // Patterns with commas between are members one after the other.
            Set::Chain { operands, .. } if operands.iter().all(|set| matches!(set, Set::Hosts(_))) => {
                for operand in operands {
                    if let Set::Hosts(hosts) = operand {
                        members.hosts.extend(hosts);
                    }
                }
            }
            set => {
                let before = u32::try_from(members.hosts.len()).unwrap_or(u32::MAX);
                members.sets.push((before, set));
            }
        }
    }
}
