//! Stores on real disks, with real processes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests may take the short way"
)]

mod engine;
mod rig;
mod single;
