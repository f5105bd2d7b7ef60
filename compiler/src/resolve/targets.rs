//! Which hosts a job runs on.

use pogo_plan::HostIdx;

use super::sets::Resolver;
use crate::diagnostics::{job as codes, suggest};
use crate::source::Span;
use crate::syntax::ast::{At, Set};
use crate::syntax::hosts::NamedBy;

impl Resolver<'_, '_> {
    /// The targets in spec order. `n_named` is the number of hosts that the spec names outside `targets`.
    pub(crate) fn resolve_targets(
        &mut self,
        targets: Option<&At<Vec<At<Set>>>>,
        n_named: usize,
    ) -> Vec<HostIdx> {
        let all = |resolver: &Self| -> Vec<HostIdx> {
            let hosts = &resolver.session.hosts;
            hosts.table.iter().map(|(host, _)| host).filter(|&host| hosts.is_named_here(host)).collect()
        };
        let Some(targets) = targets else { return all(self) };
        let mut hosts = Vec::new();
        let mut is_surely_empty = true;
        let mut items = Vec::with_capacity(targets.value.len());
        for item in &targets.value {
            let set = self.evaluate(&item.value, 0, NamedBy::Other);
            is_surely_empty &= set.is_surely_empty();
            hosts.extend_from_slice(&set.hosts);
            items.push((item.span, set.hosts));
        }
        if is_surely_empty && self.is_complete {
            self.session.findings.push(codes::no_targets(targets.span, "no host is selected"));
        }
        hosts.sort_unstable();
        hosts.dedup();
        let is_certain = self.is_complete && !self.has_open_groups && self.session.hosts.is_certain;
        if n_named > 0 && !self.session.options.allow_unknown_hosts && is_certain {
            for (span, selected) in items {
                let unknown: Vec<HostIdx> =
                    selected.into_iter().filter(|host| host.index() >= n_named).collect();
                self.unknown_targets(&unknown, n_named, span);
            }
        }
        hosts
    }

    fn unknown_targets(&mut self, unknown: &[HostIdx], n_named: usize, span: Span) {
        let Some(&first) = unknown.first() else { return };
        let hosts = &self.session.hosts;
        let known = hosts.table.iter().take(n_named).map(|(_, name)| name);
        let near = (unknown.len() == 1).then(|| suggest::nearest(hosts.name(first), known)).flatten();
        let finding = codes::unknown_target(&self.session.fold(unknown), unknown.len(), span, near);
        self.session.findings.push(finding);
    }
}
