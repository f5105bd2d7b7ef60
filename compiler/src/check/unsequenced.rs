//! Targets in no slot: they start at once, beside all threads.

use fixedbitset::FixedBitSet;
use pogo_plan::HostIdx;

use crate::diagnostics::{Findings, sequence as codes};
use crate::resolve::Model;

pub(super) fn check(model: &Model, fold: &dyn Fn(&[HostIdx]) -> String, findings: &mut Findings) {
    // What is wrong elsewhere may well be why a host stands in no slot, or is a target.
    if !model.has_sequence || !model.is_whole || findings.has_errors() {
        return;
    }
    let mut in_slot = FixedBitSet::with_capacity(model.hosts.len());
    for host in model.threads.iter().flat_map(|thread| &thread.slots).flat_map(|slot| &slot.hosts) {
        in_slot.insert(host.index());
    }
    let free: Vec<HostIdx> =
        model.targets.iter().copied().filter(|host| !in_slot.contains(host.index())).collect();
    if !free.is_empty() {
        findings.push(codes::unsequenced(&fold(&free), free.len()));
    }
}
