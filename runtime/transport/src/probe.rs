//! What a host knows of an attempt of which nobody here saw the end.

use std::fmt;
use std::pin::Pin;

use pogo_plan::outcome::Outcome;

use crate::Closing;

/// The work of asking about an attempt.
pub type Probing = Pin<Box<dyn Future<Output = Option<Learned>> + Send>>;

/// How an attempt ended, as its host tells it. Dropped without [`Learned::on_record`], the host keeps what it knows, and
/// tells it again when it is asked again.
pub struct Learned {
    outcome: Outcome,
    acknowledge: Option<Closing>,
}

impl Learned {
    /// From a host that keeps nothing.
    #[must_use]
    pub const fn new(outcome: Outcome) -> Self {
        Self { outcome, acknowledge: None }
    }

    /// From a host that waits for `acknowledge` before it forgets.
    #[must_use]
    pub fn until(outcome: Outcome, acknowledge: Closing) -> Self {
        Self { outcome, acknowledge: Some(acknowledge) }
    }

    /// How it ended.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The end is on record here: the host may forget it. The work takes a bounded time.
    #[must_use]
    pub fn on_record(self) -> Closing {
        self.acknowledge.unwrap_or_else(|| Box::pin(std::future::ready(())))
    }
}

impl fmt::Debug for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Learned").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}
