//! Whole runs.

mod faults;
mod local;
mod stored;
mod support;
mod wire;
