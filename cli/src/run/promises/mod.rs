//! Did the run keep what its plan promises? An own reading of the rules, which shares nothing with what decides them.
//!
//! Checked are, event by event: every host is a target; attempts are made one after the other, numbered, no more often
//! than the plan allows, and none after a success; a host starts only when all its slots are open, and a slot opens only
//! after the one before it; of no group are more hosts out of service than its limit; `concurrent` and `ramp`; no start once
//! the job halts or has too many bad hosts; the job's end agrees with the ends of its hosts. What is about time is in
//! [`times`].

mod times;

use std::collections::HashMap;

use pogo_plan::event::{Event, EventKind};
use pogo_plan::job::OnFailure;
use pogo_plan::outcome::{HostState, JobState, Outcome};
use pogo_plan::{HostIdx, Plan};

use self::times::Times;
use crate::report::plural;

/// A promise that was broken, and by which event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Violation {
    /// The event's number.
    pub(crate) seq: u64,
    /// Lower case, no full stop.
    pub(crate) what: String,
}

struct Slot<'a> {
    id: &'a str,
    hosts: &'a [HostIdx],
    /// The slot before it in its thread.
    before: Option<usize>,
    max_failures: Option<u32>,
    is_open: bool,
    n_bad: u32,
}

#[derive(Clone)]
struct Host {
    is_target: bool,
    slots: Vec<usize>,
    limits: Vec<usize>,
    state: HostState,
    /// Attempts granted so far.
    attempts: u32,
    /// Whether the last of them has ended.
    has_ended: bool,
    outcome: Option<Outcome>,
    is_out: bool,
    was_good: bool,
}

/// Reads a run against its plan.
pub(crate) struct Checker<'a> {
    plan: &'a Plan,
    slots: Vec<Slot<'a>>,
    slot_of: HashMap<&'a str, usize>,
    hosts: Vec<Host>,
    in_use: Vec<u32>,
    /// Running, or between two attempts.
    n_in_flight: u32,
    /// The present step of `ramp`, and how many hosts have succeeded in it.
    ramp: (usize, u32),
    n_bad: u32,
    /// Why nothing may start any more.
    closed: Option<&'static str>,
    ended: Option<JobState>,
    last_seq: u64,
    violations: Vec<Violation>,
    times: Times<'a>,
}

impl<'a> Checker<'a> {
    /// A run of this plan of which nothing has happened yet.
    pub(crate) fn new(plan: &'a Plan) -> Self {
        let nothing = Host {
            is_target: false,
            slots: Vec::new(),
            limits: Vec::new(),
            state: HostState::Waiting,
            attempts: 0,
            has_ended: true,
            outcome: None,
            is_out: false,
            was_good: false,
        };
        let mut hosts = vec![nothing; plan.hosts.len()];
        let mut slots: Vec<Slot<'a>> = Vec::new();
        for thread in &plan.threads {
            for (at, slot) in thread.slots.iter().enumerate() {
                let before = (at > 0).then(|| slots.len().saturating_sub(1));
                for host in &slot.hosts {
                    if let Some(host) = hosts.get_mut(host.index()) {
                        host.slots.push(slots.len());
                    }
                }
                let max_failures = slot.max_failures;
                slots.push(Slot {
                    id: &slot.id,
                    hosts: &slot.hosts,
                    before,
                    max_failures,
                    is_open: false,
                    n_bad: 0,
                });
            }
        }
        for target in &plan.targets {
            if let Some(host) = hosts.get_mut(target.index()) {
                host.is_target = true;
            }
        }
        for (at, limit) in plan.limits.iter().enumerate() {
            for member in &limit.members {
                if let Some(host) = hosts.get_mut(member.index()) {
                    host.limits.push(at);
                }
            }
        }
        let slot_of = slots.iter().enumerate().map(|(at, slot)| (slot.id, at)).collect();
        let in_use = vec![0; plan.limits.len()];
        let (n_in_flight, ramp, n_bad, last_seq) = (0, (0, 0), 0, 0);
        let (closed, ended, violations) = (None, None, Vec::new());
        let times = Times::new(plan);
        Self {
            plan,
            slots,
            slot_of,
            hosts,
            in_use,
            n_in_flight,
            ramp,
            n_bad,
            closed,
            ended,
            last_seq,
            violations,
            times,
        }
    }

    /// Takes in the next event.
    pub(crate) fn event(&mut self, event: &Event) {
        let seq = event.seq;
        if seq != self.last_seq + 1 {
            let what = format!("event {} is followed by event {seq}: some are missing", self.last_seq);
            self.violations.push(Violation { seq, what });
        }
        self.last_seq = seq;
        let violations = &mut self.violations;
        self.times.event(event, &mut |what| violations.push(Violation { seq, what }));
        if self.ended.is_some() && !matches!(event.kind, EventKind::LimitChanged { .. }) {
            self.broken("something happened after the job's end".to_owned());
        }
        match &event.kind {
            EventKind::JobState { state, .. } => self.job_state(*state),
            EventKind::SlotOpened { slot } => self.slot_opened(slot),
            EventKind::SlotDone { slot } => self.slot_done(slot),
            EventKind::AttemptStarted { host, attempt } => self.attempt_started(host, attempt.0),
            EventKind::AttemptEnded { host, attempt, outcome, .. } => {
                self.attempt_ended(host, attempt.0, *outcome);
            }
            EventKind::HostState { host, state } => self.host_state(host, *state),
            EventKind::Output { host, attempt, .. } => {
                let Some(index) = self.index(host) else { return };
                let is_now =
                    self.hosts.get(index).is_some_and(|it| it.attempts == attempt.0 && !it.has_ended);
                if !is_now {
                    self.broken(format!("{host}: output of attempt {}, which is not under way", attempt.0));
                }
            }
            EventKind::LimitChanged { limit, in_use, max_parallel } if in_use > max_parallel => {
                self.broken(format!("{limit}: {in_use} hosts are out of service, {max_parallel} may be"));
            }
            // Waiting is no step, and what is not known promises nothing.
            _ => {}
        }
    }

    /// What was broken. A stream that ends before the job does is one more finding.
    pub(crate) fn finish(mut self) -> Vec<Violation> {
        if self.ended.is_none() {
            self.broken("the stream ends before the job does".to_owned());
        }
        self.violations
    }

    fn broken(&mut self, what: String) {
        self.violations.push(Violation { seq: self.last_seq, what });
    }

    fn index(&mut self, name: &str) -> Option<usize> {
        let index = self.plan.hosts.get(name).map(HostIdx::index);
        let index = index.filter(|&index| self.hosts.get(index).is_some_and(|host| host.is_target));
        if index.is_none() {
            self.broken(format!("{name} is not a target of the plan"));
        }
        index
    }

    fn job_state(&mut self, state: JobState) {
        match state {
            JobState::Running => {}
            JobState::Halting => self.closed = Some("the job halts"),
            _ => {
                self.ended = Some(state);
                let states: Vec<HostState> =
                    self.hosts.iter().filter(|host| host.is_target).map(|host| host.state).collect();
                let any = |wanted: fn(HostState) -> bool| states.iter().any(|&state| wanted(state));
                let (active, bad) = (any(HostState::is_active), any(HostState::is_bad));
                let waiting = any(|state| state == HostState::Waiting);
                if active {
                    self.broken("the job ended while hosts were running".to_owned());
                }
                let agrees = match state {
                    JobState::Succeeded => !bad && !waiting,
                    JobState::Failed => bad && !waiting,
                    JobState::Blocked => waiting,
                    _ => !waiting,
                };
                if !agrees {
                    self.broken("the job's end does not agree with the ends of its hosts".to_owned());
                }
            }
        }
    }

    fn slot_opened(&mut self, id: &str) {
        let Some(&at) = self.slot_of.get(id) else {
            // `recovery` is of the job's making: it runs before all threads.
            return;
        };
        let undone = self.slots.get(at).and_then(|slot| self.first_undone(slot.before?));
        if let Some((slot, host)) = undone {
            self.broken(format!("{id} opened before {slot} was done: {host} was not"));
        }
        if let Some(slot) = self.slots.get_mut(at) {
            slot.is_open = true;
        }
    }

    fn slot_done(&mut self, id: &str) {
        let at = self.slot_of.get(id).copied();
        if let Some((slot, host)) = at.and_then(|at| self.first_undone(at)) {
            self.broken(format!("{slot} is said to be done, and {host} is not"));
        }
    }

    /// A host of this slot that is not done.
    fn first_undone(&self, slot: usize) -> Option<(String, String)> {
        let slot = self.slots.get(slot)?;
        let is_done = |host: &HostIdx| {
            let state = self.hosts.get(host.index()).map(|host| host.state);
            state.is_some_and(|state| match state {
                HostState::Succeeded | HostState::Skipped => true,
                state => state.is_bad() && self.plan.job.on_failure == OnFailure::Continue,
            })
        };
        let host = slot.hosts.iter().find(|host| !is_done(host))?;
        Some((slot.id.to_owned(), self.plan.hosts.name(*host).to_owned()))
    }

    fn attempt_started(&mut self, name: &str, attempt: u32) {
        let Some(index) = self.index(name) else { return };
        let is_now = self.hosts.get(index).is_some_and(|host| {
            host.state == HostState::Running && !host.has_ended && host.attempts == attempt
        });
        if !is_now {
            self.broken(format!("{name}: attempt {attempt} started, and it was not its turn"));
        }
    }

    fn attempt_ended(&mut self, name: &str, attempt: u32, outcome: Outcome) {
        let Some(index) = self.index(name) else { return };
        let Some(host) = self.hosts.get_mut(index) else { return };
        let is_now = !host.has_ended && host.attempts == attempt;
        host.has_ended = true;
        host.outcome = Some(outcome);
        if !is_now {
            self.broken(format!("{name}: attempt {attempt} ended, and it was not under way"));
        }
    }

    fn host_state(&mut self, name: &str, state: HostState) {
        let Some(index) = self.index(name) else { return };
        if state == HostState::Running {
            self.goes_out(index, name);
        }
        let Some(host) = self.hosts.get_mut(index) else { return };
        let before = std::mem::replace(&mut host.state, state);
        let agrees = match state {
            HostState::Succeeded => host.has_ended && host.outcome == Some(Outcome::Succeeded),
            state if state.is_bad() => host.outcome.is_none_or(|outcome| outcome.host_state() == state),
            HostState::Retrying => host.has_ended,
            _ => true,
        };
        let succeeds = state == HostState::Succeeded && before != state;
        let comes_back = state == HostState::Succeeded && std::mem::replace(&mut host.is_out, false);
        host.was_good |= state == HostState::Succeeded;
        let (limits, slots) = (host.limits.clone(), host.slots.clone());
        if !agrees {
            self.broken(format!("{name} became {state:?} otherwise than its attempt ended"));
        }
        for limit in limits.into_iter().filter(|_| comes_back) {
            if let Some(n) = self.in_use.get_mut(limit) {
                *n = n.saturating_sub(1);
            }
        }
        self.n_in_flight += u32::from(state.is_active());
        self.n_in_flight = self.n_in_flight.saturating_sub(u32::from(before.is_active()));
        if succeeds {
            self.ramps_up();
        }
        if state.is_bad() && !before.is_bad() {
            self.turns_bad(&slots);
        }
    }

    /// A host takes the one step for which it needs everything.
    fn goes_out(&mut self, index: usize, name: &str) {
        if let Some(why) = self.closed {
            self.broken(format!("{name} started although {why}"));
        }
        let most = self.plan.job.retry.attempts.saturating_add(1);
        let Some(host) = self.hosts.get_mut(index) else { return };
        let (is_over, was_good, was_in_flight) = (!host.has_ended, host.was_good, host.state.is_active());
        host.attempts += 1;
        host.has_ended = false;
        let goes_out = !std::mem::replace(&mut host.is_out, true);
        let (attempts, limits, slots) = (host.attempts, host.limits.clone(), host.slots.clone());
        if is_over {
            self.broken(format!("{name} started while its last attempt was under way"));
        }
        if was_good {
            self.broken(format!("{name} started again after it had succeeded"));
        }
        if attempts > most {
            self.broken(format!("{name} started {attempts} times, {most} are allowed"));
        }
        for slot in slots {
            let closed = self.slots.get(slot).filter(|slot| !slot.is_open).map(|slot| slot.id);
            if let Some(id) = closed {
                self.broken(format!("{name} started before {id} was open"));
            }
        }
        // Between two attempts a host keeps its place.
        let job = &self.plan.job;
        let caps = [("concurrent", job.concurrent), ("ramp", job.ramp.get(self.ramp.0).copied())];
        let n = self.n_in_flight;
        for (key, _) in
            caps.into_iter().filter(|(_, most)| !was_in_flight && most.is_some_and(|most| n >= most))
        {
            let others = plural(n as usize, "host");
            self.broken(format!("{name} started with {others} in flight, more than `{key}` allows"));
        }
        for limit in limits.into_iter().filter(|_| goes_out) {
            let Some(n) = self.in_use.get_mut(limit) else { continue };
            *n += 1;
            let n = *n;
            if let Some(limit) = self.plan.limits.get(limit).filter(|limit| n > limit.max_parallel) {
                let (id, most) = (&limit.id, limit.max_parallel);
                self.broken(format!("{name} started as number {n} out of service in {id}, {most} may be"));
            }
        }
    }

    /// A step of `ramp` ends when as many hosts have succeeded in it as it lets fly; the last one stays.
    fn ramps_up(&mut self) {
        let (step, n_good) = self.ramp;
        let has_next = step + 1 < self.plan.job.ramp.len();
        let is_over = self.plan.job.ramp.get(step).is_some_and(|&most| n_good + 1 >= most);
        self.ramp = if has_next && is_over { (step + 1, 0) } else { (step, n_good + 1) };
    }

    fn turns_bad(&mut self, slots: &[usize]) {
        self.n_bad += 1;
        let mut is_too_many = self.plan.job.max_failures.is_some_and(|most| self.n_bad > most);
        is_too_many |= self.plan.job.on_failure == OnFailure::Halt;
        for &slot in slots {
            if let Some(slot) = self.slots.get_mut(slot) {
                slot.n_bad += 1;
                is_too_many |= slot.max_failures.is_some_and(|most| slot.n_bad > most);
            }
        }
        if is_too_many {
            self.closed = self.closed.or(Some("more hosts were bad than may be"));
        }
    }
}

#[cfg(test)]
mod tests {
    use pogo_plan::event::Stream;
    use pogo_plan::outcome::{Exit, Phase};

    use super::super::testing::Run;
    use super::*;
    use crate::schedule::testing::plan;

    const FAILED: Outcome = Outcome::Failed { exit: Exit::Status(1), phase: Phase::Command };

    fn violations(run: &Run, plan: &Plan) -> Vec<String> {
        let mut checker = Checker::new(plan);
        run.events.iter().for_each(|event| checker.event(event));
        checker
            .finish()
            .into_iter()
            .map(|violation| format!("{}: {}", violation.seq, violation.what))
            .collect()
    }

    /// A run of the plan that keeps everything: `$colo.one` has one place, `$colo.two` two.
    fn good() -> Run {
        let mut run = Run::new();
        run.job(JobState::Running).opened("foo.$colo.one").opened("bar.$colo.three").opened("unconstrained");
        for host in ["host1", "host2", "host3", "host7", "host8", "host9", "\"cache\""] {
            run.ran(host, Outcome::Succeeded);
        }
        run.done("foo.$colo.one").done("bar.$colo.three").later(5_400_000).opened("foo.$colo.two");
        run.started("host4").started("host5").ended("host4", Outcome::Succeeded).started("host6");
        run.ended("host6", Outcome::Succeeded).ended("host5", Outcome::Succeeded).done("foo.$colo.two");
        run.job(JobState::Succeeded);
        run
    }

    /// The run without the events that `drop` says, numbered anew.
    fn without(run: &Run, drop: impl Fn(&EventKind) -> bool) -> Run {
        let mut rest = Run::new();
        for event in run.events.iter().filter(|event| !drop(&event.kind)) {
            rest.push(event.kind.clone());
        }
        rest
    }

    #[test]
    fn a_good_run_breaks_nothing() {
        assert_eq!(violations(&good(), &plan()), [""; 0]);
    }

    #[test]
    fn a_missing_event_is_seen() {
        let mut run = good();
        run.events.remove(5);
        assert!(violations(&run, &plan()).first().unwrap().contains("event 5 is followed by event 7"));
    }

    #[test]
    fn every_broken_promise_is_found() {
        let plan = plan();
        let found = |run: &Run, what: &str| {
            let all = violations(run, &plan);
            assert!(all.iter().any(|violation| violation.contains(what)), "{what}: {all:?}");
        };
        let opened = |slot: &'static str| {
            move |kind: &EventKind| *kind == EventKind::SlotOpened { slot: slot.to_owned() }
        };
        found(&without(&good(), opened("foo.$colo.two")), "host4 started before foo.$colo.two was open");
        let succeeds = |kind: &EventKind| {
            *kind == EventKind::HostState { host: "host2".to_owned(), state: HostState::Succeeded }
        };
        found(
            &without(&good(), succeeds),
            "foo.$colo.two opened before foo.$colo.one was done: host2 was not",
        );
        found(&without(&good(), succeeds), "host3 started as number 2 out of service in $colo.one, 1 may be");
        found(&without(&good(), succeeds), "ended while hosts were running");
        found(
            &without(&good(), |kind| matches!(kind, EventKind::JobState { .. })),
            "stream ends before the job",
        );

        let mut twice =
            without(&good(), |kind| matches!(kind, EventKind::JobState { state: JobState::Succeeded, .. }));
        twice.attempt(2).ran("host9", Outcome::Succeeded);
        found(&twice, "host9 started again after it had succeeded");
        found(&twice, "host9 started 2 times, 1 are allowed");
        twice.attempt(1).output("host8", Stream::Stdout, "late");
        found(&twice, "host8: output of attempt 1, which is not under way");
        twice.started("stranger");
        found(&twice, "stranger is not a target of the plan");

        let mut halted = Run::new();
        halted.opened("foo.$colo.one").opened("bar.$colo.three").job(JobState::Halting).started("host7");
        found(&halted, "host7 started although the job halts");
        let mut lied = Run::new();
        lied.opened("bar.$colo.three").started("host8").attempt_ended("host8", FAILED);
        lied.state("host8", HostState::Succeeded).job(JobState::Succeeded);
        found(&lied, "host8 became Succeeded otherwise than its attempt ended");
        found(&lied, "the job's end does not agree with the ends of its hosts");
        // The slot takes one failure and no more.
        let mut bad = Run::new();
        bad.opened("foo.$colo.one").opened("bar.$colo.three").opened("unconstrained");
        bad.ran("host1", FAILED).ran("host2", FAILED).ran("\"cache\"", Outcome::Succeeded);
        found(&bad, "\"cache\" started although more hosts were bad than may be");
    }

    #[test]
    fn concurrent_caps_what_runs() {
        let mut plan = plan();
        plan.job.concurrent = Some(1);
        let all = violations(&good(), &plan);
        assert!(
            all.iter()
                .any(|it| it.contains("host5 started with 1 host in flight, more than `concurrent` allows")),
            "{all:?}"
        );
    }

    #[test]
    fn a_host_between_two_attempts_is_in_flight() {
        let mut plan = plan();
        (plan.job.concurrent, plan.job.retry.attempts) = (Some(1), 1);
        let mut run = Run::new();
        run.job(JobState::Running).opened("foo.$colo.one").opened("bar.$colo.three").opened("unconstrained");
        run.started("host7").attempt_ended("host7", FAILED).state("host7", HostState::Retrying);
        run.started("host8").ended("host8", Outcome::Succeeded).attempt(2).later(60_000).started("host7");
        let all = violations(&run, &plan);
        assert_eq!(
            all,
            [
                "9: host8 started with 1 host in flight, more than `concurrent` allows",
                "14: the stream ends before the job does"
            ]
        );
    }

    #[test]
    fn a_ramp_goes_up_with_what_succeeds() {
        let mut plan = plan();
        plan.job.ramp = vec![1, 2, 3];
        let run = |steps: &[(&str, &[&str])]| {
            let mut run = Run::new();
            run.job(JobState::Running)
                .opened("bar.$colo.three")
                .opened("foo.$colo.one")
                .opened("unconstrained");
            for (start, end) in steps {
                run.started(start);
                end.iter().for_each(|host| {
                    run.ended(host, Outcome::Succeeded);
                });
            }
            violations(&run, &plan).into_iter().filter(|it| it.contains("`ramp`")).count()
        };
        let (none, one): (&[&str], &[&str]) = (&[], &["host7"]);
        assert_eq!(
            run(&[("host7", one), ("host8", none), ("host9", &["host8", "host9"]), ("host2", none)]),
            0
        );
        assert_eq!(run(&[("host7", none), ("host8", none)]), 1, "the first step lets one fly");
        assert_eq!(run(&[("host7", one), ("host8", none), ("host9", none), ("host2", none)]), 1);
        // One success does not end a step of two.
        assert_eq!(
            run(&[("host7", one), ("host8", none), ("host9", &["host8"]), ("host2", none), ("host3", none)]),
            1
        );
    }
}
