//! JSON schemas (draft 2020-12) of what other programs read and write.

/// Of a plan: [`crate::plan::FORMAT`].
pub const PLAN_SCHEMA: &str = include_str!("../schemas/plan.schema.json");

/// Of each line of `pogo check --format json`: `pogo.diagnostics/1`.
pub const DIAGNOSTICS_SCHEMA: &str = include_str!("../schemas/diagnostics.schema.json");

/// Of a spec, for editors. It accepts every spec that the compiler accepts, and refuses what can be refused without
/// knowing what the names in it mean.
pub const SPEC_SCHEMA: &str = include_str!("../schemas/spec.schema.json");

/// Of each line of an event stream: [`crate::event::FORMAT`].
pub const EVENTS_SCHEMA: &str = include_str!("../schemas/events.schema.json");

/// Of the end of a run, `pogo apply --format json`: `pogo.summary/1`.
pub const SUMMARY_SCHEMA: &str = include_str!("../schemas/summary.schema.json");
