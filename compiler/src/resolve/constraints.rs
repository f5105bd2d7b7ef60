//! Constraints to limits: one for each group.

use std::collections::HashMap;

use pogo_grammar::Share;
use pogo_plan::HostIdx;

use super::model::Limit;
use super::sequences::UniqueIds;
use super::sets::{HostSet, Resolver};
use super::tags::TagId;
use crate::diagnostics::constraint as codes;
use crate::source::Span;
use crate::syntax::ast::{self, Set};
use crate::syntax::hosts::NamedBy;

/// A group that keys have made so far.
struct Group {
    /// One text for each part of its keys.
    parts: Vec<String>,
    set: HostSet,
}

/// What one part of a key stands for.
enum Part {
    /// One set.
    Whole(String, HostSet),
    /// Each of these values on its own.
    Each(Vec<TagId>),
    /// Unknown, and reported.
    Broken,
}

/// Two declarations that reach the same groups.
struct Overlap {
    first: Span,
    second: Span,
    id: String,
    count: usize,
}

impl Resolver<'_, '_> {
    pub(crate) fn resolve_limits(&mut self, limits: Vec<(usize, ast::Limit)>) {
        let mut known: HashMap<Vec<String>, usize> = HashMap::new();
        let mut overlaps: Vec<Overlap> = Vec::new();
        let mut ids = UniqueIds::default();
        for (file, limit) in limits {
            let Some(groups) = self.groups(file, &limit) else { continue };
            let span = limit.max_parallel.span;
            let share = limit.max_parallel.value;
            let is_open = groups.iter().any(|group| group.set.is_open || group.set.is_broken);
            let with_hosts: Vec<Group> =
                groups.into_iter().filter(|group| !group.set.hosts.is_empty()).collect();
            if with_hosts.is_empty() {
                if !is_open && self.is_complete {
                    let text = limit.group.iter().map(|key| key.text.as_str()).collect::<Vec<_>>().join(".");
                    let key = limit.group.last().map_or(span, |key| key.set.span);
                    self.session.findings.push(codes::no_hosts(&text, key));
                }
                continue;
            }
            let largest = with_hosts.iter().map(|group| group.set.hosts.len()).max().unwrap_or(0);
            let binds = with_hosts
                .iter()
                .any(|group| (max_parallel(share, group.set.hosts.len()) as usize) < group.set.hosts.len());
            if !binds && !is_open && self.is_complete {
                let finding = codes::never_binds(&limit.declared, span, with_hosts.len(), largest);
                self.session.findings.push(finding);
            }
            for group in with_hosts {
                let mut canonical = group.parts.clone();
                canonical.sort_unstable();
                canonical.dedup();
                let new = Limit {
                    id: group.parts.join("."),
                    max_parallel: max_parallel(share, group.set.hosts.len()),
                    share,
                    declared: limit.declared.clone(),
                    members: group.set.hosts,
                    span,
                };
                let Some(old) = known.get(&canonical).and_then(|&at| self.limits.get_mut(at)) else {
                    known.insert(canonical, self.limits.len());
                    self.limits.push(Limit { id: ids.unique(&new.id), ..new });
                    continue;
                };
                if old.span == new.span {
                    // One declaration that names the group twice, as `$a.$a` does.
                    continue;
                }
                match overlaps.iter_mut().find(|overlap| overlap.first == old.span && overlap.second == span)
                {
                    Some(overlap) => overlap.count += 1,
                    None => {
                        overlaps.push(Overlap {
                            first: old.span,
                            second: span,
                            id: old.id.clone(),
                            count: 1,
                        });
                    }
                }
                if new.max_parallel < old.max_parallel {
                    old.max_parallel = new.max_parallel;
                    old.share = new.share;
                    old.declared = new.declared;
                    old.span = new.span;
                }
            }
        }
        for overlap in overlaps {
            let finding = codes::two_limits(&overlap.id, overlap.count, overlap.second, overlap.first);
            self.session.findings.push(finding);
        }
    }

    /// The groups of a limit's keys: those of the first, split and narrowed by each further one.
    fn groups(&mut self, file: usize, limit: &ast::Limit) -> Option<Vec<Group>> {
        let by = self.named_by(file);
        let mut groups: Option<Vec<Group>> = None;
        for key in &limit.group {
            for part in self.key_parts(&key.set.value, &key.text, file, by) {
                groups = Some(match (groups, part) {
                    (_, Part::Broken) => return None,
                    (None, Part::Whole(text, set)) => vec![Group { parts: vec![text], set }],
                    (None, Part::Each(values)) => values
                        .into_iter()
                        .map(|id| Group {
                            parts: vec![self.tags.selector(id)],
                            set: self.tags.hosts(id).clone(),
                        })
                        .collect(),
                    (Some(groups), Part::Whole(text, set)) => self.narrow_groups(groups, &text, &set),
                    (Some(groups), Part::Each(values)) => self.split_groups(groups, &values),
                });
            }
        }
        groups
    }

    fn key_parts(&mut self, set: &Set, text: &str, file: usize, by: NamedBy) -> Vec<Part> {
        let Set::Selector(selector) = set else {
            let hosts = self.evaluate(set, file, by);
            return vec![if hosts.is_broken && hosts.hosts.is_empty() {
                Part::Broken
            } else {
                Part::Whole(text.to_owned(), hosts)
            }];
        };
        let mut parts = Vec::with_capacity(selector.parts.len());
        for part in &selector.parts {
            let Some(id) = self.lookup(part) else { return vec![Part::Broken] };
            let values = self.tags.children(id);
            let is_split = (part.each || part.values.is_empty()) && !values.is_empty();
            parts.push(if is_split {
                Part::Each(values.to_vec())
            } else {
                Part::Whole(self.tags.selector(id), self.tags.hosts(id).clone())
            });
        }
        parts
    }

    fn narrow_groups(&mut self, mut groups: Vec<Group>, text: &str, set: &HostSet) -> Vec<Group> {
        self.marks.start(self.session.hosts.len());
        for &host in &set.hosts {
            self.marks.mark(host);
        }
        for group in &mut groups {
            group.set.hosts.retain(|&host| self.marks.contains(host));
            group.set.is_open |= set.is_open;
            group.set.is_broken |= set.is_broken;
            group.parts.push(text.to_owned());
        }
        groups
    }

    /// Splits each group by the values, in one pass over the hosts of both: a spec may have thousands of either.
    fn split_groups(&mut self, groups: Vec<Group>, values: &[TagId]) -> Vec<Group> {
        // The values of each host as a chain through `links`.
        let mut first_of: Vec<u32> = vec![u32::MAX; self.session.hosts.len()];
        let mut links: Vec<(u32, u32)> = Vec::new();
        let (mut is_open, mut is_broken) = (false, false);
        for (number, &value) in values.iter().enumerate().rev() {
            let set = self.tags.hosts(value);
            is_open |= set.is_open;
            is_broken |= set.is_broken;
            for host in &set.hosts {
                if let Some(first) = first_of.get_mut(host.index()) {
                    #[expect(clippy::cast_possible_truncation, reason = "hosts and tags are counted in u32")]
                    {
                        links.push((number as u32, *first));
                        *first = (links.len() - 1) as u32;
                    }
                }
            }
        }
        let mut result = Vec::new();
        let mut buckets: HashMap<u32, Vec<HostIdx>> = HashMap::new();
        for group in groups {
            for &host in &group.set.hosts {
                let mut at = first_of.get(host.index()).copied().unwrap_or(u32::MAX);
                while let Some(&(value, next)) = links.get(at as usize) {
                    buckets.entry(value).or_default().push(host);
                    at = next;
                }
            }
            let mut split: Vec<(u32, Vec<HostIdx>)> = buckets.drain().collect();
            split.sort_unstable_by_key(|(value, _)| *value);
            if split.is_empty() && (is_open || group.set.is_open || is_broken || group.set.is_broken) {
                // Nothing is known to be in it, and nothing may be concluded from that.
                split.push((0, Vec::new()));
            }
            for (value, hosts) in split {
                let Some(&value) = values.get(value as usize) else { continue };
                let mut parts = group.parts.clone();
                parts.push(self.tags.selector(value));
                let set = HostSet {
                    hosts,
                    is_open: group.set.is_open || is_open,
                    is_broken: group.set.is_broken || is_broken,
                };
                result.push(Group { parts, set });
            }
        }
        result
    }
}

/// What a share is of a group: the service's capacity, whatever the targets are.
fn max_parallel(share: Share, members: usize) -> u32 {
    share.of(u32::try_from(members).unwrap_or(u32::MAX))
}
