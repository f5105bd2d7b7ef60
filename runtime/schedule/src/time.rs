//! Time as the machines know it: an input.

/// Nanoseconds since some moment of the process's choice. It never steps back, and nobody sets it: a change of the wall
/// clock fires no timer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Monotonic(pub u64);

const NANOS_PER_MILLI: u64 = 1_000_000;

impl Monotonic {
    /// This many milliseconds later; stays at the end of time rather than wrap.
    #[must_use]
    pub const fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms.saturating_mul(NANOS_PER_MILLI)))
    }

    /// Whole milliseconds since an earlier moment; zero if it is later.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0) / NANOS_PER_MILLI
    }
}
