//! `pogo::include::circle`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Error, "include", "circle");

/// The files on the way round, each with the place that includes it.
pub(crate) fn circle(steps: &[(String, Span)]) -> Diagnostic {
    let files: Vec<String> = steps.iter().map(|(path, _)| format!("`{path}`")).collect();
    let mut finding =
        Diagnostic::new(&CODE, format!("these files include each other: {}", files.join(" → ")));
    for (index, (path, at)) in steps.iter().rev().enumerate() {
        let text = format!("includes `{path}`");
        finding = if index == 0 { finding.primary(*at, text) } else { finding.secondary(*at, text) };
    }
    finding.help("move what both need to a third file")
}
