//! Findings of the stage `pattern`.

pub(super) mod bad_range;
pub(super) mod duplicate_host;
pub(super) mod empty_group;
pub(super) mod reversed_range;
pub(super) mod too_many_hosts;
pub(super) mod unclosed;

pub(crate) use bad_range::bad_range;
pub(crate) use duplicate_host::{duplicate_host, duplicate_number};
pub(crate) use empty_group::empty_group;
pub(crate) use reversed_range::reversed_range;
pub(crate) use too_many_hosts::too_many_hosts;
pub(crate) use unclosed::unclosed;
