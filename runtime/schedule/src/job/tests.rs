use pogo_plan::job::OnFailure;
use pogo_plan::outcome::{Exit, Phase as Part};
use pogo_plan::{HostTable, Origin, Slot, Thread};

use super::*;
use crate::drive::{Drive, Input, Output};
use crate::sim::plain_job;

const FAILED: Outcome = Outcome::Failed { exit: Exit::Status(1), phase: Part::Command };

/// A plan of threads of slots of hosts `h0`, `h1`, …
fn plan(threads: &[&[&[usize]]], change: impl FnOnce(&mut pogo_plan::Job)) -> Arc<Plan> {
    let mut hosts = HostTable::new();
    let n_hosts =
        threads.iter().flat_map(|thread| thread.iter()).flat_map(|slot| slot.iter()).max().unwrap() + 1;
    let targets: Vec<_> =
        (0..n_hosts).map(|number| hosts.intern(&format!("h{number}")).unwrap().host).collect();
    let slot = |(number, members): (usize, &&[usize])| Slot {
        id: format!("s{number}"),
        hosts: members.iter().map(|&member| targets[member]).collect(),
        pause_after_ms: None,
        max_failures: None,
        at: None,
    };
    let thread = |(number, slots): (usize, &&[&[usize]])| Thread {
        id: format!("t{number}"),
        slots: slots.iter().enumerate().map(slot).collect(),
    };
    let threads = threads.iter().enumerate().map(thread).collect();
    let mut job = plain_job();
    change(&mut job);
    let (namespace, origin) = ("default".to_owned(), Origin::default());
    Arc::new(Plan { namespace, hosts, targets, threads, limits: Vec::new(), job, origin })
}

struct Test {
    drive: Drive,
}

impl Test {
    fn started(plan: &Arc<Plan>) -> (Self, Vec<usize>) {
        let mut test = Self { drive: Drive::new(JobId::from_bits(1), plan, 1) };
        let starts = test.step(Input::Job(Event::Start));
        (test, starts)
    }

    /// Lets something happen; gives back the hosts that start.
    fn step(&mut self, input: Input) -> Vec<usize> {
        let mut out = Vec::new();
        self.drive.step(Monotonic(0), input, &mut out);
        let starts = out.iter().filter_map(|output| match output {
            Output::Start(host, _) => Some(host.index()),
            _ => None,
        });
        starts.collect()
    }

    fn end(&mut self, host: usize, outcome: Outcome) -> Vec<usize> {
        let host = HostIdx::from_index(host).unwrap();
        let attempt = self.drive.job().host(host).unwrap().1;
        self.step(Input::Task(host, host_task::Event::Ended { attempt, outcome }))
    }

    fn command(&mut self, command: Command<HostIdx>) -> Vec<usize> {
        self.step(Input::Job(Event::Command { command, by: Box::default() }))
    }
}

#[test]
fn a_failed_predecessor_is_not_done() {
    let (mut test, starts) = Test::started(&plan(&[&[&[0], &[1]]], |_| {}));
    assert_eq!(starts, [0]);
    assert_eq!(test.end(0, FAILED), [0_usize; 0]);
    assert_eq!(test.drive.job().state(), JobState::Blocked);
    // It goes on with the same job once the host is mended.
    let host = HostIdx::from_index(0).unwrap();
    assert_eq!(test.command(Command::Retry { host }), [0_usize; 0]);
    assert_eq!(test.command(Command::Resume), [0]);
    assert_eq!(test.end(0, Outcome::Succeeded), [1]);
    assert_eq!(test.end(1, Outcome::Succeeded), [0_usize; 0]);
    assert_eq!(test.drive.job().state(), JobState::Succeeded);
}

#[test]
fn a_host_in_two_threads_runs_once_when_both_slots_are_open() {
    let (mut test, starts) = Test::started(&plan(&[&[&[0], &[2]], &[&[1], &[2]]], |_| {}));
    assert_eq!(starts, [0, 1]);
    assert_eq!(test.end(0, Outcome::Succeeded), [0_usize; 0]);
    assert_eq!(test.end(1, Outcome::Succeeded), [2]);
    assert_eq!(test.end(2, Outcome::Succeeded), [0_usize; 0]);
    assert_eq!(test.drive.job().state(), JobState::Succeeded);
}

#[test]
fn a_failure_is_done_for_sequences_where_the_job_continues() {
    let (mut test, _) = Test::started(&plan(&[&[&[0], &[1]]], |job| job.on_failure = OnFailure::Continue));
    assert_eq!(test.end(0, FAILED), [1]);
    assert_eq!(test.end(1, Outcome::Succeeded), [0_usize; 0]);
    assert_eq!(test.drive.job().state(), JobState::Failed);
    assert_eq!(test.drive.ledger().out_of_service().count(), 1);
}

#[test]
fn a_skipped_bad_host_is_done_stays_out_and_spoils_the_job() {
    let (mut test, _) = Test::started(&plan(&[&[&[0, 1], &[2]]], |_| {}));
    assert_eq!(test.end(0, FAILED), [0_usize; 0]);
    assert_eq!(test.command(Command::Skip { host: HostIdx::from_index(0).unwrap() }), [0_usize; 0]);
    assert_eq!(test.end(1, Outcome::Succeeded), [2]);
    test.end(2, Outcome::Succeeded);
    assert_eq!(test.drive.job().state(), JobState::Failed);
    assert_eq!(test.drive.ledger().out_of_service().count(), 1);
}

#[test]
fn a_halted_job_starts_nothing_and_lets_what_runs_end() {
    let (mut test, _) = Test::started(&plan(&[&[&[0], &[1]]], |_| {}));
    assert_eq!(test.command(Command::Halt { stop_running: false }), [0_usize; 0]);
    assert_eq!(test.drive.job().state(), JobState::Halting);
    assert_eq!(test.end(0, Outcome::Succeeded), [0_usize; 0]);
    assert_eq!(test.drive.job().state(), JobState::Halted);
    assert_eq!(test.drive.job().counts().cancelled, 1);
    assert_eq!(test.command(Command::Resume), [1]);
}

#[test]
fn a_job_keeps_few_bytes_for_each_host() {
    assert!(size_of::<Host>() <= 20, "{}", size_of::<Host>());
}

#[test]
fn the_time_of_a_job_goes_on_after_a_crash_and_begins_anew_after_an_end() {
    let plan = plan(&[&[&[0]]], |job| job.job_timeout_ms = Some(60_000));
    let recovered = |state| {
        let (slots, facts) = (Arc::new(Slots::new(&plan)), [Fact::JobState { state }]);
        let id = JobId::from_bits(1);
        Machine::recover(id, Arc::clone(&plan), slots, 1, Faults::default(), facts)
    };
    let due = |mut job: Machine, event| {
        let mut out = Vec::new();
        job.handle(Monotonic(0).after_ms(1_000), event, &mut out);
        out.iter().find_map(|action| match action {
            Action::SetTimer { at, .. } => Some(*at),
            _ => None,
        })
    };
    let at = |ms| Some(Monotonic(0).after_ms(ms));
    let running = || recovered(JobState::Running);
    assert_eq!(due(running(), Event::Start), at(61_000));
    assert_eq!(due(running().after_ms(45_000), Event::Start), at(16_000));
    assert_eq!(due(running().after_ms(90_000), Event::Start), at(1_000), "it is over at once");
    let resume = Event::Command { command: Command::Resume, by: Box::default() };
    assert_eq!(due(recovered(JobState::Halted).after_ms(90_000), resume), at(61_000));
}
