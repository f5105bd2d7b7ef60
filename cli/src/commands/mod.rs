//! One file a verb.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod compile;
pub(crate) mod completions;
mod done;
pub(crate) mod explain;
pub(crate) mod hosts;
pub(crate) mod jobs;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod one;
pub(crate) mod orders;
pub(crate) mod out;
pub(crate) mod output;
pub(crate) mod probe;
pub(crate) mod prune;
pub(crate) mod release;
pub(crate) mod replay;
pub(crate) mod resume;
pub(crate) mod schedule;
pub(crate) mod schema;
pub(crate) mod settings;
mod spec;
pub(crate) mod ssh;
pub(crate) mod status;
pub(crate) mod trust;
pub(crate) mod why;

pub(crate) use ssh::targets::expand as expand_hosts;
