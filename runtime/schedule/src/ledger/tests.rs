use pogo_plan::outcome::{Exit, Phase};
use pogo_plan::{HostTable, Limit};

use super::*;
use crate::sim::plain_job;

const FAILED: Outcome = Outcome::Failed { exit: Exit::Status(1), phase: Phase::Command };

/// A ledger whose hosts are called `h0`, `h1`, … in every plan.
struct Test {
    ledger: Ledger,
    now: Monotonic,
}

/// A plan of nothing.
pub(crate) fn empty_plan() -> Arc<Plan> {
    let (namespace, origin) = ("default".to_owned(), pogo_plan::Origin::default());
    let (hosts, targets, threads, limits) = (HostTable::new(), Vec::new(), Vec::new(), Vec::new());
    Arc::new(Plan { namespace, hosts, targets, threads, limits, job: plain_job(), origin })
}

fn host(number: usize) -> HostIdx {
    HostIdx::from_index(number).unwrap()
}

fn job(number: u64) -> JobId {
    JobId::from_bits(number)
}

impl Test {
    fn new() -> Self {
        Self { ledger: Ledger::new(Faults::default()), now: Monotonic(0) }
    }

    /// Registers a job over ten hosts with limits of so many of these hosts each.
    fn register(&mut self, id: u64, limits: &[(u32, &[usize])], change: impl FnOnce(&mut pogo_plan::Job)) {
        let mut hosts = HostTable::new();
        let targets = (0..10).map(|number| hosts.intern(&format!("h{number}")).unwrap().host).collect();
        let limit = |(number, &(max_parallel, members)): (usize, &(u32, &[usize]))| Limit {
            id: format!("$l{number}"),
            max_parallel,
            declared: max_parallel.to_string(),
            group_size: members.len() as u32,
            members: members.iter().map(|&member| host(member)).collect(),
            at: None,
        };
        let limits = limits.iter().enumerate().map(limit).collect();
        let mut run = plain_job();
        change(&mut run);
        let (namespace, origin) = ("default".to_owned(), pogo_plan::Origin::default());
        let plan =
            Arc::new(Plan { namespace, hosts, targets, threads: Vec::new(), limits, job: run, origin });
        self.apply(Op::Register { job: job(id), plan });
    }

    fn apply(&mut self, op: Op) -> Vec<Effect> {
        let mut out = Vec::new();
        self.ledger.apply(self.now, op, &mut out);
        out
    }

    fn granted(effects: &[Effect]) -> Vec<(u64, usize)> {
        let granted = effects.iter().filter_map(|effect| match effect {
            Effect::Granted { job, host, .. } => Some((job.bits(), host.index())),
            _ => None,
        });
        granted.collect()
    }

    fn claim(&mut self, id: u64, hosts: &[usize]) -> Vec<(u64, usize)> {
        let hosts = hosts.iter().map(|&number| (host(number), Attempt(1))).collect();
        Self::granted(&self.apply(Op::Claim { job: job(id), hosts }))
    }

    fn end(&mut self, id: u64, number: usize, outcome: Outcome) -> Vec<(u64, usize)> {
        let end = Op::End { job: job(id), host: host(number), attempt: Attempt(1), outcome };
        Self::granted(&self.apply(end))
    }

    fn later(&mut self, ms: u64) {
        self.now = self.now.after_ms(ms);
    }
}

#[test]
fn a_failed_host_keeps_its_place_after_its_job_has_ended() {
    let mut test = Test::new();
    test.register(1, &[(1, &[0, 1])], |_| {});
    assert_eq!(test.claim(1, &[0, 1]), [(1, 0)]);
    assert_eq!(test.end(1, 0, FAILED), []);
    test.apply(Op::Finish { job: job(1) });
    test.register(2, &[(1, &[0, 1])], |_| {});
    assert_eq!(test.claim(2, &[1]), []);
    assert_eq!(test.ledger.waits_for(job(2), host(1)), Some(On::Limit("$l0".into())));
    assert_eq!(Test::granted(&test.apply(Op::Release { host: "H0.".to_owned() })), [(2, 1)]);
}

#[test]
fn a_job_without_limits_of_its_own_keeps_those_of_others() {
    let mut test = Test::new();
    test.register(1, &[(1, &[0, 1, 2])], |_| {});
    test.register(2, &[], |_| {});
    assert_eq!(test.claim(2, &[0, 1]), [(2, 0)]);
    assert_eq!(test.claim(1, &[2]), []);
    assert_eq!(test.end(2, 0, Outcome::Succeeded), [(2, 1)]);
}

#[test]
fn a_blocked_host_wakes_whichever_of_its_limits_is_freed_last() {
    let mut test = Test::new();
    test.register(1, &[(1, &[0, 2]), (1, &[1, 2])], |_| {});
    assert_eq!(test.claim(1, &[0, 1, 2]), [(1, 0), (1, 1)]);
    assert_eq!(test.end(1, 0, Outcome::Succeeded), []);
    assert_eq!(test.end(1, 1, Outcome::Succeeded), [(1, 2)]);
}

#[test]
fn a_limit_is_released_once_however_often_the_end_is_told() {
    let mut test = Test::new();
    test.register(1, &[(1, &[0, 1, 2])], |_| {});
    assert_eq!(test.claim(1, &[0, 1, 2]), [(1, 0)]);
    assert_eq!(test.end(1, 0, Outcome::Succeeded), [(1, 1)]);
    assert_eq!(test.end(1, 0, Outcome::Succeeded), []);
    assert_eq!(test.ledger.limits().map(|limit| limit.in_use).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_repeated_claim_changes_nothing() {
    let mut test = Test::new();
    test.register(1, &[(1, &[0, 1])], |_| {});
    assert_eq!(test.claim(1, &[0, 0, 1]), [(1, 0)]);
    assert_eq!(test.claim(1, &[0, 1]), []);
    assert_eq!(test.end(1, 0, Outcome::Succeeded), [(1, 1)]);
    assert_eq!(test.end(1, 1, Outcome::Succeeded), []);
}

#[test]
fn a_plain_success_does_not_put_back_what_another_job_took_out() {
    let mut test = Test::new();
    test.register(1, &[], |_| {});
    test.claim(1, &[0]);
    test.end(1, 0, FAILED);
    test.register(2, &[], |_| {});
    assert_eq!(test.claim(2, &[0]), [(2, 0)]);
    test.end(2, 0, Outcome::Succeeded);
    assert_eq!(test.ledger.out_of_service().count(), 1);
    test.register(3, &[], |job| job.recover = true);
    assert_eq!(test.claim(3, &[0]), [(3, 0)]);
    test.end(3, 0, Outcome::Succeeded);
    assert_eq!(test.ledger.out_of_service().count(), 0);
}

#[test]
fn an_unknown_host_is_neither_taken_over_nor_released() {
    let mut test = Test::new();
    test.register(1, &[], |_| {});
    test.claim(1, &[0]);
    test.end(1, 0, Outcome::Unknown);
    test.register(2, &[], |job| job.recover = true);
    assert_eq!(test.claim(2, &[0]), []);
    assert_eq!(test.ledger.waits_for(job(2), host(0)), Some(On::Decision(job(1))));
    let refused = Effect::NotReleased { host: "h0".into(), job: job(1) };
    assert_eq!(test.apply(Op::Release { host: "h0".to_owned() }), [refused]);
    let decide = Op::Decide { job: job(1), host: "h0".into(), verdict: Verdict::Failed, restores: false };
    assert_eq!(Test::granted(&test.apply(decide)), [(2, 0)]);
}

#[test]
fn a_host_that_is_out_needs_no_free_place() {
    let mut test = Test::new();
    test.register(1, &[(1, &[0, 1])], |_| {});
    test.claim(1, &[0]);
    test.end(1, 0, FAILED);
    test.register(2, &[], |_| {});
    assert_eq!(test.claim(2, &[1, 0]), [(2, 0)]);
}

/// Two hosts take turns in one limit, two in the other, so that never both are free at once.
#[test]
fn a_host_that_was_passed_over_for_five_minutes_goes_next() {
    let mut test = Test::new();
    test.register(1, &[(1, &[0, 1, 4]), (1, &[2, 3, 4])], |_| {});
    let again = |test: &mut Test, ends: usize, claims: usize, attempt: &mut [u32; 5]| {
        let end = Op::End {
            job: job(1),
            host: host(ends),
            attempt: Attempt(attempt[ends]),
            outcome: Outcome::Succeeded,
        };
        let mut granted = Test::granted(&test.apply(end));
        attempt[claims] += 1;
        let hosts = vec![(host(claims), Attempt(attempt[claims]))];
        granted.extend(Test::granted(&test.apply(Op::Claim { job: job(1), hosts })));
        granted
    };
    let mut attempt = [1, 0, 1, 0, 1];
    assert_eq!(test.claim(1, &[0, 2, 4]), [(1, 0), (1, 2)]);
    let mut turns = 0;
    let went = loop {
        let (one, other) = if turns % 2 == 0 { ((0, 1), (2, 3)) } else { ((1, 0), (3, 2)) };
        for (ends, claims) in [one, other] {
            test.later(10_000);
            if again(&mut test, ends, claims, &mut attempt).contains(&(1, 4)) {
                break;
            }
        }
        if test.ledger.waits_for(job(1), host(4)).is_none() {
            break test.now;
        }
        turns += 1;
        assert!(turns < 100, "starves");
    };
    let waited = went.ms_since(Monotonic(0));
    assert!((PASSED_OVER_MS..PASSED_OVER_MS + 3 * SCAN_MS).contains(&waited), "{waited}");
}

#[test]
fn jobs_that_wait_for_each_others_bad_hosts_are_blocked_one_after_the_other() {
    let mut test = Test::new();
    test.register(1, &[(1, &[0, 1])], |_| {});
    test.register(2, &[(1, &[2, 3])], |_| {});
    assert_eq!(test.claim(1, &[0]), [(1, 0)]);
    assert_eq!(test.claim(2, &[2]), [(2, 2)]);
    test.end(1, 0, FAILED);
    test.end(2, 2, FAILED);
    assert_eq!(test.claim(1, &[3]), []);
    assert_eq!(test.claim(2, &[1]), []);
    assert_eq!(test.apply(Op::Idle { job: job(1), number: 7 }), []);
    let effects = test.apply(Op::Idle { job: job(2), number: 8 });
    let [Effect::Blocked { job: blocked, number: 7, by }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((*blocked, by.len(), by[0].host.as_str()), (job(1), 1, "h2"));
    // The end of the first takes its limit out of force, and that was all the second waited for.
    let effects = test.apply(Op::Finish { job: job(1) });
    assert_eq!(Test::granted(&effects), [(2, 1)]);
}

#[test]
fn sets_of_limits_go_with_their_limits() {
    let mut test = Test::new();
    for id in 1..20 {
        test.register(id, &[(1, &[0, 1]), (2, &[1, 2, 3])], |_| {});
        test.register(id + 100, &[(3, &[1, 2, 3])], |_| {});
        test.apply(Op::Finish { job: job(id) });
        test.apply(Op::Finish { job: job(id + 100) });
    }
    assert_eq!(test.ledger.limits().count(), 0);
    assert!(test.ledger.sets.len() <= 1);
}

#[test]
fn a_freed_place_goes_to_whoever_has_waited_longest() {
    let mut test = Test::new();
    test.register(1, &[(1, &[0, 1])], |_| {});
    test.register(2, &[], |_| {});
    assert_eq!(test.claim(1, &[0]), [(1, 0)]);
    assert_eq!(test.claim(1, &[1]), []);
    // It waits for the host itself, and for the same place once the host is back.
    assert_eq!(test.claim(2, &[0]), []);
    assert_eq!(test.end(1, 0, Outcome::Succeeded), [(1, 1)]);
    assert_eq!(test.end(1, 1, Outcome::Succeeded), [(2, 0)]);
}
