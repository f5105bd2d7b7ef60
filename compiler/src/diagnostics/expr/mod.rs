//! Findings of the stage `expr`.

pub(super) mod each_outside_constraint;
pub(super) mod empty;
pub(super) mod host_file_empty;
pub(super) mod host_file_line;
pub(super) mod host_file_unreadable;
pub(super) mod mixed_operators;
pub(super) mod not_allowed_here;
pub(super) mod operator_not_allowed;
pub(super) mod syntax;
pub(super) mod too_deep;

pub(crate) use each_outside_constraint::each_outside_constraint;
pub(crate) use empty::empty;
pub(crate) use host_file_empty::host_file_empty;
pub(crate) use host_file_line::host_file_line;
pub(crate) use host_file_unreadable::host_file_unreadable;
pub(crate) use mixed_operators::mixed_operators;
pub(crate) use not_allowed_here::not_allowed_here;
pub(crate) use operator_not_allowed::operator_not_allowed;
pub(crate) use syntax::syntax;
pub(crate) use too_deep::too_deep;
