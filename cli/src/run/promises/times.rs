//! What of a plan's promises is about time: read from the times of events.
//!
//! Checked are `pause_after`, `stagger`, the time before a further attempt, `timeout` and `job_timeout` with what they end.
//! Events carry the time of the wall clock at which they were told, a moment after what they tell was decided. So
//! everything gets a tolerance, and of `stagger` it is used once, not by each start: many starts that are each a little
//! early are seen.

use jiff::Timestamp;
use pogo_plan::event::{Event, EventKind, HaltReason};
use pogo_plan::outcome::{HostState, JobState, Outcome};
use pogo_plan::{HostIdx, Plan};

/// How much later than it was decided something may be told, in milliseconds.
const TOLERANCE_MS: i64 = 1_000;
/// What a clock may be ahead or behind: one part in this many.
const DRIFT: i64 = 1_000;
/// From an attempt's deadline to its end: the time to notice, to end everybody softly, to report.
const SLACK_MS: i64 = 30_000;
/// The same if it does not end by itself: a worker is given this time to end it.
const KILL_MS: i64 = 120_000;
/// What `finally` gets after everything else has used up the time of the attempt.
const LAST_WORDS_MS: i64 = 10_000;

/// A slot that others may have to wait for.
struct Slot<'a> {
    id: &'a str,
    /// The slot before it in its thread, and the pause after that.
    before: Option<(usize, i64)>,
    /// When the last of its hosts ended.
    ended: Option<i64>,
}

#[derive(Clone, Default)]
struct Host {
    slots: Vec<usize>,
    attempts: u32,
    /// When the attempt under way was granted, when it started on the host, and when the one before it ended.
    granted: Option<i64>,
    started: Option<i64>,
    ended: Option<i64>,
}

/// Reads the times of a run against its plan. All times are in milliseconds since 1970.
pub(super) struct Times<'a> {
    plan: &'a Plan,
    slots: Vec<Slot<'a>>,
    hosts: Vec<Host>,
    last: Option<i64>,
    began: Option<i64>,
    /// The latest time at which the first start would have had to be for all starts so far to be due.
    first_start: Option<i64>,
    n_starts: i64,
}

impl<'a> Times<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let mut hosts = vec![Host::default(); plan.hosts.len()];
        let mut slots: Vec<Slot<'a>> = Vec::new();
        for thread in &plan.threads {
            let mut before = None;
            for slot in &thread.slots {
                for host in &slot.hosts {
                    if let Some(host) = hosts.get_mut(host.index()) {
                        host.slots.push(slots.len());
                    }
                }
                slots.push(Slot { id: &slot.id, before, ended: None });
                before = Some((slots.len() - 1, ms(slot.pause_after_ms.unwrap_or(0))));
            }
        }
        Self { plan, slots, hosts, last: None, began: None, first_start: None, n_starts: 0 }
    }

    /// Takes in the next event; tells `broken` what it breaks.
    pub(super) fn event(&mut self, event: &Event, broken: &mut impl FnMut(String)) {
        let Ok(now) = event.time.parse::<Timestamp>().map(Timestamp::as_millisecond) else {
            broken(format!("`{}` is not a time", event.time));
            return;
        };
        if self.last.is_some_and(|last| now + TOLERANCE_MS < last) {
            broken(
                "it is told to have been before the event before it: times cannot be relied on".to_owned(),
            );
        }
        self.last = Some(now);
        match &event.kind {
            EventKind::JobState { state: JobState::Running, .. } => self.began = Some(now),
            EventKind::JobState {
                state: JobState::Halting, reason: Some(HaltReason::JobTimeout), ..
            } => {
                self.job_timed_out(now, broken);
            }
            EventKind::SlotOpened { slot } => self.slot_opened(now, slot, broken),
            EventKind::HostState { host, state } => {
                if let Some(index) = self.index(host) {
                    self.host_state(now, index, host, *state, broken);
                }
            }
            EventKind::AttemptStarted { host, .. } => {
                if let Some(host) = self.index(host).and_then(|index| self.hosts.get_mut(index)) {
                    host.started = Some(now);
                }
            }
            EventKind::AttemptEnded { host, outcome, .. } => {
                if let Some(index) = self.index(host) {
                    self.attempt_ended(now, index, host, *outcome, broken);
                }
            }
            // Waiting, output and counts have no time of their own.
            _ => {}
        }
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.plan.hosts.get(name).map(HostIdx::index)
    }

    fn job_timed_out(&self, now: i64, broken: &mut impl FnMut(String)) {
        let (Some(began), Some(time)) = (self.began, self.plan.job.job_timeout_ms) else { return };
        if is_less(now - began, ms(time)) {
            broken(format!(
                "the job halts for its `job_timeout` of {} after {}",
                shown(ms(time)),
                shown(now - began)
            ));
        }
    }

    fn slot_opened(&self, now: i64, id: &str, broken: &mut impl FnMut(String)) {
        let slot = self.slots.iter().find(|slot| slot.id == id);
        let Some((before, pause)) = slot.and_then(|slot| slot.before) else { return };
        let Some(Slot { id: before, ended: Some(ended), .. }) = self.slots.get(before) else { return };
        if is_less(now - ended, pause) {
            broken(format!(
                "{id} opened {} after {before}, whose `pause_after` is {}",
                shown(now - ended),
                shown(pause)
            ));
        }
    }

    fn host_state(
        &mut self,
        now: i64,
        index: usize,
        name: &str,
        state: HostState,
        broken: &mut impl FnMut(String),
    ) {
        if state == HostState::Running {
            self.granted(now, index, name, broken);
        } else if state == HostState::Succeeded || state == HostState::Skipped || state.is_bad() {
            for &slot in self.hosts.get(index).map_or(&[][..], |host| &host.slots) {
                if let Some(slot) = self.slots.get_mut(slot) {
                    slot.ended = Some(now);
                }
            }
        }
    }

    fn granted(&mut self, now: i64, index: usize, name: &str, broken: &mut impl FnMut(String)) {
        let job = &self.plan.job;
        if let (Some(began), Some(time)) = (self.began, job.job_timeout_ms)
            && is_less(ms(time), now - began)
        {
            broken(format!(
                "{name} started {} after the job, whose `job_timeout` is {}",
                shown(now - began),
                shown(ms(time))
            ));
        }
        // The n-th start is due n times `stagger` after the first one, and later if one before it was late.
        let stagger = ms(job.stagger_ms);
        let due_from = now.saturating_sub(self.n_starts.saturating_mul(stagger));
        if let Some(first) = self.first_start.filter(|&first| is_less(due_from - first, 0)) {
            broken(format!(
                "{name} started {} before its `stagger` of {} was over",
                shown(first - due_from),
                shown(stagger)
            ));
        }
        self.first_start = self.first_start.max(Some(due_from));
        self.n_starts += 1;
        let Some(host) = self.hosts.get_mut(index) else { return };
        // The time between two attempts is `backoff`, doubled each time up to `max_backoff`, and at least half of that.
        if let Some(ended) = host.ended.take() {
            let factor = 1_u64.checked_shl(host.attempts.saturating_sub(1)).unwrap_or(u64::MAX);
            let full = job.retry.backoff_ms.saturating_mul(factor).min(job.retry.max_backoff_ms);
            let least = ms(full - full / 2);
            if is_less(now - ended, least) {
                broken(format!(
                    "{name} was tried again after {}, the `backoff` is at least {}",
                    shown(now - ended),
                    shown(least)
                ));
            }
        }
        host.attempts = host.attempts.saturating_add(1);
        (host.granted, host.started) = (Some(now), None);
    }

    fn attempt_ended(
        &mut self,
        now: i64,
        index: usize,
        name: &str,
        outcome: Outcome,
        broken: &mut impl FnMut(String),
    ) {
        let job = &self.plan.job;
        let Some(host) = self.hosts.get_mut(index) else { return };
        let (granted, started) = (host.granted.take(), host.started.take());
        host.ended = Some(now);
        let (key, since, time) = match (started, granted) {
            (Some(started), _) => ("timeout", started, ms(job.timeout_ms)),
            (None, Some(granted)) => ("connect_timeout", granted, ms(job.connect_timeout_ms)),
            // That it ended without having begun is found elsewhere.
            (None, None) => return,
        };
        let took = now - since;
        let verify = job.verify.as_ref().filter(|_| started.is_some()).map(|verify| ms(verify.timeout_ms));
        if outcome == Outcome::TimedOut && is_less(took, verify.map_or(time, |verify| verify.min(time))) {
            broken(format!("{name} timed out after {}, its `{key}` is {}", shown(took), shown(time)));
        }
        let finally = job.finally.as_ref().map_or(0, |_| LAST_WORDS_MS);
        let ends_by_itself =
            matches!(outcome, Outcome::Succeeded | Outcome::Failed { .. } | Outcome::Unreachable);
        let slack = SLACK_MS + finally + if ends_by_itself { 0 } else { KILL_MS };
        let most = time.saturating_add(verify.unwrap_or(0)).saturating_add(slack);
        if is_less(most, took) {
            broken(format!("{name} ended after {}, its `{key}` is {}", shown(took), shown(time)));
        }
    }
}

/// Less by more than the time that it may take to say so.
const fn is_less(time: i64, than: i64) -> bool {
    let longer = if time > than { time } else { than };
    time.saturating_add(TOLERANCE_MS).saturating_add(longer / DRIFT) < than
}

fn ms(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

fn shown(ms: i64) -> String {
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    format!("{sign}{}.{:03} s", ms / 1000, ms % 1000)
}

#[cfg(test)]
mod tests {
    use pogo_plan::job::RetryOn;
    use pogo_plan::outcome::{Exit, Phase};

    use super::super::super::testing::Run;
    use super::*;
    use crate::schedule::testing::plan;

    const FAILED: Outcome = Outcome::Failed { exit: Exit::Status(1), phase: Phase::Command };

    /// What is wrong with the times of the run that `make` makes, in a plan that was changed by `change`.
    fn found(change: impl FnOnce(&mut Plan), make: impl FnOnce(&mut Run)) -> Vec<String> {
        let mut plan = plan();
        change(&mut plan);
        let mut run = Run::new();
        run.instantly();
        make(run.job(JobState::Running));
        let (mut times, mut all) = (Times::new(&plan), Vec::new());
        run.events.iter().for_each(|event| times.event(event, &mut |what| all.push(what)));
        all
    }

    #[test]
    fn a_pause_counts_from_the_last_end() {
        let run = |pause: i64| {
            found(
                |_| {},
                |run| {
                    run.opened("foo.$colo.one").ran("host1", Outcome::Succeeded).later(3_600_000);
                    run.ran("host2", Outcome::Succeeded)
                        .done("foo.$colo.one")
                        .later(pause)
                        .opened("foo.$colo.two");
                },
            )
        };
        assert_eq!(run(5_400_000), [""; 0]);
        assert_eq!(
            run(5_300_000),
            ["foo.$colo.two opened 5300.000 s after foo.$colo.one, whose `pause_after` is 5400.000 s"]
        );
    }

    #[test]
    fn stagger_holds_over_many_starts() {
        let run = |between: &[i64]| {
            found(
                |plan| plan.job.stagger_ms = 2_000,
                |run| {
                    run.state("host1", HostState::Running);
                    for (between, host) in between.iter().zip(["host2", "host3", "host4", "host5"]) {
                        run.later(*between).state(host, HostState::Running);
                    }
                },
            )
        };
        assert_eq!(run(&[2_000, 2_000, 7_000, 2_000]), [""; 0]);
        // Told late, and the next one in time.
        assert_eq!(run(&[2_900, 1_100, 2_000, 2_000]), [""; 0]);
        assert_eq!(run(&[2_000, 500]), ["host3 started 1.500 s before its `stagger` of 2.000 s was over"]);
        // Each of them is in the tolerance.
        assert_eq!(run(&[1_600, 1_600, 1_600]).len(), 1);
        assert_eq!(run(&[7_000, 1_600, 1_600, 1_600]).len(), 1);
    }

    #[test]
    fn a_further_attempt_waits_longer_each_time() {
        let run = |waits: &[i64]| {
            found(
                |plan| {
                    plan.job.retry.attempts = 3;
                    plan.job.retry.backoff_ms = 10_000;
                    plan.job.retry.max_backoff_ms = 30_000;
                    plan.job.retry.retry_on = vec![RetryOn::Exit];
                },
                |run| {
                    run.started("host1").attempt_ended("host1", FAILED);
                    for (attempt, wait) in (2..).zip(waits) {
                        run.state("host1", HostState::Retrying).later(*wait).attempt(attempt);
                        run.started("host1").attempt_ended("host1", FAILED);
                    }
                },
            )
        };
        assert_eq!(run(&[5_000, 10_000, 15_000]), [""; 0]);
        assert_eq!(run(&[3_500]), ["host1 was tried again after 3.500 s, the `backoff` is at least 5.000 s"]);
        assert_eq!(
            run(&[5_000, 5_000]),
            ["host1 was tried again after 5.000 s, the `backoff` is at least 10.000 s"]
        );
        assert_eq!(run(&[5_000, 10_000, 10_000]).len(), 1);
    }

    #[test]
    fn an_attempt_ends_at_its_deadline_and_not_before() {
        let run = |change: fn(&mut Plan), took: i64, outcome| {
            found(change, |run| {
                run.started("host1").later(took).ended("host1", outcome);
            })
        };
        let verify = |plan: &mut Plan| {
            plan.job.verify = serde_json::from_value(serde_json::json!({
                "command": "true", "interval_ms": 1, "timeout_ms": 60_000, "successes": 1
            }))
            .unwrap();
        };
        assert_eq!(run(|_| {}, 605_000, Outcome::TimedOut), [""; 0]);
        assert_eq!(
            run(|_| {}, 590_000, Outcome::TimedOut),
            ["host1 timed out after 590.000 s, its `timeout` is 600.000 s"]
        );
        assert_eq!(
            run(|_| {}, 700_000, Outcome::Succeeded),
            ["host1 ended after 700.000 s, its `timeout` is 600.000 s"]
        );
        assert_eq!(run(|_| {}, 700_000, Outcome::Unknown), [""; 0]);
        assert_eq!(run(|_| {}, 800_000, Outcome::Unknown).len(), 1);
        // `verify` has its own time, and may be what ran out of it.
        assert_eq!(run(verify, 680_000, Outcome::Succeeded), [""; 0]);
        assert_eq!(run(verify, 61_000, Outcome::TimedOut), [""; 0]);
        assert_eq!(run(verify, 50_000, Outcome::TimedOut).len(), 1);
        assert_eq!(run(|_| {}, 638_000, FAILED).len(), 1);
        assert_eq!(run(|plan| plan.job.finally = Some("true".to_owned()), 638_000, FAILED), [""; 0]);
        // Never started: the time to connect is what counts.
        let late = found(
            |_| {},
            |run| {
                run.state("host1", HostState::Running).later(60_000).ended("host1", Outcome::Unreachable);
            },
        );
        assert_eq!(late, ["host1 ended after 60.000 s, its `connect_timeout` is 10.000 s"]);
    }

    #[test]
    fn a_job_ends_at_its_deadline_and_not_before() {
        let run = |after: i64| {
            found(
                |plan| plan.job.job_timeout_ms = Some(60_000),
                |run| {
                    run.later(after).push(EventKind::JobState {
                        state: JobState::Halting,
                        reason: Some(HaltReason::JobTimeout),
                        blocked_by: vec![],
                    });
                },
            )
        };
        assert_eq!(run(60_000), [""; 0]);
        assert_eq!(run(30_000), ["the job halts for its `job_timeout` of 60.000 s after 30.000 s"]);
        let late = found(
            |plan| plan.job.job_timeout_ms = Some(60_000),
            |run| {
                run.later(90_000).started("host1");
            },
        );
        assert_eq!(late, ["host1 started 90.000 s after the job, whose `job_timeout` is 60.000 s"]);
    }

    #[test]
    fn times_that_cannot_be_are_said() {
        let back = found(
            |_| {},
            |run| {
                run.later(-5_000).opened("foo.$colo.one");
            },
        );
        assert_eq!(back, ["it is told to have been before the event before it: times cannot be relied on"]);
        let none = found(|_| {}, |run| run.events[0].time = "noon".to_owned());
        assert_eq!(none, ["`noon` is not a time"]);
    }
}
