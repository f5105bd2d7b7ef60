//! Why a plan was refused.

use crate::{check::Fault, plan::FORMAT};

/// Why the bytes that were read are not a plan to rely on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// It is not JSON, or not JSON of a plan's shape; the source says what stands where.
    #[error("not a plan that this pogo can read")]
    Json(#[source] serde_json::Error),
    /// It is of another format, or of another version of it.
    #[error("{}", describe_format(found))]
    Format {
        /// What it says of itself.
        found: String,
    },
    /// It was changed after it was made.
    #[error(
        "the plan was changed after it was made: it says that its digest is `{stated}`, but it is `{computed}`"
    )]
    Digest {
        /// The digest that it states.
        stated: String,
        /// The digest of what it holds.
        computed: String,
    },
    /// It contradicts itself. There is at least one fault.
    #[error("{}", describe_faults(.0))]
    Faults(Vec<Fault>),
}

fn describe_format(found: &str) -> String {
    let (name, known) = FORMAT.rsplit_once('/').unwrap_or((FORMAT, ""));
    let version = found.strip_prefix(name).and_then(|rest| rest.strip_prefix('/'));
    // A version is short; anything longer is some other program's text and need not fill the screen.
    let shown: String = found.chars().take(60).collect();
    match version.and_then(|version| version.parse::<u64>().ok()) {
        Some(version) if known.parse().is_ok_and(|known: u64| version > known) => {
            format!(
                "the plan was made by a newer pogo: its format is `{shown}`, and this one reads `{FORMAT}`"
            )
        }
        _ => format!("the format is `{shown}`, where a plan has `{FORMAT}`"),
    }
}

fn describe_faults(faults: &[Fault]) -> String {
    match faults {
        [] => "the plan contradicts itself".to_owned(),
        [only] => format!("the plan contradicts itself: {only}"),
        [first, rest @ ..] => format!("the plan contradicts itself: {first} (and {} more)", rest.len()),
    }
}
