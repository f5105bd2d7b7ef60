//! How many attempts this process has file descriptors for.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What an attempt has open at most: while connecting a pipe, a process and the question socket; then three pipes and the
/// master's socket, and the other ends of the pipes until they are handed over.
const PER_ATTEMPT: u64 = 10;

/// What everything else has open: the journal, the terminal, files of output, the runtimes.
const REST: u64 = 128;

/// Raises the limit of open files as far as it may be, and says how many attempts fit into it at once.
#[must_use]
pub fn most_attempts() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return usize::MAX };
    let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    fitting(if raised { hard } else { soft })
}

fn fitting(open_files: u64) -> usize {
    usize::try_from(open_files.saturating_sub(REST) / PER_ATTEMPT).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_files_are_few_attempts() {
        assert_eq!(fitting(1024), 89);
        assert_eq!(fitting(10), 1);
    }
}
