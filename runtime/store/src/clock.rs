//! Time, from the kernel to the ledger.
//!
//! The ledger's time counts nanoseconds while some machine runs the namespace's store: the kernel's time since boot, with the
//! time that a machine was suspended, and an offset for each boot that makes it go on where it had stopped. Nobody can set
//! it. The wall clock is read for people only.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

/// Where a store reads the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Names the present boot of the machine: a nanosecond count of another boot says nothing about this one's.
    fn boot(&self) -> String;
    /// Nanoseconds since then; never steps back, and goes on while the machine is suspended.
    fn since_boot(&self) -> u64;
    /// Microseconds since 1970, as the wall clock has it. Recorded, and nothing else.
    fn wall(&self) -> i64;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn boot(&self) -> String {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        id.trim().to_owned()
    }

    fn since_boot(&self) -> u64 {
        let now = clock_gettime(ClockId::CLOCK_BOOTTIME).or_else(|_| clock_gettime(ClockId::CLOCK_MONOTONIC));
        now.map_or(0, |now| {
            let (seconds, nanos) = (now.tv_sec().unsigned_abs(), now.tv_nsec().unsigned_abs());
            seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
        })
    }

    fn wall(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that is shared by all parts of a store.
pub(crate) type SharedClock = Arc<dyn Clock>;

/// The text of a moment: RFC 3339, UTC, microseconds.
#[must_use]
pub fn rfc3339(wall: i64) -> String {
    jiff::Timestamp::from_microsecond(wall).map_or_else(|_| "?".to_owned(), |time| format!("{time:.6}"))
}
