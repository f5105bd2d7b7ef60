//! Findings of the stage `include`.

pub(super) mod circle;
pub(super) mod defined_twice;
pub(super) mod key_not_allowed;
pub(super) mod unreadable;

pub(crate) use circle::circle;
pub(crate) use defined_twice::defined_twice;
pub(crate) use key_not_allowed::key_not_allowed;
pub(crate) use unreadable::unreadable;
