//! Names to hosts: from what a spec says to what it means.

pub(crate) mod constraints;
mod external;
pub(crate) mod includes;
pub(crate) mod model;
pub(crate) mod selectors;
pub(crate) mod sequences;
pub(crate) mod sets;
pub(crate) mod tags;
pub(crate) mod targets;

pub use model::Model;
pub(crate) use sets::Resolver;
