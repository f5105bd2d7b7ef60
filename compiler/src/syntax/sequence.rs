//! `sequence`: labels and selectors on the way, threads of slots at the end.

use std::rc::Rc;

use super::ast::{At, Set, Slot, Spec, Thread};
use super::reader::{Place, Reader, describe};
use super::tree::{Kind, NodeId};
use crate::diagnostics::{job as job_codes, sequence as sequence_codes, suggest, yaml};
use crate::source::Span;

/// Names that pogo gives out itself.
const RESERVED: [&str; 3] = ["unconstrained", "sequence", "recovery"];

const SLOT_KEYS: [&str; 3] = ["hosts", "pause_after", "max_failures"];

/// The keys above a thread.
#[derive(Clone, Default)]
struct Way {
    texts: Vec<String>,
    labels: Vec<At<String>>,
    narrowed_by: Vec<Rc<At<Set>>>,
    last_key: Option<Span>,
}

impl Reader<'_> {
    pub(super) fn sequence(&mut self, id: NodeId, spec: &mut Spec) {
        spec.has_sequence = true;
        let before = spec.threads.len();
        self.threads(id, &mut Way::default(), spec);
        self.doubled_labels(spec.threads.get(before..).unwrap_or(&[]));
    }

    fn threads(&mut self, id: NodeId, way: &mut Way, spec: &mut Spec) {
        let document = self.document;
        match document.kind(id) {
            Kind::Mapping { .. } if self.collection_as_pattern(id).is_none() => {
                for (key, value) in document.entries(id) {
                    let kept = (way.texts.len(), way.labels.len(), way.narrowed_by.len(), way.last_key);
                    if self.way_key(key, way) {
                        self.threads(value, way, spec);
                    }
                    way.texts.truncate(kept.0);
                    way.labels.truncate(kept.1);
                    way.narrowed_by.truncate(kept.2);
                    way.last_key = kept.3;
                }
            }
            Kind::Sequence { .. } if self.collection_as_pattern(id).is_none() => {
                self.thread_list(id, way, spec);
            }
            _ => {
                let slots = self.slot(id).into_iter().collect();
                let thread = self.thread(id, way, None, slots);
                spec.threads.push(thread);
            }
        }
    }

    /// A label or a selector; `false` if it is neither.
    fn way_key(&mut self, key: NodeId, way: &mut Way) -> bool {
        let document = self.document;
        let span = document.own_span(key);
        if document.is_null(key) {
            self.findings.push(yaml::missing_value(span, "a label or a selector"));
            return false;
        }
        let text = document.scalar(key).unwrap_or("").trim();
        way.last_key = Some(span);
        if is_label(text) {
            if let Some(name) = text.split('.').find(|name| RESERVED.contains(name)) {
                self.findings.push(sequence_codes::reserved_label(name, span));
                return false;
            }
            way.labels.push(At::new(text.to_owned(), span));
        } else if text.starts_with(|c: char| c.is_ascii_digit())
            || text.contains(['$', '[', '{', ',', '&', '!', '^', '(', '@', ':', '}', ']', ')'])
        {
            let set = self.set(key, Place::SlotKey);
            way.narrowed_by.push(Rc::new(set));
        } else {
            self.findings.push(sequence_codes::bad_label(text, span));
            return false;
        }
        way.texts.push(text.to_owned());
        true
    }

    fn thread_list(&mut self, id: NodeId, way: &mut Way, spec: &mut Spec) {
        let document = self.document;
        let is_list = |item: &NodeId| {
            matches!(document.kind(*item), Kind::Sequence { .. })
                && self.collection_as_pattern(*item).is_none()
        };
        let items: Vec<NodeId> = document.children(id).collect();
        let lists = items.iter().filter(|item| is_list(item)).count();
        if lists == 0 {
            if items.is_empty() {
                self.findings.push(sequence_codes::empty_thread(document.span(id), way.last_key));
            }
            let slots = items.into_iter().filter_map(|item| self.slot(item)).collect();
            let thread = self.thread(id, way, None, slots);
            spec.threads.push(thread);
        } else if lists == items.len() {
            let texts: Vec<Vec<String>> = items
                .iter()
                .map(|&item| {
                    let slots = document.children(item);
                    slots.map(|slot| document.scalar(slot).unwrap_or("…").trim().to_owned()).collect()
                })
                .collect();
            let mark = items.first().map_or(document.span(id), |&item| document.span(item));
            self.findings.push(sequence_codes::list_of_lists(mark, &texts));
            for (index, &item) in items.iter().enumerate() {
                if document.children(item).next().is_none() {
                    self.findings.push(sequence_codes::empty_thread(document.span(item), None));
                }
                let slots = document.children(item).filter_map(|item| self.slot(item)).collect();
                let thread = self.thread(item, way, Some(index + 1), slots);
                spec.threads.push(thread);
            }
        } else {
            // The fewer are the odd ones out.
            let lists_are_odd = lists * 2 <= items.len();
            let first_odd = items.iter().find(|item| is_list(item) == lists_are_odd);
            let first_other = items.iter().find(|item| is_list(item) != lists_are_odd);
            let at = |item: Option<&NodeId>| item.map_or(document.span(id), |&item| document.span(item));
            let finding = sequence_codes::mixed_list(at(first_odd), at(first_other), lists_are_odd);
            self.findings.push(finding);
        }
    }

    fn thread(&self, id: NodeId, way: &Way, number: Option<usize>, slots: Vec<Slot>) -> Thread {
        let mut base = if way.texts.is_empty() { "sequence".to_owned() } else { way.texts.join(".") };
        if let Some(number) = number {
            base.push_str(&format!("[{number}]"));
        }
        let slot_prefix = if way.texts.is_empty() { String::new() } else { format!("{base}.") };
        Thread {
            id: base,
            slot_prefix,
            labels: way.labels.clone(),
            narrowed_by: way.narrowed_by.clone(),
            slots,
            span: way.last_key.unwrap_or_else(|| self.document.span(id)),
        }
    }

    fn slot(&mut self, id: NodeId) -> Option<Slot> {
        let document = self.document;
        if !matches!(document.kind(id), Kind::Mapping { .. }) || self.collection_as_pattern(id).is_some() {
            let hosts = self.set(id, Place::Expression);
            let text = document.scalar(id).unwrap_or("").trim().to_owned();
            return Some(Slot { hosts, text, pause_after_ms: None, max_failures: None });
        }
        let (mut hosts, mut pause_after_ms, mut max_failures) = (None, None, None);
        let mut unknown = None;
        for (key, value) in document.entries(id) {
            match document.scalar(key).unwrap_or("") {
                "hosts" => hosts = Some(value),
                "pause_after" => pause_after_ms = self.slot_duration(value),
                "max_failures" => max_failures = self.slot_failures(value),
                name => {
                    unknown.get_or_insert((name, document.own_span(key)));
                }
            }
        }
        if let Some((name, span)) = unknown {
            let near = suggest::nearest(name, SLOT_KEYS);
            self.findings.push(sequence_codes::unknown_slot_key(name, span, near, hosts.is_some()));
            hosts?;
        }
        let Some(hosts) = hosts else {
            self.findings.push(sequence_codes::slot_without_hosts(document.span(id)));
            return None;
        };
        let text = document.scalar(hosts).unwrap_or("").trim().to_owned();
        Some(Slot { hosts: self.set(hosts, Place::Expression), text, pause_after_ms, max_failures })
    }

    fn slot_duration(&mut self, id: NodeId) -> Option<u64> {
        let text = self.text(id, "a duration such as `30m`")?;
        match pogo_grammar::parse_duration(text) {
            Ok(duration) => Some(duration),
            Err(error) => {
                let span = self.document.span(id);
                self.findings.push(job_codes::bad_duration("pause_after", text, span, &error));
                None
            }
        }
    }

    fn slot_failures(&mut self, id: NodeId) -> Option<u32> {
        let text = self.text(id, "a number of hosts")?;
        let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        if number.is_none() {
            let wanted = "a number of hosts, from 0";
            self.findings.push(job_codes::bad_value(
                "max_failures",
                text,
                self.document.span(id),
                wanted,
                None,
            ));
        }
        number
    }

    /// `a.b:` beside `a: {b:}` is one thread twice.
    fn doubled_labels(&mut self, threads: &[Thread]) {
        let mut seen = std::collections::HashMap::new();
        for thread in threads {
            if !thread.narrowed_by.is_empty() || thread.labels.is_empty() {
                continue;
            }
            match seen.entry(thread.id.as_str()) {
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(thread.span);
                }
                std::collections::hash_map::Entry::Occupied(first) => {
                    self.findings.push(yaml::duplicate_key(&thread.id, thread.span, *first.get()));
                }
            }
        }
    }

    /// Says that a mapping was wanted.
    pub(super) fn mapping_wanted(&mut self, id: NodeId, wanted: &str) {
        if self.document.is_null(id) {
            self.findings.push(yaml::missing_value(self.document.own_span(id), wanted));
        } else {
            let found = describe(self.document.kind(id));
            self.findings.push(yaml::wrong_shape(self.document.span(id), found, wanted));
        }
    }
}

/// `[A-Za-z_][A-Za-z0-9_-]*`, with dots between.
fn is_label(text: &str) -> bool {
    text.split('.').all(|part| {
        let mut chars = part.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    })
}
