//! The deciding core of pogo: what may start when. No clock, no threads, no I/O, no randomness that is not handed in.
//!
//! # The promise
//!
//! **At every instant, of the hosts of a group no more than `max_parallel` are out of service, whatever job of the namespace
//! put them there; and no host runs twice or out of order.** Everything here serves that sentence.
//!
//! # The machines
//!
//! One for each kind of actor, each with `fn handle(&mut self, now, event, &mut impl Outbox<Action>)`: total, never panicking,
//! the same input giving the same output. An [`Action`](job::Action) says in its documentation to whom it goes; it arrives
//! there as an event. What takes the actions in order is an [`Outbox`](outbox::Outbox): a list, or whoever does them at
//! once.
//!
//! ```text
//!             Op                      Start                    Open
//!   ledger <------- job ------------------------> thread ------------> slot
//!          -------> |  ^ <---- Pausing, Noted, Finished -- |  ^ <------- |  ^
//!           Effect  |  |                                      SlotDone   |  |
//!                   |  +---- Opened, Noted, Done, TooManyBad ------------+  |
//!                   |  +---- Done, Bad, Mended, Restore --------------------+
//!                   v
//!               host task  <---->  worker, timer
//! ```
//!
//! | machine | decides |
//! | --- | --- |
//! | [`job`] | which hosts are claimed, what a grant becomes, how the job ends, what operators may do |
//! | [`thread`] | which slot opens next, and when |
//! | [`slot`] | when all of its hosts are done, and when too many are bad |
//! | [`host_task`] | deadlines, retries and stops of one host while it is out |
//! | [`ledger`] | who goes out of service and who comes back: one for a namespace, shared by its jobs |
//! | [`replica`] | what a process reads, writes and acts on that shares the ledger with others |
//!
//! [`drive`] wires them together in the simplest way and is the place to see how; [`notice`] turns what machines tell
//! readers into `pogo.events/1`. What one actor says to another must arrive in order; nothing else is assumed about time
//! or order. A host task exists only from its grant to its last attempt's end.
//!
//! A job of two hosts, the second after the first, from start to end:
//!
//! ```
//! use std::sync::Arc;
//! use pogo_plan::{HostTable, Origin, Plan, Slot, Thread, event::JobId, outcome::{JobState, Outcome}};
//! use pogo_schedule::{drive::{Drive, Input, Output}, host_task, job, time::Monotonic};
//! # use pogo_plan::job::{Job, Transport};
//! # let job = Job { command: Some("true".into()), transport: Transport::Local, ..Job::default() };
//!
//! let mut hosts = HostTable::new();
//! let targets: Vec<_> = ["web1", "web2"].iter().filter_map(|name| Some(hosts.intern(name)?.host)).collect();
//! let slot = |at: usize| Slot {
//!     id: format!("slot {at}"), hosts: vec![targets[at]], pause_after_ms: None, max_failures: None, at: None,
//! };
//! let threads = vec![Thread { id: "rollout".into(), slots: vec![slot(0), slot(1)] }];
//! let plan = Arc::new(Plan {
//!     namespace: "default".into(), hosts, targets, threads, limits: vec![], job, origin: Origin::default(),
//! });
//!
//! let mut drive = Drive::new(JobId::from_bits(1), &plan, 0);
//! let mut out = Vec::new();
//! let mut ran = Vec::new();
//! drive.step(Monotonic(0), Input::Job(job::Event::Start), &mut out);
//! while let Some(output) = (!out.is_empty()).then(|| out.remove(0)) {
//!     // Facts would go on record here, timers to a clock, notices to readers.
//!     if let Output::Start(host, attempt) = output {
//!         ran.push(plan.hosts.name(host));
//!         let ended = host_task::Event::Ended { attempt, outcome: Outcome::Succeeded };
//!         drive.step(Monotonic(1), Input::Task(host, ended), &mut out);
//!     }
//! }
//! assert_eq!(ran, ["web1", "web2"]);
//! assert_eq!(drive.job().state(), JobState::Succeeded);
//! ```
//!
//! # Several processes
//!
//! A namespace has one ledger, whoever runs jobs in it. Kept in a store, it is an append-only log of operations
//! ([`ledger::Record`]), and each job has a journal of facts ([`journal::FactRecord`]). Every process has a [`replica`] of
//! the ledger: the same operations give the same ledger everywhere, from the beginning of the log or from a
//! [`ledger::Snapshot`]. Whoever holds the namespace's lock reads on, decides, and writes operations and facts in one
//! transaction; it acts once that is committed. A grant counts from the moment in which it is in the log, and may be acted
//! on by the job's owner only, once it has written the fact. So after a crash every grant is one of three: its end is on
//! record; it was begun and nobody knows ([`job::Machine::recover`]); or its owner never learned of it, and it goes back
//! ([`journal::reconcile`]).
//!
//! # Why an accepted plan cannot deadlock
//!
//! Suppose that no host is bad, no operator has halted the job, and some host waits. The order over all threads has no
//! circle, so among the hosts that have not succeeded there is one, `h`, that has no predecessor among them: all slots before
//! its slots are done, and all its slots are open, at the latest after their pauses. If an attempt is under way anywhere,
//! it ends, since it has a deadline that is enforced from here too; so suppose that none is. Then no host is out of
//! service (out means running or bad), so every limit is empty, and holds at least one; nothing is in flight, so `concurrent`
//! and `ramp` have room; `stagger` is over after a time. A claim takes all it needs in one step, so nobody holds one place
//! while waiting for another. A place that is kept for somebody who was passed over is kept only while an attempt is under
//! way that may free what that one misses. So `h` goes. Each host that goes ends, and there are finitely many.
//!
//! With bad hosts a job may come to where nothing moves it: then it ends as `blocked` and names them ([`ledger`], `stuck`).
//!
//! # Invariants
//!
//! Each is checked after every step of every simulated schedule by `sim::oracle`, which judges from the plans and from what
//! it saw, and never asks a machine. `sim::tests::every_planted_fault_is_noticed` proves for each that breaking it is noticed.
//!
//! | invariant | named test besides the simulator |
//! | --- | --- |
//! | no limit in force is exceeded by a start, counting bad hosts of all jobs | `a_failed_host_keeps_its_place_after_its_job_has_ended`, `a_job_without_limits_of_its_own_keeps_those_of_others`, `a_limit_is_released_once_however_often_the_end_is_told` |
//! | a host comes back into service on evidence only | `a_plain_success_does_not_put_back_what_another_job_took_out` |
//! | an unknown host is not retried, taken over or released | `an_unknown_host_is_neither_taken_over_nor_released`, `an_unknown_end_is_never_retried` |
//! | a host runs once in a job, when all its slots are open | `a_host_in_two_threads_runs_once_when_both_slots_are_open` |
//! | a slot opens after its predecessor is done, and a bad host is not done | `a_failed_predecessor_is_not_done` |
//! | no two attempts on a host at once; each has exactly one end | simulator: `HostShared`, `CrashForgetsRunning` |
//! | nothing starts once a job halts | `a_halted_job_starts_nothing_and_lets_what_runs_end` |
//! | who waits is woken, or the job is told that nothing will wake it | `a_blocked_host_wakes_whichever_of_its_limits_is_freed_last`, `jobs_that_wait_for_each_others_bad_hosts_are_blocked_one_after_the_other` |
//! | of those who could go, whoever came first goes first | `a_freed_place_goes_to_whoever_has_waited_longest`, simulator: `UnfairQueue`, `NewcomersFirst` |
//! | nobody is passed over forever | `a_host_that_was_passed_over_for_five_minutes_goes_next`, simulator: `NeverGoesFirst` |
//! | attempts end at their deadlines and not before | `a_deadline_that_the_host_does_not_keep_is_enforced_from_here`, `a_timer_of_an_earlier_task_of_the_host_is_ignored` |
//! | the same seed gives the same log | `the_same_seed_gives_the_same_log` |
//! | the same operations give the same ledger, in every replica | `a_restored_ledger_answers_as_the_original_does`, simulator: `OperationSkipped` |
//! | no grant is acted on before it is on record | simulator: `ActsBeforeCommit` |
//! | only its owner writes a job's facts | simulator: `ForeignFact` |
//! | nothing is granted to a job whose owner is seen to be gone | simulator: `GrantedToTheDead` |
//! | a host that was granted and never begun comes back, and one that was begun does not | `a_host_that_was_granted_and_never_begun_comes_back`, `what_began_and_was_not_seen_to_end_stays_for_the_job_to_say` |
//! | an attempt that began is never forgotten | simulator: `ReturnsBegun`, `CrashForgetsRunning` |
//! | a lost wake-up delays and stops nothing | simulator: `WakeUpLost` |
//! | what is on record is read forever | `the_bytes_of_every_kind_stay_as_they_are` |

pub mod drive;
pub mod fault;
pub mod host_task;
pub mod ids;
pub mod job;
pub mod journal;
pub mod ledger;
pub mod notice;
pub mod outbox;
pub mod policy;
pub mod replica;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod slab;
pub mod slot;
pub mod stable;
pub mod thread;
pub mod time;
