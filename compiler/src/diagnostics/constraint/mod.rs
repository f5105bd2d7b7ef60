//! Findings of the stage `constraint`.

pub(super) mod bad_limit;
pub(super) mod bare_limit;
pub(super) mod limit_without_group;
pub(super) mod never_binds;
pub(super) mod no_hosts;
pub(super) mod no_limit;
pub(super) mod two_limits;
pub(super) mod unknown_key;

pub(crate) use bad_limit::bad_limit;
pub(crate) use bare_limit::bare_limit;
pub(crate) use limit_without_group::limit_without_group;
pub(crate) use never_binds::never_binds;
pub(crate) use no_hosts::no_hosts;
pub(crate) use no_limit::no_limit;
pub(crate) use two_limits::two_limits;
pub(crate) use unknown_key::unknown_key;
