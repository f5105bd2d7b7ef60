//! From a document to the sections of a spec.

use pogo_grammar::{Expr, ExprKind, PathItem, SetOp, host};

use super::ast::{At, Call, Selector, SelectorPart, SelectorValue, Set, Spec};
use super::embed::Embedded;
use super::hosts::{Hosts, NamedBy};
use super::tree::{Document, Kind, NodeId};
use crate::diagnostics::{Findings, expr as expr_codes, spec as spec_codes, suggest, yaml};

/// The keys at the top of a spec.
const SECTIONS: [&str; 6] = ["tag", "sequence", "constraint", "job", "namespace", "include"];

/// Where an expression stands, which decides what it may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// A member of a tag.
    Member,
    /// A key that narrows slots.
    SlotKey,
    /// A key of `constraint`.
    LimitKey,
    /// A slot, `targets`, the command line.
    Expression,
}

impl Place {
    /// What belongs there, in words.
    pub(crate) const fn wanted(self) -> &'static str {
        match self {
            Self::Member => "a host pattern or a selector",
            Self::SlotKey | Self::LimitKey => "a selector or a host pattern",
            Self::Expression => "a set expression",
        }
    }
}

/// Reads one document.
pub(crate) struct Reader<'a> {
    pub(crate) document: &'a Document,
    pub(crate) hosts: &'a mut Hosts,
    pub(crate) findings: &'a mut Findings,
    /// Who names the hosts of this document.
    pub(crate) by: NamedBy,
}

/// Reads all sections of the spec, or those that an included file may have.
pub(crate) fn read(mut reader: Reader<'_>) -> Spec {
    let mut spec = Spec::default();
    let document = reader.document;
    let Some(root) = document.root() else { return spec };
    if document.is_null(root) {
        return spec;
    }
    if !matches!(document.kind(root), Kind::Mapping { .. }) {
        reader.findings.push(spec_codes::not_a_mapping(document.span(root)));
        return spec;
    }
    for (key, value) in document.entries(root) {
        let name = document.scalar(key).unwrap_or("");
        let span = document.own_span(key);
        let included = reader.by == NamedBy::Other;
        match name {
            "sequence" | "job" | "namespace" | "include" if included && name != "include" => {
                reader.findings.push(crate::diagnostics::include::key_not_allowed(name, span));
            }
            _ if SECTIONS.contains(&name) && document.is_null(value) => {}
            "tag" => reader.tags(value, &mut spec),
            "sequence" => reader.sequence(value, &mut spec),
            "constraint" => reader.constraint(value, &mut spec),
            "job" => {
                spec.job.span = Some(document.span(value));
                // Read later, together with what the command line sets.
            }
            "namespace" => reader.namespace(value, &mut spec),
            "include" => reader.include(value, &mut spec),
            _ => {
                let near = suggest::nearest(name, SECTIONS);
                reader.findings.push(spec_codes::unknown_key(name, span, near, &SECTIONS));
            }
        }
    }
    spec
}

impl<'a> Reader<'a> {
    /// Reads the expression in a scalar.
    pub(crate) fn set(&mut self, id: NodeId, place: Place) -> At<Set> {
        let document = self.document;
        let span = document.span(id);
        let set = match document.kind(id) {
            Kind::Scalar(_) if document.is_bare_tag(id) => Set::Broken,
            Kind::Scalar(_) if document.is_null(id) => {
                self.findings.push(yaml::missing_value(document.own_span(id), place.wanted()));
                Set::Broken
            }
            Kind::Scalar(_) => {
                let mut hosts = Vec::new();
                let text = document.scalar(id).unwrap_or("");
                if self.plain_host(text, id, &mut hosts) {
                    Set::Hosts(hosts)
                } else {
                    self.expression(Embedded::Scalar(document, id), place)
                }
            }
            Kind::Sequence { .. } | Kind::Mapping { .. } | Kind::Alias => {
                self.not_a_scalar(id, place.wanted());
                Set::Broken
            }
        };
        self.hosts.is_certain &= !matches!(set, Set::Broken);
        At::new(set, span)
    }

    /// The way of nearly all members of a large spec: one host by its plain name.
    pub(crate) fn plain_host(&mut self, text: &str, id: NodeId, out: &mut Vec<pogo_plan::HostIdx>) -> bool {
        if !host::is_plain_host(text) {
            return false;
        }
        let document = self.document;
        if let Some(host) = self.hosts.intern(text, self.by, || document.span(id), self.findings) {
            out.push(host);
        }
        true
    }

    /// Says that a scalar was wanted, and shows the quoted form of what looks like a pattern.
    pub(crate) fn not_a_scalar(&mut self, id: NodeId, wanted: &str) {
        let span = self.document.span(id);
        if let Some(pattern) = self.collection_as_pattern(id) {
            self.pattern_needs_quotes(id, &pattern);
        } else {
            let found = describe(self.document.kind(id));
            self.findings.push(yaml::wrong_shape(span, found, wanted));
        }
    }

    /// Says so of a flow collection, instead of what may have been said of its parts.
    pub(crate) fn pattern_needs_quotes(&mut self, id: NodeId, pattern: &str) {
        let span = self.document.span(id);
        self.findings.retract_type_tags(span);
        self.findings.push(yaml::collection_for_pattern(span, pattern));
    }

    /// The text of a flow collection that was surely meant as a pattern: `{web,db}`, `[1-3]`.
    pub(crate) fn collection_as_pattern(&self, id: NodeId) -> Option<String> {
        let document = self.document;
        let looks_like_one = match document.kind(id) {
            Kind::Mapping { flow: true } => {
                let mut entries = document.entries(id).peekable();
                entries.peek().is_some()
                    && entries.all(|(key, value)| {
                        document.scalar(key).is_some() && document.scalar(value) == Some("")
                    })
            }
            Kind::Sequence { flow: true } => {
                let mut ranges = 0;
                let all = document.children(id).all(|item| {
                    document.scalar(item).is_some_and(|text| {
                        let text = text.strip_prefix('!').unwrap_or(text);
                        let (first, last) = text.split_once('-').unwrap_or((text, "0"));
                        ranges += usize::from(text.contains('-'));
                        let is_number =
                            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                        is_number(first) && is_number(last)
                    })
                });
                all && ranges > 0
            }
            _ => false,
        };
        let span = document.span(id);
        let text = document.text().get(span.start as usize..span.end as usize)?;
        // `{hosts: }` is a mapping that lacks a value.
        (looks_like_one && !text.contains(['\n', ':'])).then(|| text.to_owned())
    }

    /// Parses an expression and brings its places into the file.
    pub(crate) fn expression(&mut self, text: Embedded<'_>, place: Place) -> Set {
        match Expr::parse(text.text()) {
            Ok(expr) => {
                let mut mixed = None;
                let set = self.convert(&expr, text, place, &mut mixed);
                if let Some((span, op)) = mixed {
                    self.findings.push(expr_codes::mixed_operators(text.locate(span), op));
                }
                set
            }
            Err(error) => {
                self.findings.push(expr_codes::syntax(&error, text));
                Set::Broken
            }
        }
    }

    fn convert(
        &mut self,
        expr: &Expr,
        text: Embedded<'_>,
        place: Place,
        mixed: &mut Option<(pogo_grammar::Span, SetOp)>,
    ) -> Set {
        match &expr.kind {
            ExprKind::Pattern(pattern) => {
                let mut hosts = Vec::new();
                if self.hosts.expand(pattern, self.by, text, &mut hosts, self.findings) {
                    Set::Hosts(hosts)
                } else {
                    Set::Broken
                }
            }
            ExprKind::Selector(selector) => self.selector(selector, text, place),
            ExprKind::Call(call) if matches!(place, Place::Member | Place::Expression) => Set::Call(Call {
                name: At::new(call.name.value.clone(), text.locate(call.name.span)),
                args: call.args.iter().map(|arg| arg.value.clone()).collect(),
                span: text.locate(call.span),
            }),
            ExprKind::File(path) if matches!(place, Place::Member | Place::Expression) => {
                Set::File(At::new(path.value.clone(), text.locate(expr.span)))
            }
            ExprKind::Call(_) | ExprKind::File(_) => {
                let what =
                    if matches!(expr.kind, ExprKind::Call(_)) { "an external group" } else { "a host file" };
                self.findings.push(expr_codes::not_allowed_here(text.locate(expr.span), what, place));
                Set::Broken
            }
            ExprKind::Group(inner) => self.convert(inner, text, place, mixed),
            ExprKind::Chain { op, operands, op_spans } => {
                let patterns_only =
                    operands.iter().all(|operand| matches!(operand.kind, ExprKind::Pattern(_)));
                let allowed = match place {
                    Place::Expression => true,
                    Place::Member => *op == SetOp::Union,
                    Place::SlotKey | Place::LimitKey => *op == SetOp::Union && patterns_only,
                };
                let op_span = op_spans.first().copied().unwrap_or(expr.span);
                if !allowed {
                    self.findings.push(expr_codes::operator_not_allowed(text.locate(op_span), *op, place));
                    return Set::Broken;
                }
                for operand in operands {
                    if let ExprKind::Chain { op: inner, op_spans: inner_spans, .. } = &operand.kind
                        && [*op, *inner]
                            .iter()
                            .any(|op| matches!(op, SetOp::Difference | SetOp::SymmetricDifference))
                        && mixed.is_none()
                    {
                        *mixed = Some((inner_spans.first().copied().unwrap_or(operand.span), *inner));
                    }
                }
                let operands =
                    operands.iter().map(|operand| self.convert(operand, text, place, mixed)).collect();
                Set::Chain { op: *op, operands }
            }
        }
    }

    fn selector(&mut self, selector: &pogo_grammar::Selector, text: Embedded<'_>, place: Place) -> Set {
        let mut parts = Vec::with_capacity(selector.parts.len());
        for part in &selector.parts {
            let mut values = Vec::with_capacity(part.path.len());
            let mut each = false;
            for item in &part.path {
                match item {
                    PathItem::Value { text: value, quoted } => values.push(SelectorValue {
                        text: At::new(value.value.clone(), text.locate(value.span)),
                        quoted: *quoted,
                    }),
                    PathItem::Each(_) if place == Place::LimitKey => each = true,
                    PathItem::Each(span) => {
                        self.findings.push(expr_codes::each_outside_constraint(text.locate(*span)));
                        return Set::Broken;
                    }
                }
            }
            let name = At::new(part.name.value.clone(), text.locate(part.name.span));
            parts.push(SelectorPart { name, values, each, span: text.locate(part.span) });
        }
        Set::Selector(Selector { parts })
    }

    /// The text of a scalar that must say something; otherwise says what is wrong.
    pub(crate) fn text(&mut self, id: NodeId, wanted: &str) -> Option<&'a str> {
        let document = self.document;
        if document.is_null(id) {
            self.findings.push(yaml::missing_value(document.own_span(id), wanted));
            return None;
        }
        let text = document.scalar(id);
        if text.is_none() {
            self.findings.push(yaml::wrong_shape(document.span(id), describe(document.kind(id)), wanted));
        }
        text
    }

    fn namespace(&mut self, id: NodeId, spec: &mut Spec) {
        let span = self.document.span(id);
        let Some(text) = self.text(id, "the name of a namespace") else { return };
        let mut chars = text.chars();
        let good = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
            && text.len() <= 64;
        if good {
            spec.namespace = Some(At::new(text.to_owned(), span));
        } else {
            self.findings.push(spec_codes::bad_namespace(text, span));
        }
    }
}

/// What a node is, in words.
pub(crate) const fn describe(kind: Kind) -> &'static str {
    match kind {
        Kind::Scalar(_) | Kind::Alias => "a scalar",
        Kind::Sequence { .. } => "a list",
        Kind::Mapping { .. } => "a mapping",
    }
}
