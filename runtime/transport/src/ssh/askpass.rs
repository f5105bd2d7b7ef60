//! Answering what ssh asks: a password or a key's passphrase.
//!
//! ssh has no terminal here; it runs a program for every question (`SSH_ASKPASS`) and takes what that prints. The program
//! is the caller's: it calls [`answer`], which fetches the answer from this process over a socket in a private folder, so
//! that it is in no argument and no environment. A question gets an answer only if it is one of those that were expected;
//! a password goes only to an ssh that was started for the target itself, and never to one for a jump host.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream as Blocking;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::Command;
use tokio::time::timeout;

use crate::Secret;

/// Where the socket is; set for ssh and what it starts on this machine, and never sent to a host.
pub const SOCKET: &str = "POGO_ASKPASS_SOCKET";

/// The longest question.
const QUESTION: u64 = 8 * 1024;

/// How long one question and its answer may take.
const TIME: Duration = Duration::from_secs(10);

/// What may be told to ssh, and the program that tells it.
#[derive(Clone, Debug)]
pub struct Askpass {
    /// Started by ssh with the question as its argument. It prints what [`answer`] gives, or fails.
    pub program: PathBuf,
    /// The password of the login user.
    pub password: Option<Secret>,
    /// The passphrase of the user's keys.
    pub passphrase: Option<Secret>,
}

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Password,
    Passphrase,
    /// A host key, a one-time code, a new password, or anything else: not for us to answer.
    Other,
}

/// For the program: asks the pogo that started ssh. Nothing if the question is not one that it answers.
///
/// # Errors
///
/// If this was not started by an ssh of pogo's, or that is gone.
pub fn answer(question: &str) -> io::Result<Option<Secret>> {
    let path = std::env::var_os(SOCKET);
    let path = path.ok_or_else(|| io::Error::other("not started by an ssh of pogo's"))?;
    let mut stream = Blocking::connect(path)?;
    stream.write_all(question.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    // One byte says whether there is an answer: a password may be empty.
    Ok(text.strip_prefix('+').map(Secret::from))
}

impl Askpass {
    /// Opens a socket for the questions of one ssh, beside its own.
    pub(super) fn open(&self, beside: &Path) -> io::Result<Desk> {
        let path = beside.with_extension("a");
        let listener = UnixListener::bind(&path)?;
        Ok(Desk { askpass: self.clone(), path, listener })
    }

    fn find(&self, question: Question) -> Option<&Secret> {
        match question {
            Question::Password => self.password.as_ref(),
            Question::Passphrase => self.passphrase.as_ref(),
            Question::Other => None,
        }
    }
}

/// Where one ssh asks.
#[derive(Debug)]
pub(super) struct Desk {
    askpass: Askpass,
    path: PathBuf,
    listener: UnixListener,
}

impl Desk {
    /// Has ssh ask here.
    pub(super) fn tell(&self, command: &mut Command) {
        command
            .env("SSH_ASKPASS", &self.askpass.program)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env(SOCKET, &self.path);
    }

    /// Answers questions; of a password's only those of this process.
    pub(super) async fn serve(&self, ssh: Option<u32>) -> Infallible {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                std::future::pending::<()>().await;
                continue;
            };
            match timeout(TIME, self.reply(stream, ssh)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a question of ssh's was not answered"),
                Err(_) => tracing::debug!("a question of ssh's took too long"),
            }
        }
    }

    async fn reply(&self, mut stream: UnixStream, ssh: Option<u32>) -> io::Result<()> {
        let asker = stream.peer_cred()?;
        let mut text = String::new();
        (&mut stream).take(QUESTION).read_to_string(&mut text).await?;
        let question = sort(&text);
        let is_of_target = asker.pid().and_then(parent).is_some_and(|parent| Some(parent) == ssh);
        let may = asker.uid() == nix::unistd::Uid::effective().as_raw()
            && (question != Question::Password || is_of_target);
        let answer = self.askpass.find(question).filter(|_| may);
        tracing::debug!(question = text.trim_end(), ?question, answered = answer.is_some(), "ssh asks");
        if let Some(answer) = answer {
            stream.write_all(b"+").await?;
            stream.write_all(answer.expose_secret().as_bytes()).await?;
        }
        stream.shutdown().await
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.path);
    }
}

/// What is asked. The words are those of OpenSSH, or of a server after `(user@host) `.
fn sort(text: &str) -> Question {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if text.starts_with("Enter passphrase for ") && text.ends_with(':') {
        return Question::Passphrase;
    }
    if text.lines().count() != 1 {
        return Question::Other;
    }
    // OpenSSH's own question for the method `password`.
    if let Some((who, "")) = text.split_once("'s password:")
        && who.contains('@')
        && !who.contains(char::is_whitespace)
    {
        return Question::Password;
    }
    // A server's question by keyboard-interactive: only the plain one that PAM has.
    let words = lower.split_once(") ").filter(|(who, _)| who.starts_with('(') && who.contains('@'));
    match words {
        Some((_, "password:" | "password for user:")) => Question::Password,
        _ => Question::Other,
    }
}

/// The process that started this one.
fn parent(pid: i32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_expected_is_answered() {
        let cases = [
            ("jo@web1's password: ", Question::Password),
            ("(jo@web1) Password: ", Question::Password),
            ("Enter passphrase for key '/home/jo/.ssh/id_ed25519': ", Question::Passphrase),
            ("(jo@web1) One-time password: ", Question::Other),
            ("(jo@web1) Verification code: ", Question::Other),
            ("(jo@web1) New password: ", Question::Other),
            ("(jo@web1) (current) UNIX password: ", Question::Other),
            ("Enter jo@web1's old password: ", Question::Other),
            ("Are you sure you want to continue connecting (yes/no/[fingerprint])? ", Question::Other),
            ("The key\njo@web1's password: ", Question::Other),
            ("Enter PIN for ED25519-SK key: ", Question::Other),
        ];
        for (text, question) in cases {
            assert_eq!(sort(text), question, "{text}");
        }
    }
}
