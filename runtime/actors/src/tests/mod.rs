//! Whole runs.

mod faults;
mod local;
mod support;
mod wire;
