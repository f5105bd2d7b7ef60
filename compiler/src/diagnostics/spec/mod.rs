//! Findings of the stage `spec`.

pub(super) mod bad_namespace;
pub(super) mod not_a_mapping;
pub(super) mod unknown_allow;
pub(super) mod unknown_key;

pub(crate) use bad_namespace::bad_namespace;
pub(crate) use not_a_mapping::not_a_mapping;
pub(crate) use unknown_allow::unknown_allow;
pub(crate) use unknown_key::unknown_key;
