//! What the compiler asks of the world outside. Whoever calls it brings the answers: the compiler itself touches no
//! file, no environment, no program and no clock.

/// The world outside, as far as a spec may reach into it.
pub trait World {
    /// Reads the file that `include` names in the source at `from`, relative to it.
    ///
    /// # Errors
    /// If it cannot be read.
    fn include(&self, from: &str, path: &str) -> Result<File, WorldError>;

    /// Reads the host file that `@path` names in the source at `from`, relative to it; relative to the working folder if
    /// the expression came from the command line (`None`).
    ///
    /// # Errors
    /// If it cannot be read.
    fn host_file(&self, from: Option<&str>, path: &str) -> Result<File, WorldError>;

    /// Reads the file that `job.script` names in the source at `from`, likewise; `limit` is the most that is of use, in
    /// bytes: a longer file may be cut there plus one.
    ///
    /// # Errors
    /// If it cannot be read.
    fn script(&self, from: Option<&str>, path: &str, limit: usize) -> Result<File, WorldError>;

    /// Runs the program of an external group.
    fn external_group(&self, name: &str, args: &[String]) -> GroupAnswer;
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct File {
    /// What makes it the same file, whatever name led to it: its canonical path.
    pub identity: String,
    /// The name under which people know it.
    pub path: String,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// Why the world could not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct WorldError {
    /// Lower case, no full stop: `no such file`.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// What became of the question for the members of an external group.
#[derive(Clone, Debug)]
pub enum GroupAnswer {
    /// What the program printed.
    Printed(Vec<u8>),
    /// It was not asked, as its caller wished; the group stays open.
    NotAsked,
    /// There is no such program.
    NotFound {
        /// Where it was looked for.
        searched: Vec<String>,
    },
    /// It failed.
    Failed {
        /// How: `exit status 3`, `no answer within 10 s`.
        reason: String,
        /// The end of what it wrote to its standard error.
        stderr: String,
    },
}
