//! The shell around pogo's deciding core: actors, the clock, and what the world is told.
//!
//! One actor each for job, thread, slot, host task and worker. Each owns its machine of `pogo-schedule` and only
//! translates: a message to an event, an action to a message, a timer or a call of the transport. What is decided here is
//! nothing; what is known here is who talks to whom:
//!
//! ```text
//!            control ──> job <──> ledger                 (one ledger for each namespace)
//!                        │ ^ \
//!          threads, slots  │   host tasks <──> links <══ numbered messages ══> workers ── transport ── hosts
//!                          │                                                    (on other OS threads)
//!                   journal, bus ──> subscribers
//! ```
//!
//! Everything but the workers and the bus lives on the thread that called [`run`].
//!
//! A panic is a fault of pogo and ends one actor. Whoever depends on it notices by a guard in that actor: a host task's
//! attempt becomes `unknown`, a worker's attempts become `unknown`, and without its job, ledger, threads or slots a run
//! ends with [`RunError::Lost`] as soon as what runs has ended.

mod bus;
mod clock;
mod control;
mod host_task;
mod job;
mod journal;
mod keeping;
mod ledger;
mod links;
mod output;
mod post;
mod run;
mod sequence;
mod shutdown;
mod stream;
mod take_up;
#[cfg(test)]
mod tests;
mod worker;

pub use bus::{Subscriber, SubscriberError};
pub use control::{ControlReceiver, ControlSender, control};
pub use journal::{Journal, JournalError, MemoryJournal, NoJournal};
pub use keeping::{Keeping, Stored};
pub use pogo_transport::Secret;
pub use run::{Ended, RunError, RunOptions, run, run_with};
pub use take_up::{TakeUp, operate, resume, retry};
