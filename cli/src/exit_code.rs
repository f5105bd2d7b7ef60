//! The exit codes: one meaning a code, for every verb.

/// How a run of `pogo` ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitCode {
    /// All is well: no finding at or above the fail level; every host succeeded.
    Success,
    /// The answer is no: findings, or hosts that did not succeed.
    Findings,
    /// Wrong usage, or a file that cannot be read or written: nothing was started.
    Usage,
    /// A fault of pogo's own.
    Internal,
    /// The job was halted.
    Halted,
    /// Refused: the plan is too old, the job belongs to another process, the store is newer, or it makes no sense now.
    Refused,
    /// Ended by the signal with this number.
    Signal(u8),
}

impl ExitCode {
    /// Whoever reads standard output has stopped reading: the end that the signal would have made.
    pub const BROKEN_PIPE: Self = Self::Signal(13);

    /// The number that the parent process sees.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Internal => 3,
            Self::Halted => 4,
            Self::Refused => 5,
            Self::Signal(signal) => 128_u8.saturating_add(signal),
        }
    }

    /// The worse of two ends of one run: what could not be read outweighs what was found.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if other.number() > self.number() { other } else { self }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

/// The end of every `--help`.
pub const HELP: &str = "\
Exit codes, the same for every verb:
  0      no finding at or above the fail level; every host succeeded
  1      findings, hosts that did not succeed, or no answer in time
  2      wrong usage, or a file that cannot be read or written; nothing was started
  3      a fault of pogo's own
  4      the job was halted: by Ctrl-C, an operator, a threshold, a time limit or a store that fails
  5      refused: the plan is too old, another process runs the job, the store is of a newer pogo,
         or what is asked makes no sense as things are
  128+n  ended by signal n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_help() {
        let codes = [
            ExitCode::Success,
            ExitCode::Findings,
            ExitCode::Usage,
            ExitCode::Internal,
            ExitCode::Halted,
            ExitCode::Refused,
        ];
        for code in codes {
            assert!(HELP.contains(&format!("\n  {}      ", code.number())), "{code:?}");
        }
        assert_eq!(ExitCode::BROKEN_PIPE.number(), 141);
        assert_eq!(ExitCode::Findings.worse(ExitCode::Usage), ExitCode::Usage);
        assert_eq!(ExitCode::Usage.worse(ExitCode::Success), ExitCode::Usage);
    }
}
