//! The worker: makes attempts through a transport, and reports.
//!
//! It knows no job machine and no actor but itself: requests come in and reports go out as numbered messages, in one
//! process through a mailbox, over a wire as bytes.

mod actor;
mod core;

pub(crate) use actor::{Attach, Letter, Worker, WorkerOptions};
