//! Set expressions to hosts.

use std::collections::HashMap;

use pogo_grammar::SetOp;
use pogo_plan::HostIdx;

use super::model::{Limit, Thread};
use super::tags::Tags;
use crate::session::Session;
use crate::syntax::ast::Set;
use crate::syntax::hosts::NamedBy;
use crate::syntax::tree::Document;

/// Hosts in the order of the text, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostSet {
    pub(crate) hosts: Vec<HostIdx>,
    /// An external group in it was not asked: there may be more.
    pub(crate) is_open: bool,
    /// A part of it is wrong and reported: nothing is concluded from what is there.
    pub(crate) is_broken: bool,
}

impl HostSet {
    /// Whether it is surely empty.
    pub(crate) fn is_surely_empty(&self) -> bool {
        self.hosts.is_empty() && !self.is_open && !self.is_broken
    }

    fn broken() -> Self {
        Self { is_broken: true, ..Self::default() }
    }
}

/// A set of hosts that is emptied in no time: each use has a stamp of its own.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    marks: Vec<u32>,
    stamp: u32,
}

impl Marks {
    /// Empties the set.
    pub(crate) fn start(&mut self, hosts: usize) {
        self.start_many(hosts, 1);
    }

    /// Empties the set for marks with numbers below `n`; gives what [`Self::mark_as`] is to be handed.
    pub(crate) fn start_many(&mut self, hosts: usize, n: usize) -> u32 {
        self.grow(hosts);
        let n = u32::try_from(n).unwrap_or(u32::MAX).max(1);
        let base = self.stamp.wrapping_add(1);
        match self.stamp.checked_add(n) {
            Some(stamp) => {
                self.stamp = stamp;
                base
            }
            None => {
                self.marks.fill(0);
                self.stamp = n;
                1
            }
        }
    }

    /// Makes room for hosts that came since.
    pub(crate) fn grow(&mut self, hosts: usize) {
        if self.marks.len() < hosts {
            self.marks.resize(hosts, 0);
        }
    }

    /// Adds a host; whether it is new.
    pub(crate) fn mark(&mut self, host: HostIdx) -> bool {
        let stamp = self.stamp;
        match self.marks.get_mut(host.index()) {
            Some(mark) if *mark == stamp => false,
            Some(mark) => {
                *mark = stamp;
                true
            }
            None => false,
        }
    }

    /// Marks a host with a number, unless it has one: then that.
    pub(crate) fn mark_as(&mut self, host: HostIdx, base: u32, number: usize) -> Option<usize> {
        let stamp = self.stamp;
        let mark = self.marks.get_mut(host.index())?;
        if (base..=stamp).contains(mark) {
            return Some((*mark - base) as usize);
        }
        *mark = base.saturating_add(u32::try_from(number).unwrap_or(u32::MAX)).min(stamp);
        None
    }

    pub(crate) fn contains(&self, host: HostIdx) -> bool {
        self.marks.get(host.index()) == Some(&self.stamp)
    }

    /// Takes a host out.
    pub(crate) fn unmark(&mut self, host: HostIdx) {
        if let Some(mark) = self.marks.get_mut(host.index()) {
            *mark = 0;
        }
    }
}

/// Turns names into hosts, section by section.
pub(crate) struct Resolver<'r, 's> {
    pub(crate) session: &'r mut Session<'s>,
    pub(crate) documents: &'r [Document],
    /// Whether every file was read to its end.
    pub(crate) is_complete: bool,
    pub(crate) tags: Tags,
    pub(crate) threads: Vec<Thread>,
    pub(crate) limits: Vec<Limit>,
    /// For loops over the hosts of tags, slots and limits.
    pub(crate) marks: Marks,
    /// For set operations.
    scratch: Marks,
    /// What external groups and host files came to.
    pub(super) answers: HashMap<super::external::Question, HostSet>,
    /// Whether a group was left open.
    pub(crate) has_open_groups: bool,
}

impl<'r, 's> Resolver<'r, 's> {
    pub(crate) fn new(session: &'r mut Session<'s>, documents: &'r [Document], is_complete: bool) -> Self {
        Self {
            session,
            documents,
            is_complete,
            tags: Tags::default(),
            threads: Vec::new(),
            limits: Vec::new(),
            marks: Marks::default(),
            scratch: Marks::default(),
            answers: HashMap::new(),
            has_open_groups: false,
        }
    }
}

impl Resolver<'_, '_> {
    /// Who names the hosts of a file: the spec is the first.
    pub(crate) fn named_by(&self, file: usize) -> NamedBy {
        if file == 0 { NamedBy::Spec } else { NamedBy::Other }
    }

    /// The hosts of a set expression in a file. Tags must have been resolved as far as the set names them.
    pub(crate) fn evaluate(&mut self, set: &Set, file: usize, by: NamedBy) -> HostSet {
        match set {
            Set::Broken => HostSet::broken(),
            Set::Hosts(hosts) => HostSet { hosts: hosts.clone(), ..HostSet::default() },
            Set::Selector(selector) => {
                let mut found = Vec::with_capacity(selector.parts.len());
                for part in &selector.parts {
                    match self.lookup(part) {
                        Some(id) => found.push(id),
                        None => return HostSet::broken(),
                    }
                }
                let mut sets = found.into_iter();
                let mut result = sets.next().map(|id| self.tags.hosts(id).clone()).unwrap_or_default();
                for id in sets {
                    let other = self.tags.hosts(id);
                    self.scratch.start(self.session.hosts.len());
                    for &host in &other.hosts {
                        self.scratch.mark(host);
                    }
                    result.hosts.retain(|&host| self.scratch.contains(host));
                    result.is_open |= other.is_open;
                    result.is_broken |= other.is_broken;
                }
                result
            }
            Set::Call(call) => self.external_group(call, by),
            Set::File(path) => self.host_file(path, file, by),
            Set::Chain { op, operands } => {
                let mut operands = operands.iter();
                let mut result = operands.next().map(|set| self.evaluate(set, file, by)).unwrap_or_default();
                if *op == SetOp::Union {
                    // One pass for a union of any length.
                    let sets: Vec<HostSet> = operands.map(|set| self.evaluate(set, file, by)).collect();
                    self.scratch.start(self.session.hosts.len());
                    result.hosts.retain(|&host| self.scratch.mark(host));
                    for set in sets {
                        result.hosts.extend(set.hosts.iter().filter(|&&host| self.scratch.mark(host)));
                        result.is_open |= set.is_open;
                        result.is_broken |= set.is_broken;
                    }
                    return result;
                }
                for set in operands {
                    let other = self.evaluate(set, file, by);
                    self.combine(*op, &mut result, &other);
                }
                result
            }
        }
    }

    fn combine(&mut self, op: SetOp, left: &mut HostSet, right: &HostSet) {
        self.scratch.start(self.session.hosts.len());
        for &host in &right.hosts {
            self.scratch.mark(host);
        }
        match op {
            SetOp::Intersection => left.hosts.retain(|&host| self.scratch.contains(host)),
            SetOp::Difference => left.hosts.retain(|&host| !self.scratch.contains(host)),
            SetOp::SymmetricDifference | SetOp::Union => {
                let in_right = std::mem::take(&mut left.hosts);
                let (both, only_left): (Vec<HostIdx>, Vec<HostIdx>) =
                    in_right.into_iter().partition(|&host| self.scratch.contains(host));
                left.hosts = only_left;
                for &host in &both {
                    self.scratch.unmark(host);
                }
                left.hosts.extend(right.hosts.iter().filter(|&&host| self.scratch.contains(host)));
            }
        }
        left.is_open |= right.is_open;
        left.is_broken |= right.is_broken;
    }
}
