//! The findings of a compilation, from the first to the sorted list.

use std::collections::HashSet;

use super::{Diagnostic, Severity, registry, spec, suggest};
use crate::source::{SourceMap, Span};
use crate::syntax::allow::Allow;

/// Findings as they come.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Diagnostic>,
    allows: Vec<Allow>,
}

impl Findings {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.list.extend(other.list);
        self.allows.extend(other.allows);
    }

    pub(crate) fn has_errors(&self) -> bool {
        super::has_errors(&self.list)
    }

    pub(crate) fn first(&self) -> Option<&Diagnostic> {
        self.list.first()
    }

    /// Takes back what was said of type tags in a place of which something better is said now.
    pub(crate) fn retract_type_tags(&mut self, within: Span) {
        self.list.retain(|finding| {
            let is_within = finding.primary_span().is_some_and(|span| {
                span.source == within.source && within.start <= span.start && span.end <= within.end
            });
            !(is_within && finding.code.id == "pogo::yaml::type_tag")
        });
    }

    /// Silences warnings and notes as comments ask for; says so where one asks for a code that there is not.
    pub(crate) fn allow(&mut self, allows: impl IntoIterator<Item = Allow>) {
        for allow in allows {
            if registry::find(&allow.code).is_none() {
                let codes = registry::all().iter().map(|code| code.id);
                let near = suggest::nearest(&allow.code, codes.clone())
                    .or_else(|| suggest::nearest(&allow.code, codes.filter_map(|id| id.rsplit("::").next())));
                let several: Vec<&str> = registry::all()
                    .iter()
                    .map(|code| code.id)
                    .filter(|id| id.rsplit("::").next() == Some(&allow.code))
                    .collect();
                self.list.push(spec::unknown_allow(&allow.code, allow.span, &several, near));
            }
            self.allows.push(allow);
        }
    }

    /// What is left to say, in the order of the text, each thing once.
    pub(crate) fn finish(mut self, sources: &SourceMap) -> Vec<Diagnostic> {
        if !self.allows.is_empty() {
            let allows = std::mem::take(&mut self.allows);
            self.list.retain(|finding| !is_allowed(finding, &allows, sources));
        }
        // A file that is not UTF-8 is one mistake, whatever its bytes were taken for.
        let not_utf8: HashSet<_> = self
            .list
            .iter()
            .filter(|finding| finding.code.id == "pogo::yaml::not_utf8")
            .filter_map(|finding| Some(finding.primary_span()?.source))
            .collect();
        if !not_utf8.is_empty() {
            self.list.retain(|finding| {
                let span = finding.primary_span().filter(|span| not_utf8.contains(&span.source));
                finding.code.id == "pogo::yaml::not_utf8"
                    || !span.is_some_and(|span| sources.slice(span).contains(char::REPLACEMENT_CHARACTER))
            });
        }
        // A part that an alias repeats is read more than once, and is wrong once.
        let mut seen = HashSet::new();
        self.list.retain(|finding| {
            seen.insert((finding.code.id, finding.primary_span(), finding.message.clone()))
        });
        self.list.sort_by_key(|finding| {
            let span = finding.primary_span();
            // What is about no place comes last.
            (span.is_none(), span, std::cmp::Reverse(finding.severity), finding.code.id)
        });
        self.list
    }
}

fn is_allowed(finding: &Diagnostic, allows: &[Allow], sources: &SourceMap) -> bool {
    if finding.severity == Severity::Error {
        return false;
    }
    let name = finding.code.id;
    let matching =
        allows.iter().filter(|allow| name == allow.code || name.rsplit("::").next() == Some(&*allow.code));
    let Some(span) = finding.primary_span() else {
        // A finding about no place is silenced anywhere in the spec.
        return matching.count() > 0;
    };
    let mut line = None;
    matching.into_iter().any(|allow| {
        allow.span.source == span.source
            && *line.get_or_insert_with(|| {
                sources.get(span.source).map(|source| source.position(span.start).line)
            }) == Some(allow.line)
    })
}
