//! Findings of the stage `yaml`.

pub(super) mod alias_expansion;
pub(super) mod collection_for_pattern;
pub(super) mod comment_cuts_command;
pub(super) mod duplicate_key;
pub(super) mod key_not_scalar;
pub(super) mod merge_key;
pub(super) mod missing_value;
pub(super) mod not_utf8;
pub(super) mod recursive_alias;
pub(super) mod second_document;
pub(super) mod syntax;
pub(super) mod too_deep;
pub(super) mod too_large;
pub(super) mod type_tag;
pub(super) mod unquoted_pattern;
pub(super) mod wrong_shape;

pub(crate) use alias_expansion::alias_expansion;
pub(crate) use collection_for_pattern::collection_for_pattern;
pub(crate) use comment_cuts_command::comment_cuts_command;
pub(crate) use duplicate_key::duplicate_key;
pub(crate) use key_not_scalar::key_not_scalar;
pub(crate) use merge_key::merge_key;
pub(crate) use missing_value::missing_value;
pub(crate) use not_utf8::not_utf8;
pub(crate) use recursive_alias::recursive_alias;
pub(crate) use second_document::second_document;
pub(crate) use syntax::syntax;
pub(crate) use too_deep::too_deep;
pub(crate) use too_large::too_large;
pub(crate) use type_tag::type_tag;
pub(crate) use unquoted_pattern::unquoted_pattern;
pub(crate) use wrong_shape::wrong_shape;
