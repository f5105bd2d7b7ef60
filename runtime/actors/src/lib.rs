//! The shell around pogo's deciding core: actors, the clock, and what the world is told.
//!
//! One actor each for job, thread, slot, host task and worker. Each owns its machine of `pogo-schedule` and only
//! translates: a message to an event, an action to a message, a timer or a call of the transport. What is decided here is
//! nothing; what is known here is who talks to whom:
//!
//! ```text
//!            control ──> job <──> ledger, or a store's session
//!                        │ ^ \
//!          threads, slots  │   host tasks <──> links <══ numbered messages ══> workers ── transport ── hosts
//!                          │                                                    (on other OS threads)
//!                   journal, bus ──> subscribers, and output to the store
//! ```
//!
//! Everything but the workers, the bus and a session lives on the thread that called [`run`].
//!
//! A run is kept in memory or in a store ([`Keeping`]). In memory there is a ledger for each namespace, and facts are on
//! record when the journal returns. In a store the session's thread has the ledger: the job hands it the facts and the
//! operations of one step as one batch, which goes on record as a whole, and what follows from a batch waits until the
//! session says that it is on disk (`job/records.rs`). What comes in during a commit goes into the next one, and the actors
//! never wait for the disk. A run in a store can be taken up again by [`resume`] and [`retry`], and [`operate`] does what
//! operators say to a job that nobody runs.
//!
//! A panic is a fault of pogo and ends one actor. Whoever depends on it notices by a guard in that actor: a host task's
//! attempt becomes `unknown`, a worker's attempts become `unknown`, and without its job, ledger, threads or slots a run
//! ends with [`RunError::Lost`] as soon as what runs has ended. A store that fails ends a run in the same way, with
//! [`RunError::Store`]; nothing is started that is not on record.

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
pub use take_up::{TakeUp, operate, probe, resume, retry};
