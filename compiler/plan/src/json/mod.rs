//! Plans as JSON: writing, the digest, reading.
//!
//! # How the format grows
//!
//! Every field of a plan may change what is promised, so a reader never skips one it does not know: it refuses the
//! plan. Only `origin`, which promises nothing, may carry fields that a reader has not heard of. A later release that
//! adds a field leaves it out, of the file and of the digest, wherever it has its old meaning. So the plans that do
//! not use it stay readable by older releases and keep their digest, and all old plans stay readable by newer ones.
//! What cannot be added this way raises the number in [`FORMAT`](crate::plan::FORMAT).

mod canonical;
mod error;
mod layout;
mod read;
mod write;

pub use error::PlanError;
