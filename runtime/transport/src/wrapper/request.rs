//! What is written to a script's standard input, and when.

use secrecy::ExposeSecret;

use super::SecretBytes;
use super::decoder::{Decoder, EDGE, Event, NONCE};
use super::invocation::Invocation;
use super::text;
use super::traces::Traces;
use crate::Secret;

/// The length of the name of an attempt's files: nobody can make 2^64 of them before.
const TAG: usize = 16;

/// Another user than the login user.
#[derive(Clone, Debug)]
pub struct Sudo {
    /// To run as.
    pub user: String,
    /// For sudo, if it asks. It is sent when sudo asks for it and not before.
    pub password: Option<Secret>,
}

/// A session that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// No randomness for a nonce.
    #[error("the system has no random numbers")]
    Random(#[from] getrandom::Error),
    /// A name that sudo would not take for a user.
    #[error("`{user}` is no name of a user")]
    User {
        /// The name.
        user: String,
    },
    /// A password of more than a line.
    #[error("a password for sudo is one line")]
    Password,
}

/// A session with one of the scripts.
#[derive(Debug)]
pub struct Request {
    command_line: &'static str,
    token: [u8; NONCE],
    nonce: [u8; NONCE],
    opening: SecretBytes,
    /// Sent when sudo has let the script in.
    body: Option<SecretBytes>,
    password: Option<SecretBytes>,
    go: SecretBytes,
}

/// Ends what is left of an attempt, from a session of its own.
#[derive(Clone, Debug)]
pub struct Kill {
    /// What the attempt said of itself last: [`Event::Started`] or a later [`Event::Phase`].
    pub traces: Traces,
}

/// Asks what became of an attempt.
#[derive(Clone, Debug)]
pub struct Probe {
    /// `<job>-<host>-<attempt>`, as [`Invocation::id`] has it.
    pub id: String,
    /// What it said of itself last, if that is on record. Without it only the host's own record can tell.
    pub traces: Option<Traces>,
}

impl Sudo {
    fn check(&self) -> Result<(), RequestError> {
        let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'/' | b':');
        if self.user.is_empty() || self.user.starts_with('-') || !self.user.bytes().all(fits) {
            return Err(RequestError::User { user: self.user.clone() });
        }
        let is_line = |password: &Secret| !password.expose_secret().contains(['\n', '\0']);
        if self.password.as_ref().is_none_or(is_line) { Ok(()) } else { Err(RequestError::Password) }
    }
}

impl Request {
    /// An attempt.
    ///
    /// # Errors
    ///
    /// The system has no random numbers, or that is no user.
    pub fn run(invocation: &Invocation, sudo: Option<&Sudo>) -> Result<Self, RequestError> {
        // A name for the attempt's folder, not the nonce: everybody may see it.
        let tag = random()?;
        let tag = String::from_utf8_lossy(tag.get(..TAG).unwrap_or_default());
        Self::new(text::WRAPPER.as_parts(), sudo, |nonce| invocation.body(nonce, &tag))
    }

    /// A kill. It runs as the user of the attempt.
    ///
    /// # Errors
    ///
    /// The system has no random numbers, or that is no user.
    pub fn kill(kill: &Kill, sudo: Option<&Sudo>) -> Result<Self, RequestError> {
        Self::new(text::KILL.as_parts(), sudo, |_| format!("{}\n", kill.traces).into_bytes())
    }

    /// A probe. It runs as the user of the attempt.
    ///
    /// # Errors
    ///
    /// The system has no random numbers, or that is no user.
    pub fn probe(probe: &Probe, sudo: Option<&Sudo>) -> Result<Self, RequestError> {
        let traces = probe.traces.as_ref().map_or_else(|| "- 0 - 0 -".to_owned(), Traces::to_string);
        Self::new(text::PROBE.as_parts(), sudo, |_| format!("{} {traces}\n", probe.id).into_bytes())
    }

    fn new(
        (command_line, script): (&'static str, &'static str),
        sudo: Option<&Sudo>,
        body: impl FnOnce(&str) -> Vec<u8>,
    ) -> Result<Self, RequestError> {
        if let Some(sudo) = sudo {
            sudo.check()?;
        }
        let (token, nonce) = (random()?, random()?);
        let (token_text, nonce_text) = (String::from_utf8_lossy(&token), String::from_utf8_lossy(&nonce));
        let edge = char::from(EDGE);
        let mut body = body(&nonce_text);
        let (opening, body, password) = match sudo {
            None => {
                let mut opening = format!("{edge} {nonce_text}\n").into_bytes();
                opening.append(&mut body);
                (opening, None, None)
            }
            Some(sudo) => {
                // The session under sudo begins with the script itself: sudo's log has a short line, not the script.
                let mut inner = format!("{script}\n{nonce_text}\n").into_bytes();
                inner.append(&mut body);
                let password = sudo
                    .password
                    .as_ref()
                    .map(|password| SecretBytes::from([password.expose_secret().as_bytes(), b"\n"].concat()));
                let greeting = format!("{edge} {token_text} {}\n", sudo.user);
                (greeting.into_bytes(), Some(inner.into()), password)
            }
        };
        Ok(Self {
            command_line,
            token,
            nonce,
            opening: opening.into(),
            body,
            password,
            go: b"go\n".to_vec().into(),
        })
    }

    /// The command line of the session: a constant, safe under sh, bash, dash, zsh, csh and fish as login shells.
    #[must_use]
    pub const fn command_line(&self) -> &'static str {
        self.command_line
    }

    /// To be written to the session's standard input at once.
    #[must_use]
    pub const fn opening(&self) -> &SecretBytes {
        &self.opening
    }

    /// To be written in answer to an event. `None` for [`Event::PasswordWanted`] means that there is no password: end
    /// the session's input.
    #[must_use]
    pub const fn answer(&self, event: &Event) -> Option<&SecretBytes> {
        match event {
            Event::Hello => self.body.as_ref(),
            Event::PasswordWanted => self.password.as_ref(),
            Event::Started(_) => Some(&self.go),
            _ => None,
        }
    }

    /// For what comes back.
    #[must_use]
    pub fn decoder(&self) -> Decoder {
        Decoder::new(self.token, self.nonce)
    }
}

fn random() -> Result<[u8; NONCE], RequestError> {
    let mut bits = [0u8; NONCE / 2];
    getrandom::fill(&mut bits)?;
    let mut digits = [0u8; NONCE];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bits) {
        for (digit, value) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        }
    }
    Ok(digits)
}

/// What sudo and shells say, and what it means. sudo speaks the host's language; what is not known is given as it is.
const REASONS: &[(&str, &str)] = &[
    ("must have a tty", "sudo on the host has `requiretty` set: it lets nobody in without a terminal"),
    ("not in the sudoers", "the login user is not in the host's sudoers"),
    ("not allowed to", "sudo on the host does not let the login user run `/bin/sh` as that user"),
    ("unknown user", "sudo on the host does not know that user"),
    ("incorrect password", "sudo on the host refused the password"),
    ("Sorry, try again", "sudo on the host refused the password"),
    ("a password is required", "sudo on the host wants a password; give it with `--ask-sudo-password`"),
    ("no password was provided", "sudo on the host wants a password; give it with `--ask-sudo-password`"),
    ("sudo: not found", "the host has no sudo"),
    ("sudo: command not found", "the host has no sudo"),
];

pub(super) fn why_not_up(noise: &str) -> String {
    let known = REASONS.iter().find(|(words, _)| noise.contains(words)).map(|(_, meaning)| *meaning);
    match (known, noise.is_empty()) {
        (Some(meaning), _) => format!("{meaning} (it said: {noise})"),
        (None, true) => "the session ended before the command was started".to_owned(),
        (None, false) => format!("the session ended before the command was started; it said: {noise}"),
    }
}
