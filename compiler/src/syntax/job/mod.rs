//! `job`: the keys of the spec with those of the command line laid over them.

mod keys;
mod value;

pub(crate) use keys::read;
pub(crate) use value::{Entry, Value, set};
