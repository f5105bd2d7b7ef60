//! Findings of the stage `host`.

pub(super) mod case_twin;
pub(super) mod invalid;
pub(super) mod option;
pub(super) mod port;
pub(super) mod short_ipv6;
pub(super) mod user;

pub(crate) use case_twin::case_twin;
pub(crate) use invalid::invalid;
pub(crate) use option::option;
pub(crate) use port::port;
pub(crate) use short_ipv6::short_ipv6;
pub(crate) use user::user;
