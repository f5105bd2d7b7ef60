//! The end of a run for people: counts, equal output under its hosts, the bad hosts, and what is held up by what.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};

use pogo_grammar::fold::{fold, natural_cmp};
use pogo_plan::Plan;
use pogo_plan::event::{JobId, WaitsFor};
use pogo_plan::outcome::{HostState, JobState, Outcome};

use super::tally::{Output, Tally};
use super::words;
use crate::report::plural;
use crate::terminal::{Style, visible};

/// Different outputs that are shown.
const MAX_GROUPS: usize = 20;
/// Lines of each that are shown.
const MAX_LINES: usize = 10;
/// Lines shown of what a bad host said last.
const MAX_BAD_LINES: usize = 5;

/// Writes the summary. With the plan it also says which slots are held up.
///
/// # Errors
/// If `to` cannot be written to.
pub(crate) fn write(
    job: JobId,
    tally: &Tally,
    plan: Option<&Plan>,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let groups = Groups::new(tally);
    groups.write_outputs(tally, style, to)?;
    groups.write_bad(tally, style, to)?;
    held_up(job, tally, plan, style, to)?;
    writeln!(to)?;
    writeln!(to, "{}", style.bold(&headline(job, tally)))
}

/// `job k7m2q9xd blocked after 2.1s: 1 succeeded, 1 failed, 6 waiting of 8 hosts`
#[must_use]
pub(crate) fn headline(job: JobId, tally: &Tally) -> String {
    let counts = tally.counts();
    let n: usize = counts.values().sum();
    // What counts is said first: what is bad, then the rest in the order in which a host goes through it.
    let mut states: Vec<(HostState, usize)> = counts.into_iter().collect();
    states.sort_by_key(|(state, _)| (*state != HostState::Succeeded, !state.is_bad(), *state));
    let counts: Vec<String> =
        states.iter().map(|(state, n)| format!("{n} {}", words::host_state(*state))).collect();
    let state = tally.state.map_or("did not begin", words::job_state);
    let time = words::elapsed(tally.elapsed_ms());
    let why = match (&tally.reason, tally.state) {
        (Some(reason), Some(JobState::Halted | JobState::Halting)) => {
            format!(" ({})", visible(&words::halt_reason(reason)))
        }
        _ => String::new(),
    };
    format!("job {job} {state} after {time}{why}: {} of {}", counts.join(", "), plural(n, "host"))
}

/// An age for people, in its two largest units.
#[must_use]
pub(crate) fn age(ms: u64) -> String {
    if ms < 86_400_000 {
        words::elapsed(ms)
    } else {
        format!("{}d{}h", ms / 86_400_000, ms % 86_400_000 / 3_600_000)
    }
}

/// What hosts have in common: how they ended and what they wrote.
type Key = (HostState, Option<Outcome>, Option<usize>);

struct Groups<'a>(Vec<(Key, Vec<&'a str>)>);

impl<'a> Groups<'a> {
    fn new(tally: &'a Tally) -> Self {
        let mut groups: BTreeMap<Key, (usize, Vec<&'a str>)> = BTreeMap::new();
        for (at, (name, host)) in tally.hosts().enumerate() {
            if host.attempts > 0 || host.outcome.is_some() || host.state.is_bad() {
                let key = (host.state, host.outcome, host.output);
                groups.entry(key).or_insert_with(|| (at, Vec::new())).1.push(name);
            }
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        // The largest first; of equal ones, the one whose first host comes first in the plan.
        groups.sort_by_key(|(_, (first, hosts))| (std::cmp::Reverse(hosts.len()), *first));
        Self(groups.into_iter().map(|(key, (_, hosts))| (key, hosts)).collect())
    }

    fn write_outputs(&self, tally: &Tally, style: Style, to: &mut dyn Write) -> io::Result<()> {
        let output = |key: &Key| tally.output(key.2?).filter(|it| !it.tail.is_empty() || it.n_before > 0);
        let good: Vec<_> = self
            .0
            .iter()
            .filter(|(key, _)| !key.0.is_bad())
            .filter_map(|(key, hosts)| Some((key, hosts, output(key)?)))
            .collect();
        if !good.is_empty() {
            writeln!(to)?;
        }
        for ((state, ..), hosts, output) in good.iter().take(MAX_GROUPS) {
            let (hosts, state) = (names(hosts), words::host_state(*state));
            if let Some(line) = only_line(output) {
                writeln!(to, "{} {state}: {}", style.bold(&hosts), visible(&line))?;
            } else {
                writeln!(to, "{} {state}:", style.bold(&hosts))?;
                last_lines(output, MAX_LINES, style, to)?;
            }
        }
        if good.len() > MAX_GROUPS {
            let hosts: usize = good.iter().skip(MAX_GROUPS).map(|(_, hosts, _)| hosts.len()).sum();
            let others = good.len() - MAX_GROUPS;
            writeln!(to, "and {} from {}", plural(others, "other output"), plural(hosts, "more host"))?;
        }
        Ok(())
    }

    fn write_bad(&self, tally: &Tally, style: Style, to: &mut dyn Write) -> io::Result<()> {
        for ((state, outcome, output), hosts) in self.0.iter().filter(|(key, _)| key.0.is_bad()) {
            writeln!(to)?;
            let why = outcome.and_then(words::outcome).map(|why| format!(": {why}")).unwrap_or_default();
            writeln!(to, "{} {}{why}", style.bold(&names(hosts)), style.red(words::host_state(*state)))?;
            if let Some(output) = output.and_then(|number| tally.output(number)) {
                last_lines(output, MAX_BAD_LINES, style, to)?;
            }
        }
        Ok(())
    }
}

/// The text of an output that is a single line.
fn only_line(output: &Output) -> Option<String> {
    let text = String::from_utf8_lossy(&output.tail);
    let mut lines = text.lines();
    let line = lines.next().filter(|_| output.n_before == 0)?;
    lines.next().is_none().then(|| line.to_owned())
}

fn last_lines(output: &Output, most: usize, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let text = String::from_utf8_lossy(&output.tail);
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines.get(lines.len().saturating_sub(most)..).unwrap_or_default();
    let hidden: usize = lines.len() - shown.len();
    if output.n_before > 0 {
        let what = format!("  {} bytes before", output.n_before);
        writeln!(to, "{}", style.dim(&what))?;
    } else if hidden > 0 {
        writeln!(to, "{}", style.dim(&format!("  {} before", plural(hidden, "line"))))?;
    }
    for line in shown {
        writeln!(to, "{}", format!("  {}", visible(line)).trim_end())?;
    }
    Ok(())
}

/// Hosts as patterns, in their natural order.
#[must_use]
pub(crate) fn names(hosts: &[&str]) -> String {
    let mut hosts = hosts.to_vec();
    hosts.sort_by(|a, b| natural_cmp(a, b));
    visible(&fold(hosts).join(",")).into_owned()
}

/// Who waits for what, and what to do about it.
fn held_up(
    job: JobId,
    tally: &Tally,
    plan: Option<&Plan>,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    if tally.state != Some(JobState::Blocked) {
        return Ok(());
    }
    writeln!(to)?;
    let mut waits: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut in_slots: Vec<&str> = Vec::new();
    for (name, host) in tally.hosts().filter(|(_, host)| host.state == HostState::Waiting) {
        match &host.waits_for {
            None | Some(WaitsFor::Slots { .. } | WaitsFor::Job) => in_slots.push(name),
            Some(other) => waits
                .entry(words::waits_for(other, |limit| in_use(limit, tally, plan)))
                .or_default()
                .push(name),
        }
    }
    let mut explained: HashSet<&str> = HashSet::new();
    if let Some(plan) = plan {
        for (slot, hosts, before) in slots_held_up(tally, plan) {
            writeln!(to, "{} ({}) waits for {}", style.bold(&visible(slot)), names(&hosts), before)?;
            explained.extend(hosts);
        }
    }
    in_slots.retain(|host| !explained.contains(host));
    if !in_slots.is_empty() {
        waits.entry("slots that did not open".to_owned()).or_default().extend(in_slots);
    }
    for (what, hosts) in &waits {
        let verb = if hosts.len() == 1 { "waits" } else { "wait" };
        writeln!(to, "{} {verb} for {}", style.bold(&names(hosts)), visible(what))?;
    }
    for blocker in &tally.blocked_by {
        let state = words::host_state(blocker.state);
        let of = if blocker.job == job { String::new() } else { format!(" in job {}", blocker.job) };
        let what = match &blocker.limit {
            Some(limit) => format!("takes a place in {}", visible(limit)),
            None => "holds up what comes after it".to_owned(),
        };
        writeln!(to, "{} ({state}{of}) {what}", style.bold(&visible(&blocker.host)))?;
    }
    Ok(())
}

/// Hosts of a group that are out of service at the end, when nothing runs: as it was told, or as the hosts ended, with those
/// that other jobs left bad.
fn in_use(limit: &str, tally: &Tally, plan: Option<&Plan>) -> Option<(u32, u32)> {
    let told = tally.limit(limit);
    let ended = plan.and_then(|plan| {
        let limit = plan.limits.iter().find(|it| it.id == limit)?;
        let is_bad = |name: &&str| {
            tally.get(name).is_some_and(|host| host.state.is_bad())
                || tally.blocked_by.iter().any(|blocker| blocker.host == *name)
        };
        let bad = limit.members.iter().map(|&host| plan.hosts.name(host)).filter(is_bad).count();
        Some((u32::try_from(bad).unwrap_or(u32::MAX), limit.max_parallel))
    });
    told.max(ended)
}

/// Slots with waiting hosts that did not open: the hosts, and what they wait for in words.
fn slots_held_up<'a>(tally: &Tally, plan: &'a Plan) -> Vec<(&'a str, Vec<&'a str>, String)> {
    let mut held_up = Vec::new();
    for thread in &plan.threads {
        for (at, slot) in thread.slots.iter().enumerate().filter(|(_, slot)| !tally.is_open(&slot.id)) {
            let names_of = |slot: &'a pogo_plan::Slot, wanted: &dyn Fn(HostState) -> bool| -> Vec<&'a str> {
                let names = slot.hosts.iter().map(|&host| plan.hosts.name(host));
                names.filter(|name| tally.get(name).is_some_and(|host| wanted(host.state))).collect()
            };
            let waiting = names_of(slot, &|state| state == HostState::Waiting);
            let before = thread.slots.iter().take(at).find(|slot| !tally.is_done(&slot.id));
            let (Some(before), false) = (before, waiting.is_empty()) else { continue };
            let bad = names_of(before, &HostState::is_bad);
            let why = if bad.is_empty() {
                "whose hosts wait".to_owned()
            } else {
                format!("in which {} did not succeed", names(&bad))
            };
            held_up.push((slot.id.as_str(), waiting, format!("{}, {why}", visible(&before.id))));
        }
    }
    held_up
}

#[cfg(test)]
mod tests {
    use pogo_plan::event::{Blocker, EventKind, Stream};
    use pogo_plan::outcome::{Exit, Phase};
    use snapbox::{IntoData as _, str};

    use super::super::testing::Run;
    use super::*;
    use crate::schedule::testing::plan;

    const FAILED: Outcome = Outcome::Failed { exit: Exit::Status(3), phase: Phase::Command };

    fn summary(run: &Run, plan: Option<&Plan>) -> String {
        let mut tally = plan.map(Tally::of).unwrap_or_default();
        run.events.iter().for_each(|event| tally.event(event));
        let mut out = Vec::new();
        write(JobId::from_bits(7), &tally, plan, Style::PLAIN, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn equal_output_is_folded_only_if_the_status_is_equal_too() {
        let mut run = Run::new();
        run.job(JobState::Running);
        for (host, text, outcome) in [
            ("web1", "up\n", Outcome::Succeeded),
            ("web2", "up\n", Outcome::Succeeded),
            ("web3", "up\n", FAILED),
            ("web4", "down\n", Outcome::Succeeded),
            ("web5", "", Outcome::Succeeded),
        ] {
            run.started(host).output(host, Stream::Stdout, text).ended(host, outcome);
        }
        run.job(JobState::Failed);
        snapbox::assert_data_eq!(
            summary(&run, None),
            str![[r#"

web[1-2] succeeded: up
web4 succeeded: down

web3 failed: exit status 3
  up

job 00000007 failed after 26.0s: 4 succeeded, 1 failed of 5 hosts

"#]]
            .raw()
        );
    }

    #[test]
    fn a_blocked_job_says_who_waits_for_whom() {
        let plan = plan();
        let mut run = Run::new();
        run.job(JobState::Running).opened("foo.$colo.one").opened("bar.$colo.three");
        run.started("host1").output("host1", Stream::Stderr, "1\n2\n3\n4\n5\n6\n7\n").ended("host1", FAILED);
        run.ran("host7", Outcome::Succeeded);
        for host in ["host2", "host3"] {
            run.push(EventKind::HostWaiting {
                host: host.to_owned(),
                waits_for: WaitsFor::Limit { limit: "$colo.one".to_owned() },
            });
        }
        let blocker = |limit: Option<&str>| Blocker {
            host: "host1".to_owned(),
            job: JobId::from_bits(7),
            state: HostState::Failed,
            limit: limit.map(str::to_owned),
        };
        run.push(EventKind::JobState {
            state: JobState::Blocked,
            reason: None,
            blocked_by: vec![blocker(Some("$colo.one")), blocker(None)],
        });
        snapbox::assert_data_eq!(
            summary(&run, Some(&plan)),
            str![[r#"

host1 failed: exit status 3
  2 lines before
  3
  4
  5
  6
  7

foo.$colo.two (host[4-6]) waits for foo.$colo.one, in which host1 did not succeed
host[2-3] wait for a place in $colo.one (1 of 1 out of service)
"cache",host[8-9] wait for slots that did not open
host1 (failed) takes a place in $colo.one
host1 (failed) holds up what comes after it

job 00000007 blocked after 14.0s: 1 succeeded, 1 failed, 8 waiting of 10 hosts

"#]]
            .raw()
        );
    }

    #[test]
    fn many_different_outputs_are_counted() {
        let mut run = Run::new();
        for n in 0..MAX_GROUPS + 5 {
            let host = format!("web{n}");
            run.started(&host)
                .output(&host, Stream::Stdout, &format!("{n}\n"))
                .ended(&host, Outcome::Succeeded);
        }
        assert!(summary(&run, None).contains("\nand 5 other outputs from 5 more hosts\n"));
    }
}
