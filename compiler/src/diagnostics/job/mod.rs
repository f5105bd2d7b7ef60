//! Findings of the stage `job`.

pub(super) mod args_without_script;
pub(super) mod bad_duration;
pub(super) mod bad_env_name;
pub(super) mod bad_share;
pub(super) mod bad_size;
pub(super) mod bad_value;
pub(super) mod command_and_script;
pub(super) mod env_and_secret;
pub(super) mod no_command;
pub(super) mod no_targets;
pub(super) mod reserved_env;
pub(super) mod script_too_large;
pub(super) mod script_unreadable;
pub(super) mod secret_value;
pub(super) mod unknown_key;
pub(super) mod unknown_target;
pub(super) mod verify_without_command;

pub(crate) use args_without_script::args_without_script;
pub(crate) use bad_duration::bad_duration;
pub(crate) use bad_env_name::bad_env_name;
pub(crate) use bad_share::bad_share;
pub(crate) use bad_size::bad_size;
pub(crate) use bad_value::{bad_value, one_of};
pub(crate) use command_and_script::command_and_script;
pub(crate) use env_and_secret::env_and_secret;
pub(crate) use no_command::no_command;
pub(crate) use no_targets::{no_targets, no_targets_at_all};
pub(crate) use reserved_env::reserved_env;
pub(crate) use script_too_large::script_too_large;
pub(crate) use script_unreadable::script_unreadable;
pub(crate) use secret_value::secret_value;
pub(crate) use unknown_key::unknown_key;
pub(crate) use unknown_target::unknown_target;
pub(crate) use verify_without_command::verify_without_command;
