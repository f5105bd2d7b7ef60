//! `pogo::sequence::cycle`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "sequence", "cycle");

/// A host in two slots: it waits in one, and so the other is not done.
pub(crate) struct Step<'a> {
    pub(crate) host: &'a str,
    pub(crate) waits_in: (&'a str, Span),
    pub(crate) holds_up: (&'a str, Span),
}

pub(crate) fn cycle(steps: &[Step<'_>]) -> Diagnostic {
    let way: Vec<String> = steps
        .iter()
        .map(|step| {
            format!("`{}` waits in `{}` and holds up `{}`", step.host, step.waits_in.0, step.holds_up.0)
        })
        .collect();
    let mut finding = Diagnostic::new(&CODE, format!("these slots wait for each other: {}", way.join("; ")));
    let mut marked = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let before = steps.get((index + steps.len() - 1) % steps.len().max(1));
        for (span, text) in [
            (step.holds_up.1, format!("not done before `{}` is", step.host)),
            (
                step.waits_in.1,
                before.map_or(String::new(), |before| {
                    format!("`{}` opens after `{}`", step.waits_in.0, before.holds_up.0)
                }),
            ),
        ] {
            if marked.contains(&span) {
                continue;
            }
            marked.push(span);
            finding =
                if marked.len() == 1 { finding.primary(span, text) } else { finding.secondary(span, text) };
        }
    }
    finding.help(
        "put the slots in the same order in every thread, or take the host out of one of them: `$a ! host`",
    )
}
