//! `include`: the files that a spec takes tags and constraints from.

use super::ast::{At, Spec};
use super::reader::Reader;
use super::tree::{Kind, NodeId};

impl Reader<'_> {
    pub(super) fn include(&mut self, id: NodeId, spec: &mut Spec) {
        let document = self.document;
        let paths: Vec<NodeId> = match document.kind(id) {
            Kind::Sequence { .. } => document.children(id).collect(),
            _ => vec![id],
        };
        for path in paths {
            if let Some(text) = self.text(path, "the path of a file") {
                spec.includes.push(At::new(text.to_owned(), document.span(path)));
            }
        }
    }
}
