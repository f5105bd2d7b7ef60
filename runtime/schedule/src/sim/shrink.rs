//! A shorter scenario that fails in the same way.

use super::{Failure, Fault, Scenario, Size, run};

/// Seeds tried for each smaller size.
const TRIES: u64 = 300;

/// Looks for a smaller scenario that fails too, and keeps the one with the shortest log. Gives back its seed, its size and the
/// failure with its log.
#[must_use]
pub fn shrink(seed: u64, size: Size, fault: Option<Fault>) -> Option<(u64, Size, Failure)> {
    let first = run(&Scenario::new(seed, size), fault, true).err()?;
    let mut best = (seed, size, first);
    let smaller: [fn(Size) -> Size; 9] = [
        |size| Size { crashes: false, ..size },
        |size| Size { commands: 0, ..size },
        |size| Size { failures: false, ..size },
        |size| Size { delay_ms: 0, ..size },
        |size| Size { jobs: size.jobs.saturating_sub(1).max(1), ..size },
        |size| Size { threads: size.threads.saturating_sub(1), ..size },
        |size| Size { limits: size.limits.saturating_sub(1), ..size },
        |size| Size { hosts: (size.hosts / 2).max(1), ..size },
        |size| Size { hosts: size.hosts.saturating_sub(1).max(1), ..size },
    ];
    let mut was_better = true;
    while was_better {
        was_better = false;
        for shrunk in smaller.map(|smaller| smaller(best.1)) {
            if shrunk == best.1 {
                continue;
            }
            for seed in std::iter::once(best.0).chain(0..TRIES) {
                let scenario = Scenario::new(seed, shrunk);
                if run(&scenario, fault, false).is_ok() {
                    continue;
                }
                let Err(failure) = run(&scenario, fault, true) else { continue };
                if failure.log.len() < best.2.log.len() && is_alike(&failure, &best.2) {
                    best = (seed, shrunk, failure);
                    was_better = true;
                    break;
                }
            }
        }
    }
    Some(best)
}

/// Whether two failures say the same but for names and numbers.
fn is_alike(one: &Failure, other: &Failure) -> bool {
    let words = |failure: &Failure| -> Vec<String> {
        let has_digit = |word: &&str| word.bytes().any(|byte| byte.is_ascii_digit());
        failure.what.split(' ').filter(|word| !has_digit(word)).take(4).map(str::to_owned).collect()
    };
    words(one) == words(other)
}
