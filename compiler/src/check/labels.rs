//! A label that is also the name of a tag or host: `frontend:` where `$frontend:` was most likely meant.

use crate::diagnostics::{Findings, sequence as codes};
use crate::resolve::Model;

pub(super) fn check(model: &Model, findings: &mut Findings) {
    let mut seen = std::collections::HashSet::new();
    for thread in &model.threads {
        for label in &thread.labels {
            if !seen.insert(label.span) {
                continue;
            }
            let name = &label.value;
            let mut parts = name.split('.');
            let mut tag = parts.next().and_then(|first| model.tags.root(first));
            for part in parts {
                tag = tag.and_then(|tag| model.tags.child(tag, part));
            }
            if let Some(tag) = tag {
                findings.push(codes::label_is_tag(name, &model.tags.selector(tag), label.span));
            } else if model.hosts.table.get(name).is_some() {
                findings.push(codes::label_is_host(name, label.span));
            }
        }
    }
}
