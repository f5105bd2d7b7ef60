//! Passwords: typed on the terminal, or a line of a descriptor that the caller has opened. They go from here to the
//! transport and nowhere else.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};

use pogo_actors::Secret;
use pogo_plan::Job;
use pogo_plan::job::Transport;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::args::PasswordArgs;
use crate::failure::{Failure, plain_words};
use crate::prompt::Silent;

/// The longest line that is taken for a password, in bytes. OpenSSH takes no more than a thousand.
const LONGEST: usize = 4096;

/// What was typed or read.
#[derive(Default)]
pub(in crate::commands) struct Passwords {
    /// Of the login user.
    pub(super) login: Option<Secret>,
    /// Of the private key.
    pub(super) key: Option<Secret>,
    /// For sudo.
    pub(super) sudo: Option<Secret>,
}

/// Reads what the arguments ask for: descriptors first, then the terminal. `is_stdin_taken` if the spec is read from there.
///
/// # Errors
/// If the job has no use for one of them, or one cannot be had.
pub(in crate::commands) fn read(
    args: &PasswordArgs,
    job: &Job,
    is_stdin_taken: bool,
) -> Result<Passwords, Failure> {
    let wanted = Wanted::of(args);
    if wanted.iter().all(|wanted| wanted.source.is_none()) {
        return Ok(Passwords::default());
    }
    fits(&wanted, job)?;
    // Opened before the process is closed to others, its own descriptors among them.
    let descriptors =
        Descriptors::open(wanted.iter().filter_map(|wanted| wanted.source?.fd()), is_stdin_taken)?;
    leave_no_core();
    let mut silent = None;
    let mut values = wanted.into_iter().map(|wanted| match wanted.source {
        None => Ok(None),
        Some(Source::Descriptor(number)) => descriptors.line(number).map(Some),
        Some(Source::Terminal) => ask(&wanted, &mut silent).map(Some),
    });
    let mut next = || values.next().unwrap_or(Ok(None));
    Ok(Passwords { login: next()?, key: next()?, sudo: next()? })
}

/// Keeps what this process knows out of core files, and out of reach of the user's other processes.
pub(in crate::commands) fn leave_no_core() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "a core file of this process could hold what is secret");
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    Terminal,
    Descriptor(u16),
}

impl Source {
    const fn of(ask: bool, fd: Option<u16>) -> Option<Self> {
        match fd {
            Some(number) => Some(Self::Descriptor(number)),
            None if ask => Some(Self::Terminal),
            None => None,
        }
    }

    const fn fd(self) -> Option<u16> {
        match self {
            Self::Terminal => None,
            Self::Descriptor(number) => Some(number),
        }
    }
}

/// One of the three.
struct Wanted {
    flag: &'static str,
    fd_flag: &'static str,
    question: &'static str,
    source: Option<Source>,
}

impl Wanted {
    const fn of(args: &PasswordArgs) -> [Self; 3] {
        [
            Self {
                flag: "--password",
                fd_flag: "--password-fd",
                question: "Password: ",
                source: Source::of(args.password, args.password_fd),
            },
            Self {
                flag: "--ask-key-passphrase",
                fd_flag: "--key-passphrase-fd",
                question: "Key passphrase: ",
                source: Source::of(args.ask_key_passphrase, args.key_passphrase_fd),
            },
            Self {
                flag: "--ask-sudo-password",
                fd_flag: "--sudo-password-fd",
                question: "Sudo password: ",
                source: Source::of(args.ask_sudo_password, args.sudo_password_fd),
            },
        ]
    }

    /// The flag that was given.
    const fn given(&self) -> &'static str {
        match self.source {
            Some(Source::Descriptor(_)) => self.fd_flag,
            _ => self.flag,
        }
    }
}

/// Whether the job has a use for them.
fn fits(wanted: &[Wanted; 3], job: &Job) -> Result<(), Failure> {
    let [.., sudo] = wanted;
    if let Some(given) = wanted.iter().find(|wanted| wanted.source.is_some())
        && job.transport != Transport::Ssh
    {
        return Err(Failure::with_help(
            format!("`{}` is for hosts over ssh, and the job has `transport: local`", given.given()),
            "leave the option out",
        ));
    }
    if sudo.source.is_some() && job.run_as.is_none() {
        return Err(Failure::with_help(
            format!("`{}` is for `run_as`, which the job does not have", sudo.given()),
            "say whom to run as with `--run-as`; a `sudo` inside the command cannot be given a password",
        ));
    }
    Ok(())
}

fn ask(wanted: &Wanted, silent: &mut Option<Silent>) -> Result<Secret, Failure> {
    let terminal = match silent {
        Some(terminal) => terminal,
        None => silent.insert(Silent::new().map_err(|_| {
            Failure::with_help(
                format!("`{}` asks on the terminal, and there is none", wanted.flag),
                format!("give `{0} 3` and open descriptor 3, such as `{0} 3 3<FILE`", wanted.fd_flag),
            )
        })?),
    };
    let answer = terminal.ask(wanted.question);
    let answer =
        answer.map_err(|error| Failure::usage(format!("`{}`: {}", wanted.flag, plain_words(&error))))?;
    usable(answer).map_err(|problem| Failure::usage(format!("`{}`: {problem}", wanted.flag)))
}

fn usable(text: String) -> Result<Secret, &'static str> {
    match text {
        text if text.is_empty() => Err("it is empty"),
        text if text.contains(['\0', '\n', '\r']) => Err("it has a NUL character or a line break in it"),
        text => Ok(Secret::from(text)),
    }
}

/// Open descriptors of the caller's.
struct Descriptors(BTreeMap<u16, File>);

impl Descriptors {
    fn open(numbers: impl Iterator<Item = u16>, is_stdin_taken: bool) -> Result<Self, Failure> {
        let mut files = BTreeMap::new();
        for number in numbers {
            if files.contains_key(&number) {
                // The next line of it.
                continue;
            }
            let problem = match number {
                0 if is_stdin_taken => Some("the spec is read from it"),
                1 | 2 => Some("it is for what pogo writes"),
                _ => None,
            };
            if let Some(problem) = problem {
                return Err(Failure::usage(format!("cannot read descriptor {number}: {problem}")));
            }
            let file = File::open(format!("/proc/self/fd/{number}")).map_err(|error| {
                let problem = match error.kind() {
                    io::ErrorKind::NotFound => "it is not open".to_owned(),
                    _ => plain_words(&error),
                };
                Failure::with_help(
                    format!("cannot read descriptor {number}: {problem}"),
                    format!("open it for pogo, such as `{number}<FILE`"),
                )
            })?;
            if number > 2 {
                // What pogo starts would inherit it.
                let _closed = nix::unistd::close(i32::from(number));
            }
            files.insert(number, file);
        }
        Ok(Self(files))
    }

    /// The next line. Byte by byte, so that the line after it is another's.
    fn line(&self, number: u16) -> Result<Secret, Failure> {
        let failed = |problem: &str| Failure::usage(format!("descriptor {number}: {problem}"));
        let Some(mut file) = self.0.get(&number) else { return Err(failed("it is not open")) };
        let mut line: Vec<u8> = Vec::with_capacity(LONGEST);
        let mut byte = [0];
        loop {
            match file.read(&mut byte) {
                Ok(0) => break,
                Ok(_) if byte == *b"\n" => break,
                Ok(_) if line.len() < LONGEST => line.extend_from_slice(&byte),
                Ok(_) => return Err(failed("its line is too long for a password")),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(&plain_words(&error))),
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let text = String::from_utf8(line).map_err(|_| failed("it is not UTF-8"))?;
        usable(text).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_descriptor_gives_a_line_each_time() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"one two\r\nthree\n\n").unwrap();
        // A copy that may be closed.
        let number = u16::try_from(std::os::fd::IntoRawFd::into_raw_fd(file.try_clone().unwrap())).unwrap();
        assert_ne!(i32::from(number), file.as_raw_fd());
        let open = Descriptors::open([number, number].into_iter(), false).unwrap();
        assert_eq!(open.line(number).unwrap().expose_secret(), "one two");
        assert_eq!(open.line(number).unwrap().expose_secret(), "three");
        assert!(open.line(number).is_err(), "it is empty");
    }

    #[test]
    fn what_cannot_be_a_password_s_descriptor_is_refused() {
        for number in [1, 2, 60_000] {
            assert!(Descriptors::open([number].into_iter(), false).is_err(), "{number}");
        }
        assert!(Descriptors::open([0].into_iter(), true).is_err());
    }
}
