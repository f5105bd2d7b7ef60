//! Where jobs are kept: plans, journals, the log of each namespace's ledger, and output, in one folder that several
//! processes and users share.
//!
//! It decides nothing. What goes out of service and what waits is decided by [`pogo_schedule::ledger`], of which each process
//! has a replica; the store keeps the operations in one order, so that all replicas are the same. What a process does with its
//! turn is [`pogo_schedule::replica`]: here are the rows, the locks and the waking.
//!
//! # The folder
//!
//! | file | what |
//! | --- | --- |
//! | `pogo.db` | SQLite in WAL mode, synced at every commit; `schema.sql` has its tables |
//! | `locks/` | a file for each namespace's turn, and one for each job's owner |
//! | `output/` | what commands printed: a folder for each job |
//! | `wake/` | sockets by which processes wake each other |
//!
//! # One commit
//!
//! A [`Session`] collects what is submitted while the commit before is synced. Then it waits for the namespace's turn,
//! begins a transaction, applies to its own copy what others have put on record since, applies its own operations, writes
//! both with the facts of its jobs, commits, gives up the turn, wakes the owners of other jobs that have an answer to read,
//! and tells. Nothing is told, and so nothing is done on a host, that is not on disk.
//!
//! What only follows what is on record already may say that it can wait for the next commit ([`Batch::can_wait`]). Then it does, for a
//! moment.
//!
//! - A grant that comes out of another process's operation is in the ledger at once. The fact of it is written by the owner
//!   of the job, in the transaction in which it learns of it, before it is told.
//! - Facts are written by a job's owner only. Its lock is the kernel's, so it ends with the process and with nothing else; the
//!   epoch in the job's row guards against a lock file that was deleted.
//! - Whoever writes operations looks at the locks of the other jobs that wait. Of a dead owner's job nothing waits any more
//!   ([`Op::OwnerLost`](pogo_schedule::ledger::Op::OwnerLost)); what it has out of service stays out.
//! - Whoever takes up a job first puts the ledger right: what was granted to it without a fact was never begun and goes back
//!   ([`pogo_schedule::journal::reconcile`]).
//! - After an error the copy of the ledger may be ahead of what is on record. It is thrown away, and the session is over.
//!
//! # Snapshots
//!
//! After many operations, and when no job of a namespace is unfinished, a commit also has the ledger as a whole, and the log
//! before it is deleted as far as the owners of all living jobs have read it.
//!
//! # Other versions of the ledger's rules
//!
//! The same operations give another ledger by other rules, so each namespace has the version of the rules that its log follows.
//! A pogo with newer rules goes on from the snapshot, which holds facts and no decisions, once no job of the namespace is
//! unfinished: from then on an older pogo is refused ([`StoreError::Rules`]). While a job is unfinished it is the newer pogo
//! that is refused, also if that job's process is dead: only the rules by which its places were given say what they are worth.

mod author;
mod clock;
mod codec;
mod command;
mod db;
mod error;
mod folder;
mod lock;
mod namespace;
mod output;
mod place;
mod read;
mod replica;
mod session;
mod state;
mod store;
mod wake;

pub use author::Who;
pub use clock::{Clock, SystemClock, rfc3339};
pub use error::{Cause, StoreError};
pub use output::{Output, OutputWriter};
pub use read::{
    AuditRow, BadIn, CommandRow, Entry, Facts, Filter, Holder, HostRow, InLimit, JobRow, OutHost, Reader,
    Status, Wait,
};
pub use session::{Answer, Batch, CommandId, Given, NewJob, Owned, Pruned, Session, Told};
pub use store::{Stalled, Store};
