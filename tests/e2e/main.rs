//! End-to-end tests: the real program in a clean environment, and rules about crates and documents.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod documents;
mod pogo;
mod readme;
mod rooms;
mod specs;
mod ssh;
mod storm;
