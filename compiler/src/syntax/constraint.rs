//! `constraint`: how many hosts of a group may be out of service at once.

use std::rc::Rc;

use super::ast::{At, Limit, LimitKey, Spec};
use super::reader::{Place, Reader};
use super::tree::{Kind, NodeId};
use crate::diagnostics::{constraint as constraint_codes, suggest, yaml};

const MAX_PARALLEL: &str = "max_parallel";

impl Reader<'_> {
    pub(super) fn constraint(&mut self, id: NodeId, spec: &mut Spec) {
        if matches!(self.document.kind(id), Kind::Mapping { .. }) {
            self.groups(id, &mut Vec::new(), spec);
        } else {
            self.mapping_wanted(id, "a mapping from groups to their limits");
        }
    }

    fn groups(&mut self, id: NodeId, way: &mut Vec<Rc<LimitKey>>, spec: &mut Spec) {
        let document = self.document;
        for (key, value) in document.entries(id) {
            let text = document.scalar(key).unwrap_or("").trim();
            let span = document.own_span(key);
            if text == MAX_PARALLEL {
                if way.is_empty() {
                    self.findings.push(constraint_codes::limit_without_group(span));
                } else {
                    self.max_parallel(value, way, spec);
                }
                continue;
            }
            if document.is_null(key) {
                self.findings.push(yaml::missing_value(span, Place::LimitKey.wanted()));
                continue;
            }
            // A misspelt `max_parallel` would be a fine host name.
            let near = suggest::nearest(text, [MAX_PARALLEL]);
            let holds_scalar = matches!(document.kind(value), Kind::Scalar(_)) && !document.is_null(value);
            if near.is_some() || (holds_scalar && text.starts_with("max")) {
                self.findings.push(constraint_codes::unknown_key(text, span));
                continue;
            }
            let set = self.set(key, Place::LimitKey);
            match document.kind(value) {
                Kind::Mapping { .. } if document.children(value).next().is_some() => {
                    way.push(Rc::new(LimitKey { set, text: text.to_owned() }));
                    self.groups(value, way, spec);
                    way.pop();
                }
                Kind::Scalar(_) if !document.is_null(value) => {
                    let found = document.scalar(value).unwrap_or("");
                    self.findings.push(constraint_codes::bare_limit(text, found, document.span(value)));
                }
                Kind::Sequence { .. } => self.mapping_wanted(value, "`max_parallel`, or narrower groups"),
                _ => self.findings.push(constraint_codes::no_limit(text, span)),
            }
        }
    }

    fn max_parallel(&mut self, id: NodeId, way: &[Rc<LimitKey>], spec: &mut Spec) {
        let Some(text) = self.text(id, "a number of hosts or a percentage") else { return };
        let span = self.document.span(id);
        match pogo_grammar::parse_share(text, 1) {
            Ok(share) => spec.limits.push(Limit {
                group: way.to_vec(),
                max_parallel: At::new(share, span),
                declared: text.to_owned(),
            }),
            Err(error) => self.findings.push(constraint_codes::bad_limit(text, span, &error)),
        }
    }
}
