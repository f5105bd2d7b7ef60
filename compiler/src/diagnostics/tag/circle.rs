//! `pogo::tag::circle`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "tag", "circle");

/// The tags on the way round, each with the place that leads to the next.
pub(crate) fn circle(steps: &[(String, Span)]) -> Diagnostic {
    let mut names: Vec<&str> = steps.iter().map(|(name, _)| name.as_str()).collect();
    names.extend(names.first().copied());
    let way = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ");
    let first = names.first().copied().unwrap_or("$tag");
    let mut finding = Diagnostic::new(&CODE, format!("`{first}` is defined through itself: {way}"));
    for (index, (name, at)) in steps.iter().enumerate().rev() {
        let next = names.get(index + 1).copied().unwrap_or(first);
        let text = format!("`{name}` needs `{next}`");
        finding =
            if index + 1 == steps.len() { finding.primary(*at, text) } else { finding.secondary(*at, text) };
    }
    finding.help("name the hosts in one of them")
}
