//! Hosts that come from outside the spec: external groups and host files.

use pogo_grammar::{Expr, ExprKind, Pattern, SetOp};
use pogo_plan::HostIdx;

use super::sets::{HostSet, Resolver};
use crate::diagnostics::{expr as expr_codes, group as codes};
use crate::source::{SourceId, Span};
use crate::syntax::ast::{At, Call};
use crate::syntax::embed::Embedded;
use crate::syntax::hosts::NamedBy;
use crate::world::GroupAnswer;

/// What was asked; the same question is asked once.
#[derive(PartialEq, Eq, Hash, Debug)]
pub(super) enum Question {
    Group(String, Vec<String>),
    File(String),
}

impl Resolver<'_, '_> {
    pub(super) fn external_group(&mut self, call: &Call, by: NamedBy) -> HostSet {
        let question = Question::Group(call.name.value.clone(), call.args.clone());
        if let Some(known) = self.answers.get(&question).cloned() {
            return self.again(known, by);
        }
        let broken = HostSet { is_broken: true, ..HostSet::default() };
        let name = &call.name.value;
        let set = match self.session.world.external_group(name, &call.args) {
            GroupAnswer::NotAsked => {
                self.has_open_groups = true;
                self.session.findings.push(codes::left_open(name, call.span));
                HostSet { is_open: true, ..HostSet::default() }
            }
            GroupAnswer::NotFound { searched } => {
                let is_tag = self.tags.root(name).is_some();
                self.session.findings.push(codes::not_found(name, call.span, &searched, is_tag));
                broken
            }
            GroupAnswer::Failed { reason, stderr } => {
                self.session.findings.push(codes::failed(name, call.span, &reason, &stderr));
                broken
            }
            GroupAnswer::Printed(bytes) => self.answer(call, bytes, by).unwrap_or(broken),
        };
        self.answers.insert(question, set.clone());
        set
    }

    /// A question that was asked before; this time it may be the spec that names the hosts.
    fn again(&mut self, set: HostSet, by: NamedBy) -> HostSet {
        if by == NamedBy::Spec {
            for &host in &set.hosts {
                self.session.hosts.name_here(host);
            }
        }
        set
    }

    fn answer(&mut self, call: &Call, bytes: Vec<u8>, by: NamedBy) -> Option<HostSet> {
        let name = &call.name.value;
        let Ok(text) = String::from_utf8(bytes) else {
            self.session.findings.push(codes::bad_answer(name, call.span, "it is not UTF-8", None));
            return None;
        };
        let is_json =
            text.trim_start().strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(['"', ']']));
        let patterns: Vec<String> = if is_json {
            match serde_json::from_str(&text) {
                Ok(strings) => strings,
                Err(_) => {
                    let problem = "it is no JSON array of strings";
                    self.session.findings.push(codes::bad_answer(name, call.span, problem, None));
                    return None;
                }
            }
        } else {
            text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
        };
        let mut set = HostSet::default();
        let mut seen = std::collections::HashSet::new();
        for line in &patterns {
            let mut hosts = Vec::new();
            // The places of what is wrong are in no file: what is said of them is said at the call.
            let others = std::mem::take(&mut self.session.findings);
            let text = Embedded::Whole(call.span.source, line);
            self.host_line(text, by, &mut hosts);
            let problems = std::mem::replace(&mut self.session.findings, others);
            if let Some(problem) = problems.first() {
                self.session.findings.push(codes::bad_answer(name, call.span, &problem.message, Some(line)));
                return None;
            }
            set.hosts.extend(hosts.into_iter().filter(|host| seen.insert(*host)));
        }
        if set.hosts.is_empty() {
            self.session.findings.push(codes::empty(name, call.span));
            return None;
        }
        Some(set)
    }

    pub(super) fn host_file(&mut self, path: &At<String>, file: usize, by: NamedBy) -> HostSet {
        let from =
            self.documents.get(file).map(|document| self.session.sources.path(document.source()).to_owned());
        // An expression of the command line is relative to the working folder.
        let from = from.filter(|_| self.session.is_file(path.span.source));
        let broken = HostSet { is_broken: true, ..HostSet::default() };
        let read = match self.session.world.host_file(from.as_deref(), &path.value) {
            Ok(read) => read,
            Err(error) => {
                self.session.findings.push(expr_codes::host_file_unreadable(&path.value, path.span, &error));
                return broken;
            }
        };
        let question = Question::File(read.identity.clone());
        if let Some(known) = self.answers.get(&question).cloned() {
            return self.again(known, by);
        }
        let Some(source) = self.session.add_source(&read.path, read.bytes) else { return broken };
        let set = self.host_lines(source, by, path.span);
        self.answers.insert(question, set.clone());
        set
    }

    /// A host pattern a line, with `#` comments.
    fn host_lines(&mut self, source: SourceId, by: NamedBy, named_at: Span) -> HostSet {
        let Some(text) = self.session.sources.get(source).map(crate::source::Source::shared_text) else {
            return HostSet::default();
        };
        let mut set = HostSet::default();
        let mut seen = std::collections::HashSet::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let body = line.split('#').next().unwrap_or("");
            let trimmed = body.trim();
            let offset = start + (body.len() - body.trim_start().len());
            start += line.len();
            if trimmed.is_empty() {
                continue;
            }
            let mut hosts = Vec::new();
            #[expect(clippy::cast_possible_truncation, reason = "`SourceMap::add` refuses texts of 4 GiB")]
            let text = Embedded::Piece { source, start: offset as u32, text: trimmed };
            if self.host_line(text, by, &mut hosts) {
                set.hosts.extend(hosts.into_iter().filter(|host| seen.insert(*host)));
            } else {
                set.is_broken = true;
            }
        }
        if set.is_surely_empty() {
            let path = self.session.sources.path(source).to_owned();
            self.session.findings.push(expr_codes::host_file_empty(&path, named_at));
            set.is_broken = true;
        }
        set
    }

    /// Adds the hosts of one line, which is a pattern or several with commas between.
    fn host_line(&mut self, text: Embedded<'_>, by: NamedBy, out: &mut Vec<HostIdx>) -> bool {
        let expr = match Expr::parse(text.text()) {
            Ok(expr) => expr,
            Err(error) => {
                self.session.findings.push(expr_codes::syntax(&error, text));
                return false;
            }
        };
        let patterns: Vec<&Pattern> = match &expr.kind {
            ExprKind::Pattern(pattern) => vec![pattern],
            ExprKind::Chain { op: SetOp::Union, operands, .. } => operands
                .iter()
                .filter_map(|operand| match &operand.kind {
                    ExprKind::Pattern(pattern) => Some(pattern),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        let n_operands = match &expr.kind {
            ExprKind::Chain { operands, .. } => operands.len(),
            _ => 1,
        };
        if patterns.len() != n_operands {
            self.session.findings.push(expr_codes::host_file_line(text.span()));
            return false;
        }
        let mut good = true;
        for pattern in patterns {
            good &= self.session.expand(pattern, by, text, out);
        }
        good
    }
}
