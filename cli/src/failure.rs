//! Why a verb could not do its work.

use std::fmt::Display;
use std::io;

use crate::exit_code::ExitCode;

/// What ends a verb before it has an answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong usage, or the world is not as it should be.
    Usage {
        /// Lower case, no full stop.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// It can be done, and is not allowed as things are.
    Refused {
        /// Lower case, no full stop.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// A job was begun, and could not be brought to its end.
    Halted(String),
    /// A fault of pogo's own.
    Internal(String),
    /// Standard output or standard error cannot be written to.
    Output(io::Error),
}

impl Failure {
    /// A failure without advice.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: None }
    }

    /// A failure and what to do about it.
    pub(crate) fn with_help(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: Some(help.into()) }
    }

    /// A failure that concerns a file.
    pub(crate) fn file(what: &str, path: impl Display, error: &io::Error) -> Self {
        Self::usage(format!("cannot {what} `{path}`: {}", plain_words(error)))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<&Failure> for ExitCode {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Self::BROKEN_PIPE,
            Failure::Usage { .. } | Failure::Output(_) => Self::Usage,
            Failure::Refused { .. } => Self::Refused,
            Failure::Halted(_) => Self::Halted,
            Failure::Internal(_) => Self::Internal,
        }
    }
}

/// What an operating system's error means, without its number.
#[must_use]
pub(crate) fn plain_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is not a folder".to_owned(),
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or(&text);
            let mut chars = text.chars();
            chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
        }
    }
}
