//! Findings of the stage `resolve`.

pub(super) mod unknown_tag;
pub(super) mod unknown_value;

pub(crate) use unknown_tag::unknown_tag;
pub(crate) use unknown_value::unknown_value;
