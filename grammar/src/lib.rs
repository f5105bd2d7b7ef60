//! The grammars inside a spec's scalars: host patterns, selectors, set expressions, limits, durations, sizes.
//!
//! Text goes in, nodes with byte spans come out. This crate knows no YAML, no files and none of the names that a spec
//! defines: whether `$colo.east` exists is somebody else's question.

pub mod error;
pub mod expr;
pub mod fold;
pub mod host;
pub mod pattern;
pub mod quantity;
pub mod span;

mod display;
mod hint;
mod parse;
mod range;
mod scan;
#[cfg(test)]
mod tests;

pub use error::{SyntaxError, SyntaxErrorKind};
pub use expr::{Call, Expr, ExprKind, PathItem, Selector, SelectorPart, SetOp};
pub use pattern::Pattern;
pub use quantity::{Share, parse_duration, parse_share, parse_size};
pub use span::{Span, Spanned};
