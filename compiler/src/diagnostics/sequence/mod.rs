//! Findings of the stage `sequence`.

pub(super) mod bad_label;
pub(super) mod cycle;
pub(super) mod empty_thread;
pub(super) mod host_in_two_slots;
pub(super) mod label_is_host;
pub(super) mod label_is_tag;
pub(super) mod list_of_lists;
pub(super) mod mixed_list;
pub(super) mod reserved_label;
pub(super) mod slot_empty;
pub(super) mod slot_without_hosts;
pub(super) mod unknown_slot_key;
pub(super) mod unsequenced;

pub(crate) use bad_label::bad_label;
pub(crate) use cycle::{Step, cycle};
pub(crate) use empty_thread::empty_thread;
pub(crate) use host_in_two_slots::host_in_two_slots;
pub(crate) use label_is_host::label_is_host;
pub(crate) use label_is_tag::label_is_tag;
pub(crate) use list_of_lists::list_of_lists;
pub(crate) use mixed_list::mixed_list;
pub(crate) use reserved_label::reserved_label;
pub(crate) use slot_empty::slot_empty;
pub(crate) use slot_without_hosts::slot_without_hosts;
pub(crate) use unknown_slot_key::unknown_slot_key;
pub(crate) use unsequenced::unsequenced;
