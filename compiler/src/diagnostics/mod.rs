//! What the compiler says of a spec.
//!
//! One folder a stage, one file a code, and beside it the page that `pogo explain` prints. A code never changes its
//! meaning.

#[macro_use]
mod prelude;
mod diagnostic;
mod findings;
mod registry;
pub(crate) mod suggest;

pub(crate) mod constraint;
pub(crate) mod expr;
pub(crate) mod group;
pub(crate) mod host;
pub(crate) mod include;
pub(crate) mod job;
pub(crate) mod pattern;
pub(crate) mod resolve;
pub(crate) mod sequence;
pub(crate) mod spec;
pub(crate) mod tag;
pub(crate) mod yaml;

pub use diagnostic::{Code, Diagnostic, Label, Severity};
pub(crate) use findings::Findings;
pub use registry::{all, find};

/// Whether any of the findings is an error.
#[must_use]
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
