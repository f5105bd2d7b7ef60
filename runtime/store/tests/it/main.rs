//! Stores on real disks, with real processes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    reason = "tests may take the short way"
)]

mod clocks;
mod commits;
mod crash;
mod engine;
mod faults;
mod fixture;
mod judge;
mod kills;
mod many;
mod operators;
mod outputs;
mod questions;
mod rig;
mod rules;
mod single;
mod snapshots;
