//! Questions about a checked spec: which hosts an expression selects, and what holds for one host.

use std::mem;

use pogo_plan::HostIdx;

use crate::diagnostics::Diagnostic;
use crate::resolve::Resolver;
use crate::session::Session;
use crate::source::Span;
use crate::syntax::embed::Embedded;
use crate::syntax::hosts::NamedBy;
use crate::syntax::reader::{Place, Reader};
use crate::syntax::tree::Document;
use crate::world::World;
use crate::{Checked, Options};

/// The name under which diagnostics show an expression that [`hosts`] was asked for.
const EXPRESSION: &str = "EXPR";

/// All that holds for one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Its name.
    pub host: String,
    /// Whether the job runs on it.
    pub is_target: bool,
    /// The tags and values that it carries, as selectors, outer ones first.
    pub tags: Vec<String>,
    /// The threads that it stands in; none for a host that starts at once.
    pub threads: Vec<WhyThread>,
    /// The limits that count it.
    pub limits: Vec<WhyLimit>,
}

/// Its place in a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyThread {
    /// The thread.
    pub id: String,
    /// The slot.
    pub slot: String,
    /// The slot's number in the thread, from 1.
    pub position: usize,
    /// The number of slots in the thread.
    pub of: usize,
    /// The slots before it, which must be done first.
    pub waits_for: Vec<WhyPredecessor>,
    /// Where the spec says so.
    pub at: Span,
}

/// A slot that must be done first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyPredecessor {
    /// The slot.
    pub slot: String,
    /// Its targets.
    pub hosts: Vec<String>,
}

/// A limit that counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyLimit {
    /// The group's selector.
    pub id: String,
    /// As written.
    pub declared: String,
    /// At most so many hosts of the group are out of service at once.
    pub max_parallel: u32,
    /// The number of hosts in the group.
    pub group_size: usize,
    /// Where the spec says so.
    pub at: Span,
}

/// What holds for a host; nothing if the spec does not name it.
#[must_use]
pub fn why(checked: &Checked, host: &str) -> Option<Why> {
    let model = &checked.model;
    let idx = model.hosts.table.get(host)?;
    let name = |host: &HostIdx| model.hosts.name(*host).to_owned();
    let is_target = |host: &HostIdx| model.targets.binary_search(host).is_ok();
    let tags = model
        .tags
        .iter()
        .filter(|(_, node)| node.resolved.hosts.contains(&idx))
        .map(|(id, _)| model.tags.selector(id))
        .collect();
    let threads = model
        .threads
        .iter()
        .filter_map(|thread| {
            let position = thread.slots.iter().position(|slot| slot.hosts.contains(&idx))?;
            let slot = thread.slots.get(position)?;
            let waits_for = thread
                .slots
                .iter()
                .take(position)
                .map(|slot| WhyPredecessor {
                    slot: slot.id.clone(),
                    hosts: slot.hosts.iter().filter(|host| is_target(host)).map(name).collect(),
                })
                .collect();
            Some(WhyThread {
                id: thread.id.clone(),
                slot: slot.id.clone(),
                position: position + 1,
                of: thread.slots.len(),
                waits_for,
                at: slot.span,
            })
        })
        .collect();
    let limits = model
        .limits
        .iter()
        .filter(|limit| limit.members.contains(&idx))
        .map(|limit| WhyLimit {
            id: limit.id.clone(),
            declared: limit.declared.clone(),
            max_parallel: limit.max_parallel,
            group_size: limit.members.len(),
            at: limit.span,
        })
        .collect();
    Some(Why { host: host.to_owned(), is_target: is_target(&idx), tags, threads, limits })
}

/// The names of all hosts of a spec, in spec order.
pub fn known_hosts(checked: &Checked) -> impl Iterator<Item = &str> {
    checked.model.hosts.table.iter().map(|(_, name)| name)
}

/// The hosts that a set expression selects, in the order of the text.
///
/// # Errors
/// The findings in the expression; their places are in a source of the name `EXPR`, which is added to the others.
pub fn hosts(
    checked: &mut Checked,
    expression: &str,
    world: &dyn World,
    options: &Options,
) -> Result<Vec<String>, Vec<Diagnostic>> {
    let mut session = Session::new(world, options);
    session.sources = mem::take(&mut checked.sources);
    mem::swap(&mut session.hosts, &mut checked.model.hosts);
    let mut selected = Vec::new();
    if let Some(source) = session.add_flag(EXPRESSION, expression) {
        let document = Document::empty(source);
        let mut reader = Reader {
            document: &document,
            hosts: &mut session.hosts,
            findings: &mut session.findings,
            by: NamedBy::Other,
        };
        let set = reader.expression(Embedded::Whole(source, expression), Place::Expression);
        let mut resolver = Resolver::new(&mut session, &[], true);
        resolver.tags = mem::take(&mut checked.model.tags);
        selected = resolver.evaluate(&set, 0, NamedBy::Other).hosts;
        checked.model.tags = mem::take(&mut resolver.tags);
    }
    let names = selected.iter().map(|&host| session.hosts.name(host).to_owned()).collect();
    mem::swap(&mut session.hosts, &mut checked.model.hosts);
    let diagnostics = session.findings.finish(&session.sources);
    checked.sources = session.sources;
    if crate::diagnostics::has_errors(&diagnostics) { Err(diagnostics) } else { Ok(names) }
}
