//! Findings of the stage `group`.

pub(super) mod bad_answer;
pub(super) mod empty;
pub(super) mod failed;
pub(super) mod left_open;
pub(super) mod not_found;

pub(crate) use bad_answer::bad_answer;
pub(crate) use empty::empty;
pub(crate) use failed::failed;
pub(crate) use left_open::left_open;
pub(crate) use not_found::not_found;
