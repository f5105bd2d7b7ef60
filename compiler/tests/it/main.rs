//! Tests of the compiler as its callers see it: text in, findings and a plan out.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets what it does not expect has to fail"
)]
#![expect(clippy::disallowed_methods, reason = "cases and pages are files; the compiler itself touches none")]

mod annotate;
mod cases;
mod circle;
mod findings;
mod flags;
mod language;
mod pages;
mod robustness;
mod sections;
mod world;
