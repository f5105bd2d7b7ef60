//! What several tests need.

pub(crate) mod schemas;
pub(crate) mod terminal;
