//! Open files: each attempt takes some, and a process may have only so many.

use pogo_plan::job::Transport;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::failure::Failure;

/// What the rest of the program needs.
const OWN: u64 = 64;
/// What an attempt needs: the pipes of a process and of the one that is being started, its script, its handle.
const OF_ATTEMPT: u64 = 8;
/// What an attempt over ssh needs. Measured: two while it connects, five while it runs; for a moment more, while ssh is
/// started or a further session is opened.
const OF_SSH_ATTEMPT: u64 = 10;
/// What an attempt needs if its output goes to files of its own.
const OF_OUTPUT: u64 = 2;

/// The number of attempts at once that the open files allow, and the number that was wanted if that is more. Raises the
/// soft limit only if it must: commands inherit it, and old ones do not bear a high one.
///
/// # Errors
/// If not even one attempt can be made.
pub(super) fn fanout(
    wanted: usize,
    transport: Transport,
    has_output_dir: bool,
) -> Result<(usize, Option<usize>), Failure> {
    let of_attempt = match transport {
        Transport::Local => OF_ATTEMPT,
        Transport::Ssh => OF_SSH_ATTEMPT,
    };
    let each = of_attempt + if has_output_dir { OF_OUTPUT } else { 0 };
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let need = OWN.saturating_add(each.saturating_mul(wanted as u64));
    let mut have = current.unwrap_or(u64::MAX);
    if have < need {
        let raised = need.min(maximum.unwrap_or(u64::MAX));
        if setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }).is_ok() {
            have = raised;
        }
    }
    allowed(have, each, wanted)
        .ok_or_else(|| Failure::with_help("too few files may be open to run anything", "raise `ulimit -n`"))
}

fn allowed(have: u64, each: u64, wanted: usize) -> Option<(usize, Option<usize>)> {
    let most = usize::try_from(have.saturating_sub(OWN) / each).unwrap_or(usize::MAX);
    match most {
        0 => None,
        most if most < wanted => Some((most, Some(wanted))),
        _ => Some((wanted, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fan_out_fits_the_open_files() {
        assert_eq!(allowed(1024, OF_ATTEMPT, 64), Some((64, None)));
        assert_eq!(allowed(256, OF_ATTEMPT, 64), Some((24, Some(64))));
        assert_eq!(allowed(70, OF_ATTEMPT, 64), None);
        assert_eq!(allowed(10, OF_ATTEMPT, 1), None);
    }
}
