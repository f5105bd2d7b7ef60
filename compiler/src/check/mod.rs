//! Rules over the whole model, one file each.

mod cycle;
mod labels;
mod unsequenced;

use crate::diagnostics::Findings;
use crate::resolve::Model;

/// Applies every rule. With errors, rules that conclude something from what is not there stay silent.
pub(crate) fn check(
    model: &Model,
    has_errors: bool,
    fold: &dyn Fn(&[pogo_plan::HostIdx]) -> String,
    findings: &mut Findings,
) {
    cycle::check(model, findings);
    labels::check(model, findings);
    if !has_errors {
        unsequenced::check(model, fold, findings);
    }
}
