//! The programs of external groups: where they are, and how they are run.
//!
//! A program gets its arguments without a shell, no standard input, and ten seconds. It is the leader of a process group
//! of its own, so that what it started can be ended with it: at its time limit, and when pogo itself is told to end. The
//! signals of a terminal do not reach that group by themselves.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use pogo_compiler::world::GroupAnswer;
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::failure::plain_words;
use crate::settings::config_home;

/// What a resolver's run may cost.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// From its start to the end of its answer.
    time: Duration,
    /// Most bytes of standard output.
    output: usize,
    /// Bytes kept of the end of standard error.
    stderr: usize,
}

const LIMITS: Limits = Limits { time: Duration::from_secs(10), output: 64 << 20, stderr: 4 << 10 };

/// The resolver programs, and what they have answered in this run.
pub(crate) struct Resolvers {
    folders: Vec<PathBuf>,
    limits: Limits,
    answers: RefCell<HashMap<(String, Vec<String>), GroupAnswer>>,
}

impl Resolvers {
    /// Looks in `path` first, then in the user's and the system's folders; never on PATH.
    #[must_use]
    pub(crate) fn new(path: &[PathBuf]) -> Self {
        let mut folders = path.to_vec();
        folders.extend(config_home().map(|home| home.join("pogo/resolvers")));
        folders.extend(["/etc/pogo/resolvers", "/usr/lib/pogo/resolvers"].map(PathBuf::from));
        Self::in_folders(folders, LIMITS)
    }

    fn in_folders(folders: Vec<PathBuf>, limits: Limits) -> Self {
        Self { folders, limits, answers: RefCell::default() }
    }

    /// The members of a group; each question is put once.
    pub(crate) fn ask(&self, name: &str, args: &[String]) -> GroupAnswer {
        let question = (name.to_owned(), args.to_vec());
        if let Some(answer) = self.answers.borrow().get(&question) {
            return answer.clone();
        }
        let answer = match self.find(name) {
            Some(program) => run(&program, args, self.limits),
            None => {
                let searched = self.folders.iter().map(|folder| folder.display().to_string()).collect();
                GroupAnswer::NotFound { searched }
            }
        };
        self.answers.borrow_mut().insert(question, answer.clone());
        answer
    }

    fn find(&self, name: &str) -> Option<PathBuf> {
        // A slash would lead out of the folders.
        let file = Some(format!("pogo-tag-{name}")).filter(|file| !file.contains('/'))?;
        self.folders.iter().map(|folder| folder.join(&file)).find(|path| path.is_file()).map(|path| {
            // A program without a slash in its path would be looked for on PATH.
            if path.is_absolute() { path } else { Path::new(".").join(path) }
        })
    }
}

fn failed(reason: impl Into<String>, stderr: String) -> GroupAnswer {
    GroupAnswer::Failed { reason: reason.into(), stderr }
}

enum News {
    Exited,
    Printed(io::Result<Vec<u8>>),
    Complained(Vec<u8>),
}

fn run(program: &Path, args: &[String], limits: Limits) -> GroupAnswer {
    let executable = program.metadata().is_ok_and(|it| it.permissions().mode() & 0o111 != 0);
    if !executable {
        return failed(format!("`{}` is not executable", program.display()), String::new());
    }
    let deadline = Instant::now() + limits.time;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    // Before the start, so that no signal falls between. The program gets a clean mask.
    let signals = Signals::hold().ok();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            return failed(
                format!("`{}` cannot be started: {}", program.display(), plain_words(&error)),
                String::new(),
            );
        }
    };
    let news = listen(&mut child, limits);
    let heard = hear(&news, deadline, limits.output, signals.as_ref());
    let signal = match heard {
        End::Signal(signal) => Some(signal),
        _ => None,
    };
    let heard = match heard {
        End::Heard(heard) => Some(heard),
        End::Deadline | End::Signal(_) => None,
    };
    if heard.is_none() || heard.as_ref().is_some_and(Heard::is_too_much) {
        // The leader has not been waited for yet, so its number cannot belong to another group.
        if let Some(group) = Pid::from_raw(i32::try_from(child.id()).unwrap_or(0)) {
            let _ = kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
    let status = child.wait();
    if let Some(signal) = signal {
        // Nobody else is left behind: now the signal does what it would have done.
        drop(signals);
        let _ = nix::sys::signal::raise(signal);
        return failed(format!("{signal} came"), String::new());
    }
    let Some(heard) = heard else {
        let stderr = late_complaint(&news);
        return failed(format!("no answer within {} s", limits.time.as_secs_f32()), stderr);
    };
    if heard.is_too_much() {
        return failed(format!("printed more than {} MiB", limits.output >> 20), heard.stderr());
    }
    match (status, heard.stdout) {
        (Ok(status), Ok(stdout)) if status.success() => GroupAnswer::Printed(stdout),
        (Ok(status), Ok(_)) => failed(in_words(status), String::from_utf8_lossy(&heard.stderr).into_owned()),
        (Err(error), _) | (_, Err(error)) => failed(
            format!("its answer is lost: {}", plain_words(&error)),
            String::from_utf8_lossy(&heard.stderr).into_owned(),
        ),
    }
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

/// Starts one thread for each thing that has to be waited for.
fn listen(child: &mut Child, limits: Limits) -> Receiver<News> {
    let (to, news) = channel();
    if let Some(stdout) = child.stdout.take() {
        let to: Sender<News> = to.clone();
        // One byte more than allowed tells a full answer from one that is too long. A receiver that is gone has given up.
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let most = u64::try_from(limits.output).unwrap_or(u64::MAX).saturating_add(1);
            let outcome = stdout.take(most).read_to_end(&mut bytes).map(|_| bytes);
            let _ = to.send(News::Printed(outcome));
        });
    }
    if let Some(stderr) = child.stderr.take() {
        let to = to.clone();
        thread::spawn(move || {
            let _ = to.send(News::Complained(tail(stderr, limits.stderr)));
        });
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(0));
    thread::spawn(move || {
        // The process stays a zombie until `Child::wait`, so its number stays its own.
        if let Some(pid) = pid {
            while waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
                .is_err_and(|error| error == rustix::io::Errno::INTR)
            {}
        }
        let _ = to.send(News::Exited);
    });
    news
}

struct Heard {
    stdout: io::Result<Vec<u8>>,
    stderr: Vec<u8>,
    limit: usize,
}

impl Heard {
    fn is_too_much(&self) -> bool {
        self.stdout.as_ref().is_ok_and(|bytes| bytes.len() > self.limit)
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Signals that end pogo, held back until this is dropped.
struct Signals {
    held: SignalFd,
    before: SigSet,
}

impl Signals {
    fn hold() -> nix::Result<Self> {
        let mut held = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
            held.add(signal);
        }
        let before = SigSet::thread_get_mask()?;
        let fd = SignalFd::with_flags(&held, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        held.thread_block()?;
        Ok(Self { held: fd, before })
    }

    /// The first one that came.
    fn came(&self) -> Option<Signal> {
        let number = self.held.read_signal().ok()??.ssi_signo;
        Signal::try_from(i32::try_from(number).ok()?).ok()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // It was the thread's mask before, and so is one that can be set.
        let _ = self.before.thread_set_mask();
    }
}

/// How the wait for an answer ended.
enum End {
    Heard(Heard),
    Deadline,
    Signal(Signal),
}

/// How often is looked for signals.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until the program has ended and both its outputs are at their end, or its answer is too long.
fn hear(news: &Receiver<News>, deadline: Instant, limit: usize, signals: Option<&Signals>) -> End {
    let (mut exited, mut stdout, mut stderr) = (false, None, None);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match news.recv_timeout(left.min(LOOK)) {
            Ok(News::Exited) => exited = true,
            Ok(News::Printed(bytes)) => {
                let too_much = bytes.as_ref().is_ok_and(|bytes| bytes.len() > limit);
                stdout = Some(bytes);
                if too_much {
                    stderr = Some(stderr.unwrap_or_default());
                    exited = true;
                }
            }
            Ok(News::Complained(bytes)) => stderr = Some(bytes),
            Err(RecvTimeoutError::Timeout) if left > LOOK => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return End::Deadline,
        }
        if let Some(signal) = signals.and_then(Signals::came) {
            return End::Signal(signal);
        }
        (stdout, stderr) = match (stdout, stderr) {
            (Some(stdout), Some(stderr)) if exited => return End::Heard(Heard { stdout, stderr, limit }),
            unfinished => unfinished,
        };
    }
}

/// What a program that was ended has said. Something that escaped its group may hold the pipe open: then nothing.
fn late_complaint(news: &Receiver<News>) -> String {
    let until = Instant::now() + Duration::from_millis(200);
    while let Ok(piece) = news.recv_timeout(until.saturating_duration_since(Instant::now())) {
        if let News::Complained(bytes) = piece {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
    String::new()
}

/// The last `keep` bytes of a stream.
fn tail(mut from: impl Read, keep: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => kept.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
        if kept.len() > keep {
            kept.drain(..kept.len() - keep);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        folder: tempfile::TempDir,
        resolvers: Resolvers,
    }

    fn bench(script: &str, time_ms: u64) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("pogo-tag-t");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let limits = Limits { time: Duration::from_millis(time_ms), output: 1 << 20, stderr: 8 };
        let resolvers = Resolvers::in_folders(vec!["/nowhere".into(), folder.path().to_path_buf()], limits);
        Bench { folder, resolvers }
    }

    fn ask(bench: &Bench, args: &[&str]) -> GroupAnswer {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        // Another test's fork may hold the script open for writing for a moment.
        loop {
            match run_or_ask(bench, &args) {
                GroupAnswer::Failed { reason, .. } if reason.contains("text file busy") => {}
                answer => return answer,
            }
        }
    }

    fn run_or_ask(bench: &Bench, args: &[String]) -> GroupAnswer {
        let answer = bench.resolvers.ask("t", args);
        if matches!(&answer, GroupAnswer::Failed { reason, .. } if reason.contains("text file busy")) {
            bench.resolvers.answers.borrow_mut().clear();
        }
        answer
    }

    #[test]
    fn an_answer_is_asked_for_once() {
        let bench = bench("echo \"$@\"; echo asked >> \"$(dirname \"$0\")/log\"", 10_000);
        for _ in 0..3 {
            let GroupAnswer::Printed(bytes) = ask(&bench, &["a b", "$HOME"]) else { panic!() };
            assert_eq!(bytes, b"a b $HOME\n");
        }
        assert_eq!(std::fs::read_to_string(bench.folder.path().join("log")).unwrap(), "asked\n");
    }

    #[test]
    fn a_failure_says_how() {
        let answer = ask(&bench("echo 0123456789 >&2; exit 3", 10_000), &["x"]);
        let GroupAnswer::Failed { reason, stderr } = answer else { panic!("{answer:?}") };
        assert_eq!((reason.as_str(), stderr.as_str()), ("exit status 3", "3456789\n"));
        let answer = ask(&bench("kill -9 $$", 10_000), &["x"]);
        assert!(matches!(answer, GroupAnswer::Failed { reason, .. } if reason == "ended by signal 9"));
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_it_started() {
        let bench = bench(
            "sleep 1000 & echo $! > \"$(dirname \"$0\")/pid\"; echo $$ >> \"$(dirname \"$0\")/pid\"; echo why >&2; wait",
            1000,
        );
        let answer = ask(&bench, &["x"]);
        let GroupAnswer::Failed { reason, stderr } = answer else { panic!("{answer:?}") };
        assert_eq!((reason.as_str(), stderr.as_str()), ("no answer within 1 s", "why\n"));
        for pid in std::fs::read_to_string(bench.folder.path().join("pid")).unwrap().lines() {
            // The end is on its way; a zombie that its new parent has not yet seen is as dead.
            let until = Instant::now() + Duration::from_secs(30);
            let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            while !(state().is_empty() || state().contains(") Z ")) {
                assert!(Instant::now() < until, "{}", state());
                thread::yield_now();
            }
        }
    }

    #[test]
    fn an_endless_answer_is_cut() {
        let answer = ask(&bench("exec yes web1", 60_000), &["x"]);
        assert!(matches!(answer, GroupAnswer::Failed { reason, .. } if reason == "printed more than 1 MiB"));
    }

    #[test]
    fn what_is_not_there_or_not_executable_is_not_run() {
        let bench = bench("echo no", 10_000);
        let answer = bench.resolvers.ask("u", &[]);
        let GroupAnswer::NotFound { searched } = answer else { panic!("{answer:?}") };
        assert_eq!(searched.first().map(String::as_str), Some("/nowhere"));
        assert!(matches!(bench.resolvers.ask("../t", &[]), GroupAnswer::NotFound { .. }));
        let program = bench.folder.path().join("pogo-tag-t");
        std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(
            matches!(ask(&bench, &[]), GroupAnswer::Failed { reason, .. } if reason.ends_with("is not executable"))
        );
    }
}
