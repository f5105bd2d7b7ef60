//! Every code there is. A test walks the folders and misses none.

use super::diagnostic::Code;
use super::{constraint, expr, group, host, include, job, pattern, resolve, sequence, spec, tag, yaml};

static ALL: &[&Code] = &[
    &constraint::bad_limit::CODE,
    &constraint::bare_limit::CODE,
    &constraint::limit_without_group::CODE,
    &constraint::never_binds::CODE,
    &constraint::no_hosts::CODE,
    &constraint::no_limit::CODE,
    &constraint::two_limits::CODE,
    &constraint::unknown_key::CODE,
    &expr::each_outside_constraint::CODE,
    &expr::empty::CODE,
    &expr::host_file_empty::CODE,
    &expr::host_file_line::CODE,
    &expr::host_file_unreadable::CODE,
    &expr::mixed_operators::CODE,
    &expr::not_allowed_here::CODE,
    &expr::operator_not_allowed::CODE,
    &expr::syntax::CODE,
    &expr::too_deep::CODE,
    &group::bad_answer::CODE,
    &group::empty::CODE,
    &group::failed::CODE,
    &group::left_open::CODE,
    &group::not_found::CODE,
    &host::case_twin::CODE,
    &host::invalid::CODE,
    &host::option::CODE,
    &host::port::CODE,
    &host::short_ipv6::CODE,
    &host::user::CODE,
    &include::circle::CODE,
    &include::defined_twice::CODE,
    &include::key_not_allowed::CODE,
    &include::unreadable::CODE,
    &job::args_without_script::CODE,
    &job::bad_duration::CODE,
    &job::bad_env_name::CODE,
    &job::bad_share::CODE,
    &job::bad_size::CODE,
    &job::bad_value::CODE,
    &job::command_and_script::CODE,
    &job::env_and_secret::CODE,
    &job::no_command::CODE,
    &job::no_targets::CODE,
    &job::reserved_env::CODE,
    &job::script_too_large::CODE,
    &job::script_unreadable::CODE,
    &job::secret_value::CODE,
    &job::unknown_key::CODE,
    &job::unknown_target::CODE,
    &job::verify_without_command::CODE,
    &pattern::bad_range::CODE,
    &pattern::duplicate_host::CODE,
    &pattern::empty_group::CODE,
    &pattern::reversed_range::CODE,
    &pattern::too_many_hosts::CODE,
    &pattern::unclosed::CODE,
    &resolve::unknown_tag::CODE,
    &resolve::unknown_value::CODE,
    &sequence::bad_label::CODE,
    &sequence::cycle::CODE,
    &sequence::empty_thread::CODE,
    &sequence::host_in_two_slots::CODE,
    &sequence::label_is_host::CODE,
    &sequence::label_is_tag::CODE,
    &sequence::list_of_lists::CODE,
    &sequence::mixed_list::CODE,
    &sequence::reserved_label::CODE,
    &sequence::slot_empty::CODE,
    &sequence::slot_without_hosts::CODE,
    &sequence::unknown_slot_key::CODE,
    &sequence::unsequenced::CODE,
    &spec::bad_namespace::CODE,
    &spec::not_a_mapping::CODE,
    &spec::unknown_allow::CODE,
    &spec::unknown_key::CODE,
    &tag::bad_name::CODE,
    &tag::circle::CODE,
    &tag::host_in_two_values::CODE,
    &tag::host_twice::CODE,
    &yaml::alias_expansion::CODE,
    &yaml::collection_for_pattern::CODE,
    &yaml::comment_cuts_command::CODE,
    &yaml::duplicate_key::CODE,
    &yaml::key_not_scalar::CODE,
    &yaml::merge_key::CODE,
    &yaml::missing_value::CODE,
    &yaml::not_utf8::CODE,
    &yaml::recursive_alias::CODE,
    &yaml::second_document::CODE,
    &yaml::syntax::CODE,
    &yaml::too_deep::CODE,
    &yaml::too_large::CODE,
    &yaml::type_tag::CODE,
    &yaml::unquoted_pattern::CODE,
    &yaml::wrong_shape::CODE,
];

/// All codes, by name.
#[must_use]
pub fn all() -> &'static [&'static Code] {
    ALL
}

/// The code with this name; its last part is enough where only one code has it.
#[must_use]
pub fn find(name: &str) -> Option<&'static Code> {
    if let Some(code) = ALL.iter().find(|code| code.id == name) {
        return Some(code);
    }
    let mut found = ALL.iter().filter(|code| code.id.rsplit("::").next() == Some(name));
    match (found.next(), found.next()) {
        (Some(code), None) => Some(code),
        _ => None,
    }
}
