//! Findings of the stage `tag`.

pub(super) mod bad_name;
pub(super) mod circle;
pub(super) mod host_in_two_values;
pub(super) mod host_twice;

pub(crate) use bad_name::bad_name;
pub(crate) use circle::circle;
pub(crate) use host_in_two_values::host_in_two_values;
pub(crate) use host_twice::host_twice;
