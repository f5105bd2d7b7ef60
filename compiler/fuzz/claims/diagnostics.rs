//! What holds for all findings, whatever was read.

use std::collections::HashSet;

use pogo_compiler::diagnostics::{Diagnostic, find};
use pogo_compiler::source::{SourceMap, Span};

/// Each finding points at places that exist, in words of one line.
pub(crate) fn hold(diagnostics: &[Diagnostic], sources: &SourceMap) {
    let mut seen = HashSet::new();
    for diagnostic in diagnostics {
        let Diagnostic { code, message, labels, help, .. } = diagnostic;
        assert!(find(code.id).is_some(), "{diagnostic:?}");
        assert!(!message.is_empty(), "{diagnostic:?}");
        let texts = labels.iter().map(|label| &label.text).chain(help).chain([message]);
        texts.for_each(|text| assert!(!text.contains(['\n', '\r']), "{diagnostic:?}"));
        for label in labels {
            is_a_place(label.span, sources);
        }
        let n_primary = labels.iter().filter(|label| label.primary).count();
        assert_eq!(n_primary, usize::from(!labels.is_empty()), "{diagnostic:?}");
        assert!(labels.first().is_none_or(|label| label.primary), "{diagnostic:?}");
        let is_new = seen.insert((code.id, diagnostic.primary_span(), message));
        assert!(is_new, "said twice: {diagnostic:?}");
    }
}

/// The span lies in its source and cuts no character.
pub(crate) fn is_a_place(span: Span, sources: &SourceMap) {
    let source = sources.get(span.source);
    assert!(source.is_some(), "no such source: {span:?}");
    let piece = source.and_then(|source| source.text().get(span.start as usize..span.end as usize));
    assert!(piece.is_some(), "no such place: {span:?}");
}
