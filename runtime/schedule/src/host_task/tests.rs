use pogo_plan::job::{OnFailure, Retry, RetryOn};
use pogo_plan::outcome::Exit;

use super::*;

const FAILED: Outcome = Outcome::Failed { exit: Exit::Status(1), phase: Phase::Command };

fn policy(attempts: u32, retry_on: &[RetryOn]) -> Arc<Policy> {
    Arc::new(Policy {
        retry: Retry { attempts, backoff_ms: 1_000, max_backoff_ms: 3_000, retry_on: retry_on.to_vec() },
        connect_timeout_ms: 10_000,
        timeout_ms: 60_000,
        verify_timeout_ms: 5_000,
        job_timeout_ms: None,
        on_failure: OnFailure::Hold,
        max_failures: None,
        concurrent: None,
        ramp: Vec::new(),
        stagger_ms: 0,
        recover: false,
        restores: false,
    })
}

struct Task(Machine);

impl Task {
    fn begun(attempts: u32, retry_on: &[RetryOn]) -> Self {
        let host = HostIdx::from_index(3).unwrap();
        let mut task = Self(Machine::new(host, policy(attempts, retry_on), 7, Faults::default()));
        task.run(0, Event::Begin { attempt: Attempt(1) });
        task
    }

    fn run(&mut self, now_ms: u64, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        self.0.handle(Monotonic(0).after_ms(now_ms), event, &mut out);
        out
    }
}

#[test]
fn the_machine_fits_in_a_cache_line_and_a_half() {
    assert!(size_of::<Machine>() <= 96, "{}", size_of::<Machine>());
}

#[test]
fn waits_longer_each_time_and_then_gives_up() {
    let mut task = Task::begun(2, &[RetryOn::Exit]);
    for (attempt, longest) in [(1, 1_000), (2, 2_000)] {
        let out = task.run(0, Event::Ended { attempt: Attempt(attempt), outcome: FAILED });
        let [Action::Ended { again: true, .. }, Action::SetTimer { number, at, .. }] = out[..] else {
            panic!("{out:?}")
        };
        let wait = at.ms_since(Monotonic(0));
        assert!((longest / 2..=longest).contains(&wait), "{wait}");
        let next = Attempt(attempt + 1);
        assert_eq!(
            task.run(9_000, Event::Timer { attempt: Attempt(attempt), number }),
            [Action::RetryDue { attempt: next }]
        );
        assert!(matches!(task.run(9_000, Event::Begin { attempt: next })[..], [Action::Start { .. }, _]));
    }
    let last = Action::Ended { attempt: Attempt(3), outcome: FAILED, again: false, duration_ms: 0 };
    assert_eq!(task.run(9_000, Event::Ended { attempt: Attempt(3), outcome: FAILED }), [last]);
    assert!(task.0.is_over());
}

#[test]
fn an_unknown_end_is_never_retried() {
    let mut task = Task::begun(9, &[RetryOn::Exit, RetryOn::Unreachable, RetryOn::Timeout]);
    let out = task.run(1, Event::Lost { attempt: Attempt(1) });
    assert_eq!(
        out,
        [Action::Ended { attempt: Attempt(1), outcome: Outcome::Unknown, again: false, duration_ms: 1 }]
    );
}

#[test]
fn late_news_and_stale_timers_are_dropped() {
    let mut task = Task::begun(1, &[RetryOn::Exit]);
    assert_eq!(task.run(1, Event::Ended { attempt: Attempt(2), outcome: FAILED }), []);
    task.run(1, Event::Started { attempt: Attempt(1) });
    assert_eq!(task.run(40_000, Event::Timer { attempt: Attempt(1), number: 1 }), []);
    assert_eq!(task.run(40_000, Event::Begin { attempt: Attempt(1) }), []);
}

#[test]
fn a_deadline_that_the_host_does_not_keep_is_enforced_from_here() {
    let mut task = Task::begun(0, &[]);
    let out = task.run(500, Event::Started { attempt: Attempt(1) });
    let [_, Action::SetTimer { number, at, .. }] = out[..] else { panic!("{out:?}") };
    assert_eq!(at, Monotonic(0).after_ms(500 + 60_000 + DEADLINE_SLACK_MS));
    assert!(matches!(
        task.run(90_500, Event::Timer { attempt: Attempt(1), number })[..],
        [Action::Kill { .. }, _]
    ));
    let out = task.run(91_000, Event::Ended { attempt: Attempt(1), outcome: Outcome::Stopped });
    assert_eq!(
        out,
        [Action::Ended {
            attempt: Attempt(1),
            outcome: Outcome::TimedOut,
            again: false,
            duration_ms: 91_000
        }]
    );
}

#[test]
fn a_worker_that_does_not_answer_a_stop_leaves_the_host_unknown() {
    let mut task = Task::begun(0, &[]);
    let out = task.run(1, Event::Stop);
    let [Action::Kill { .. }, Action::SetTimer { number, .. }] = out[..] else { panic!("{out:?}") };
    let out = task.run(200_000, Event::Timer { attempt: Attempt(1), number });
    assert_eq!(
        out,
        [Action::Ended {
            attempt: Attempt(1),
            outcome: Outcome::Unknown,
            again: false,
            duration_ms: 200_000
        }]
    );
}

#[test]
fn verify_has_its_own_time_and_the_rest_goes_on_after_it() {
    let mut task = Task::begun(0, &[]);
    task.run(0, Event::Started { attempt: Attempt(1) });
    let verify = Event::Phase { attempt: Attempt(1), phase: Phase::Verify };
    let slack = DEADLINE_SLACK_MS;
    let out = task.run(20_000, verify);
    assert_eq!(
        out,
        [Action::SetTimer {
            attempt: Attempt(1),
            number: 3,
            at: Monotonic(0).after_ms(20_000 + 5_000 + slack)
        }]
    );
    let out = task.run(24_000, Event::Phase { attempt: Attempt(1), phase: Phase::Posthook });
    assert_eq!(
        out,
        [Action::SetTimer {
            attempt: Attempt(1),
            number: 4,
            at: Monotonic(0).after_ms(24_000 + 40_000 + slack)
        }]
    );
}

#[test]
fn a_timer_of_an_earlier_task_of_the_host_is_ignored() {
    let host = HostIdx::from_index(3).unwrap();
    let mut task = Task(Machine::new(host, policy(0, &[]), 7, Faults::default()));
    task.run(0, Event::Begin { attempt: Attempt(2) });
    assert_eq!(task.run(40_000, Event::Timer { attempt: Attempt(1), number: 1 }), []);
}

#[test]
fn a_stop_between_two_attempts_leaves_the_host_as_it_was() {
    let mut task = Task::begun(1, &[RetryOn::Exit]);
    task.run(1, Event::Ended { attempt: Attempt(1), outcome: FAILED });
    assert_eq!(task.run(2, Event::Stop), [Action::GaveUp { attempt: Attempt(1) }]);
}
