//! The simulator: the very same machines and ledger in virtual time, under random plans, failures, delays, operators and
//! crashes, checked after every step.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `scenario` | what is simulated: plans and dangers, drawn from a seed |
//! | `world` | time, messages, workers, operators; the ledger in memory, or as a log that several processes share |
//! | `oracle` | what must never happen, judged from the plans and from what was seen, never from the machines' state |
//! | `shrink` | a shorter scenario that fails in the same way |

mod chance;
mod oracle;
mod scenario;
mod shrink;
mod world;

#[cfg(test)]
mod tests;

pub use chance::Chance;
pub use scenario::{Scenario, Sharing, Size, plain_job};
pub use shrink::shrink;
pub use world::{Failure, Report, run};

pub use crate::fault::Fault;
