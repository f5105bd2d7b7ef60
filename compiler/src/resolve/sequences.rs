//! Threads and slots with their hosts.

use std::collections::HashMap;

use pogo_plan::HostIdx;

use super::model;
use super::sets::{HostSet, Marks, Resolver};
use crate::diagnostics::sequence as codes;
use crate::source::Span;
use crate::syntax::ast;
use crate::syntax::hosts::NamedBy;

/// Gives each id once: the second use of one gets `#2`.
#[derive(Default)]
pub(crate) struct UniqueIds {
    used: HashMap<String, u32>,
}

impl UniqueIds {
    pub(crate) fn unique(&mut self, id: &str) -> String {
        let mut candidate = id.to_owned();
        loop {
            match self.used.get_mut(&candidate) {
                None => {
                    self.used.insert(candidate.clone(), 1);
                    return candidate;
                }
                Some(_) => {
                    let count = self.used.entry(id.to_owned()).or_insert(1);
                    *count += 1;
                    candidate = format!("{id}#{count}");
                }
            }
        }
    }
}

impl Resolver<'_, '_> {
    pub(crate) fn resolve_threads(&mut self, threads: Vec<ast::Thread>) {
        let (mut thread_ids, mut slot_ids) = (UniqueIds::default(), UniqueIds::default());
        // The thread of targets in no slot has its names for itself.
        thread_ids.unique("unconstrained");
        slot_ids.unique("unconstrained");
        let mut narrowing = Marks::default();
        for thread in threads {
            let within = self.narrow(&thread.narrowed_by);
            if let Some(within) = &within {
                narrowing.start(self.session.hosts.len());
                for &host in &within.hosts {
                    narrowing.mark(host);
                }
            }
            let mut slots = Vec::with_capacity(thread.slots.len());
            let base = self.marks.start_many(self.session.hosts.len(), thread.slots.len());
            for (number, slot) in thread.slots.into_iter().enumerate() {
                let id = slot_ids.unique(&format!("{}{}", thread.slot_prefix, slot.text));
                let mut set = self.evaluate(&slot.hosts.value, 0, NamedBy::Spec);
                if let Some(within) = &within {
                    narrowing.grow(self.session.hosts.len());
                    set.hosts.retain(|&host| narrowing.contains(host));
                    set.is_open |= within.is_open;
                    set.is_broken |= within.is_broken;
                }
                if set.is_surely_empty() && self.is_complete {
                    self.session.findings.push(codes::slot_empty(
                        &slot.text,
                        slot.hosts.span,
                        within.is_some(),
                    ));
                }
                self.marks.grow(self.session.hosts.len());
                let hosts = self.first_slot_only(set.hosts, base, number, slot.hosts.span, &slots);
                slots.push(model::Slot {
                    id,
                    hosts,
                    pause_after_ms: slot.pause_after_ms,
                    max_failures: slot.max_failures,
                    span: slot.hosts.span,
                });
            }
            let id = thread_ids.unique(&thread.id);
            self.threads.push(model::Thread { id, labels: thread.labels, slots });
        }
    }

    /// The hosts that carry every key above a thread; nothing if there are no keys but labels.
    fn narrow(&mut self, keys: &[std::rc::Rc<ast::At<ast::Set>>]) -> Option<HostSet> {
        let mut keys = keys.iter();
        let mut within = self.evaluate(&keys.next()?.value, 0, NamedBy::Spec);
        for key in keys {
            let other = self.evaluate(&key.value, 0, NamedBy::Spec);
            self.marks.start(self.session.hosts.len());
            for &host in &other.hosts {
                self.marks.mark(host);
            }
            within.hosts.retain(|&host| self.marks.contains(host));
            within.is_open |= other.is_open;
            within.is_broken |= other.is_broken;
        }
        Some(within)
    }

    /// A host in two slots of one thread belongs to the first.
    fn first_slot_only(
        &mut self,
        mut hosts: Vec<HostIdx>,
        base: u32,
        number: usize,
        span: Span,
        earlier: &[model::Slot],
    ) -> Vec<HostIdx> {
        let mut taken: Vec<(usize, Vec<HostIdx>)> = Vec::new();
        hosts.retain(|&host| {
            let Some(first) = self.marks.mark_as(host, base, number) else { return true };
            if first != number {
                match taken.iter_mut().find(|(slot, _)| *slot == first) {
                    Some((_, hosts)) => hosts.push(host),
                    None => taken.push((first, vec![host])),
                }
            }
            false
        });
        for (slot, hosts) in taken {
            let Some(first) = earlier.get(slot) else { continue };
            let names = self.session.fold(&hosts);
            self.session.findings.push(codes::host_in_two_slots(
                &names,
                hosts.len(),
                span,
                (&first.id, first.span),
            ));
        }
        hosts
    }
}
