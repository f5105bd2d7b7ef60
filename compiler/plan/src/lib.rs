//! The contract between pogo's compiler and whoever runs or reads a plan.
//!
//! A [`Plan`] leaves no choice open: every host is named, every limit is a number, every duration is in
//! milliseconds. This crate knows serde and nothing else of the world: no YAML, no files, no clock, no actors.

pub mod check;
pub mod event;
pub mod hosts;
pub mod job;
pub mod json;
pub mod outcome;
pub mod plan;
pub mod rounds;
mod schemas;
pub mod worker;

#[cfg(test)]
mod tests;

pub use check::Fault;
pub use hosts::{HostIdx, HostTable, Interned};
pub use job::Job;
pub use json::PlanError;
pub use plan::{At, Limit, Origin, Plan, Slot, SourceFile, Thread};
pub use rounds::Rounds;
pub use schemas::{DIAGNOSTICS_SCHEMA, EVENTS_SCHEMA, PLAN_SCHEMA, SPEC_SCHEMA, SUMMARY_SCHEMA};
