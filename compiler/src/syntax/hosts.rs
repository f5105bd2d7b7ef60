//! The hosts of a compilation, numbered as they are met.

use std::ops::ControlFlow;

use pogo_grammar::{Pattern, host};
use pogo_plan::{HostIdx, HostTable};

use super::embed::Embedded;
use crate::diagnostics::{Findings, host as host_codes, pattern as pattern_codes};
use crate::source::Span;

/// How many patterns a message names before it leaves the rest out, and how many hosts it folds for them.
const NAMED_IN_MESSAGES: usize = 6;
const FOLDED_IN_MESSAGES: usize = 1000;

/// So many hosts of two names are reported; after that names are taken as one.
const MAX_TWINS: u32 = 100;

/// All hosts, what is known of each, and how many more may be named.
#[derive(Debug)]
pub(crate) struct Hosts {
    pub(crate) table: HostTable,
    /// Whether the spec itself names the host, not only a file that it includes.
    named_here: Vec<bool>,
    /// Scratch: the last pattern in which a host was seen.
    seen_in: Vec<u32>,
    pattern: u32,
    max_pattern_hosts: u64,
    /// Hosts that patterns may still expand to, taken together.
    budget: u64,
    /// Whether every expression could be read so far: if not, a host that nobody seems to name may well be named.
    pub(crate) is_certain: bool,
    /// Hosts that another name has too, all reported.
    n_twins: u32,
}

/// Who names a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NamedBy {
    /// The spec: the host is a target unless `targets` says otherwise.
    Spec,
    /// An included file, or an expression outside the spec.
    Other,
}

impl Hosts {
    pub(crate) fn new(max_pattern_hosts: u64) -> Self {
        Self {
            table: HostTable::new(),
            named_here: Vec::new(),
            seen_in: Vec::new(),
            pattern: 0,
            max_pattern_hosts,
            budget: max_pattern_hosts.saturating_mul(4),
            is_certain: true,
            n_twins: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn name(&self, host: HostIdx) -> &str {
        self.table.name(host)
    }

    pub(crate) fn is_named_here(&self, host: HostIdx) -> bool {
        self.named_here.get(host.index()).copied().unwrap_or(false)
    }

    /// Notes that the spec itself names the host.
    pub(crate) fn name_here(&mut self, host: HostIdx) {
        if let Some(named) = self.named_here.get_mut(host.index()) {
            *named = true;
        }
    }

    /// Hosts for a message: folded, and cut short where they are many.
    pub(crate) fn fold(&self, hosts: &[HostIdx]) -> String {
        // Folding must not cost more than it says: a long list is cut before.
        let patterns =
            pogo_grammar::fold::fold(hosts.iter().take(FOLDED_IN_MESSAGES).map(|&host| self.name(host)));
        let mut text = patterns.iter().take(NAMED_IN_MESSAGES).cloned().collect::<Vec<_>>().join(", ");
        if patterns.len() > NAMED_IN_MESSAGES || hosts.len() > FOLDED_IN_MESSAGES {
            text.push_str(", …");
        }
        text
    }

    /// The number of a valid name. `at` tells its place if there is something to say of it.
    pub(crate) fn intern(
        &mut self,
        name: &str,
        by: NamedBy,
        at: impl Fn() -> Span,
        findings: &mut Findings,
    ) -> Option<HostIdx> {
        // Names that differ in case alone land in one bucket: many of them would make each look-up slow.
        let canonical;
        let name = if self.n_twins < MAX_TWINS {
            name
        } else {
            canonical = name.trim_end_matches('.').to_ascii_lowercase();
            &canonical
        };
        let Some(interned) = self.table.intern(name) else {
            findings.push(pattern_codes::too_many_hosts(
                at(),
                "the spec names at least",
                u128::from(u32::MAX),
                u64::from(u32::MAX),
            ));
            return None;
        };
        if interned.is_new {
            self.named_here.push(false);
            self.seen_in.push(0);
            if let Some(twin) = interned.twin {
                self.n_twins += 1;
                findings.push(host_codes::case_twin(name, self.table.name(twin), at()));
            }
        }
        if by == NamedBy::Spec {
            self.name_here(interned.host);
        }
        Some(interned.host)
    }

    /// Adds the hosts of a pattern to `out`; says if something is wrong with it, and then adds what is right.
    pub(crate) fn expand(
        &mut self,
        pattern: &Pattern,
        by: NamedBy,
        text: Embedded<'_>,
        out: &mut Vec<HostIdx>,
        findings: &mut Findings,
    ) -> bool {
        let span = || text.locate(pattern.span());
        let count = pattern.count();
        if count > u128::from(self.max_pattern_hosts) {
            findings.push(pattern_codes::too_many_hosts(
                span(),
                "the pattern names",
                count,
                self.max_pattern_hosts,
            ));
            return false;
        }
        // Up to 2^64 after the comparison above.
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let Some(left) = self.budget.checked_sub(count) else {
            let limit = self.max_pattern_hosts.saturating_mul(4);
            findings.push(pattern_codes::too_many_hosts(
                span(),
                "all patterns together name at least",
                u128::from(limit) + 1,
                limit,
            ));
            return false;
        };
        self.budget = left;
        self.pattern = self.pattern.wrapping_add(1);
        let stamp = self.pattern;
        let mut good = true;
        let _ = pattern.try_for_each(&mut |name| {
            if !host::is_plain_host(name)
                && let Err(kind) = host::check_host(name)
            {
                findings.push(host_codes::invalid(name, &kind, span()));
                good = false;
                return ControlFlow::Break(());
            }
            let Some(host) = self.intern(name, by, span, findings) else {
                good = false;
                return ControlFlow::Break(());
            };
            match self.seen_in.get_mut(host.index()) {
                Some(seen) if *seen == stamp => {
                    findings.push(pattern_codes::duplicate_host(name, span()));
                    good = false;
                    return ControlFlow::Break(());
                }
                Some(seen) => *seen = stamp,
                None => {}
            }
            out.push(host);
            ControlFlow::Continue(())
        });
        good
    }
}
