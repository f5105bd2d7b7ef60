//! A job's journal: the facts that it goes on from after a crash.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `record` | the form of facts on record |
//! | `reconcile` | what the ledger must still hear when a job is taken up again |

mod reconcile;
mod record;

pub use reconcile::reconcile;
pub use record::{AuthorRecord, CommandRecord, FactRecord, VERSION};
