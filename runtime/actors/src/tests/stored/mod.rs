//! Runs that are kept in a real store, with a transport that follows a script.

mod crashes;
mod operators;
mod over_ssh;
mod processes;
mod support;
