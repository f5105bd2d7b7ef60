//! A session with a script, as ssh would have it: a session of its own, three pipes, no terminal.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use base64::Engine;
use pogo_plan::Job;
use pogo_plan::event::{JobId, Stream};
use pogo_plan::job::Script;
use pogo_plan::outcome::{Attempt as Number, Phase};
use pogo_plan::worker::AttemptKey;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use crate::wrapper::{ACKNOWLEDGE, Decoder, Ended, Event, Invocation, Request, STOP, Times, Traces};
use crate::{Attempt, JobContext, Secret};

/// What may stand in for `/bin/sh`.
pub(super) const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// Nothing here takes this long; a test that waits so long has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(25);

pub(super) fn job(command: &str) -> Job {
    Job { command: Some(command.to_owned()), ..Job::default() }
}

pub(super) fn script(name: &str, bytes: &[u8], args: &[&str]) -> Job {
    let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
    let script = Script { name: name.to_owned(), base64 };
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    Job { command: None, script: Some(script), args, ..job("") }
}

pub(super) fn invocation_with(job: Job, secrets: &BTreeMap<String, Secret>) -> Invocation {
    invocation_of(2, job, secrets)
}

/// With a number of its own, for records in a place that all tests share.
pub(super) fn invocation_of(number: u32, job: Job, secrets: &BTreeMap<String, Secret>) -> Invocation {
    let key = AttemptKey { job: JobId::from_bits(9), host: "web1".into(), attempt: Number(number) };
    let slots = vec!["a.b".to_owned(), "c".to_owned()];
    let attempt = Attempt { key, slots: slots.into(), job: Arc::new(JobContext::new(job, secrets).unwrap()) };
    let times = Times { grace: Duration::from_millis(300), last_words: Duration::from_secs(10) };
    Invocation::new(attempt, times).unwrap()
}

pub(super) fn invocation(job: Job) -> Invocation {
    invocation_with(job, &BTreeMap::new())
}

/// A host: a home, a place for temporary files, a shell.
pub(super) struct Host {
    pub(super) shell: Vec<String>,
    pub(super) folder: TempDir,
    pub(super) path: Option<PathBuf>,
    /// Further variables of the session.
    pub(super) env: Vec<(&'static str, PathBuf)>,
    /// Whether its server gives a session sockets for its output, which cannot be opened again, instead of pipes.
    pub(super) has_sockets: bool,
}

impl Host {
    pub(super) fn new(shell: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["home", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self {
            shell: shell.iter().map(|&word| word.to_owned()).collect(),
            folder,
            path: None,
            env: Vec::new(),
            has_sockets: false,
        }
    }

    /// Every host that there may be.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let [dash, bash, busybox] = SHELLS;
        let sockets = |host: Self| Self { has_sockets: true, ..host };
        [Self::new(dash), Self::new(bash), Self::new(busybox), Self::without_setsid(dash)]
            .into_iter()
            .chain([Self::new(dash), Self::new(bash), Self::without_setsid(busybox)].into_iter().map(sockets))
    }

    /// A host without `setsid`.
    pub(super) fn without_setsid(shell: &[&str]) -> Self {
        let mut host = Self::new(shell);
        let bin = host.folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for entry in ["/bin", "/usr/bin"].iter().flat_map(|dir| std::fs::read_dir(dir).unwrap()) {
            let entry = entry.unwrap();
            if entry.file_name() != "setsid" {
                let _either_will_do = std::os::unix::fs::symlink(entry.path(), bin.join(entry.file_name()));
            }
        }
        host.path = Some(bin);
        host
    }

    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(super) fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn report(&self) -> PathBuf {
        self.home().join(".cache/pogo").join(invocation(job("x")).id())
    }

    fn command(&self, script: &str) -> Command {
        // The session that sshd would have made; an own file is executed in place, so that its number is the session's.
        let mut command = Command::new("/usr/bin/setsid");
        command.args(&self.shell).arg("-c").arg(script);
        self.settle(&mut command);
        command
    }

    pub(super) fn settle(&self, command: &mut Command) {
        command.env("HOME", self.home()).env("TMPDIR", self.tmp()).env_remove("XDG_RUNTIME_DIR");
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    pub(super) fn start(&self, request: Request) -> Session {
        let mut session = self.start_silent(request);
        session.open();
        session
    }

    /// Starts and sends nothing.
    pub(super) fn start_silent(&self, request: Request) -> Session {
        let line = request.command_line();
        let script = line.strip_prefix("exec /bin/sh -c '").unwrap().strip_suffix('\'').unwrap();
        let mut command = self.command(script);
        if !self.has_sockets {
            return Session::silent(command, request);
        }
        let [(ours_out, theirs_out), (ours_err, theirs_err)] = [(); 2].map(|()| UnixStream::pair().unwrap());
        command.stdout(OwnedFd::from(theirs_out)).stderr(OwnedFd::from(theirs_err));
        Session::with_outputs(command, request, Some((ours_out, ours_err)))
    }

    pub(super) fn run(&self, job: Job) -> (Ended, Heard) {
        self.start(Request::run(&invocation(job), None).unwrap()).end()
    }

    /// Nothing of an attempt is left in the file system.
    pub(super) fn assert_clean(&self) {
        let left: Vec<_> =
            std::fs::read_dir(self.tmp()).unwrap().flatten().map(|entry| entry.path()).collect();
        assert!(left.is_empty(), "{:?}: {left:?}", self.shell);
        assert!(!self.report().exists(), "{:?}", self.shell);
    }
}

/// A small file system of its own, gone when dropped.
pub(super) struct Mount {
    pub(super) at: TempDir,
}

impl Mount {
    /// `None`, said aloud, where nobody may mount.
    pub(super) fn new(options: &str) -> Option<Self> {
        let at = TempDir::new().unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "none"]).arg(at.path()).stderr(Stdio::null());
        if command.status().is_ok_and(|status| status.success()) {
            return Some(Self { at });
        }
        eprintln!("SKIPPED: the right to mount is needed");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _best_effort = Command::new("umount").arg("-l").arg(self.at.path()).status();
    }
}

#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) phases: Vec<Phase>,
    pub(super) traces: Option<Traces>,
    pub(super) others: Vec<Event>,
}

impl Heard {
    pub(super) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(super) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

pub(super) struct Session {
    pub(super) child: Child,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) request: Request,
    pub(super) decoder: Decoder,
    bytes: Receiver<(Stream, Vec<u8>)>,
    pub(super) heard: Heard,
    pub(super) keep: bool,
    /// Whether `Started` is answered.
    pub(super) goes: bool,
}

fn pump(
    stream: Stream,
    mut pipe: impl Read + Send + 'static,
    to: std::sync::mpsc::SyncSender<(Stream, Vec<u8>)>,
) {
    std::thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(n) = pipe.read(&mut chunk) {
            if n == 0 || to.send((stream, chunk[..n].to_vec())).is_err() {
                return;
            }
        }
    });
}

impl Session {
    pub(super) fn new(command: Command, request: Request) -> Self {
        let mut session = Self::silent(command, request);
        session.open();
        session
    }

    fn open(&mut self) {
        let opening = self.request.opening().expose_secret().to_vec();
        self.write(&opening);
    }

    pub(super) fn silent(command: Command, request: Request) -> Self {
        Self::with_outputs(command, request, None)
    }

    fn with_outputs(
        mut command: Command,
        request: Request,
        outputs: Option<(UnixStream, UnixStream)>,
    ) -> Self {
        let mut child = command.process_group(0).spawn_in_session();
        let (sender, bytes) = std::sync::mpsc::sync_channel(16);
        match outputs {
            Some((out, err)) => {
                pump(Stream::Stdout, out, sender.clone());
                pump(Stream::Stderr, err, sender);
            }
            None => {
                pump(Stream::Stdout, child.stdout.take().unwrap(), sender.clone());
                pump(Stream::Stderr, child.stderr.take().unwrap(), sender);
            }
        }
        let stdin = child.stdin.take();
        let decoder = request.decoder();
        Self { child, stdin, request, decoder, bytes, heard: Heard::default(), keep: true, goes: true }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        if let Some(stdin) = &mut self.stdin {
            let _may_be_gone = stdin.write_all(bytes);
        }
    }

    pub(super) fn stop(&mut self) {
        self.write(STOP);
    }

    /// Goes on until something is said; `None` if both streams end first.
    pub(super) fn until(&mut self, mut wanted: impl FnMut(&Event, &Heard) -> bool) -> Option<Event> {
        loop {
            // Silence for so long means that nothing more comes.
            let by = Instant::now() + PATIENCE;
            let mut events = Vec::new();
            let mut is_over = false;
            match self.bytes.recv_timeout(by.saturating_duration_since(Instant::now())) {
                Ok((stream, bytes)) => self.decoder.push(stream, &bytes, &mut events),
                Err(RecvTimeoutError::Disconnected) => {
                    self.decoder.finish(&mut events);
                    is_over = true;
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("waited too long; heard {:?}, noise {}", self.heard, self.decoder.noise())
                }
            }
            let mut found = None;
            for event in events {
                let answers = self.goes || !matches!(event, Event::Started(_));
                let answer = self.request.answer(&event).map(|answer| answer.expose_secret().to_vec());
                if let Some(answer) = answer.filter(|_| answers) {
                    self.write(&answer);
                }
                match &event {
                    Event::Output(Stream::Stdout, bytes) if self.keep => {
                        self.heard.stdout.extend_from_slice(bytes);
                    }
                    Event::Output(Stream::Stderr, bytes) if self.keep => {
                        self.heard.stderr.extend_from_slice(bytes);
                    }
                    Event::Output(..) => {}
                    Event::Phase(phase, traces) => {
                        self.heard.phases.push(*phase);
                        self.heard.traces = Some(traces.clone());
                    }
                    other => self.heard.others.push(other.clone()),
                }
                if found.is_none() && wanted(&event, &self.heard) {
                    found = Some(event);
                }
            }
            if found.is_some() || is_over {
                return found;
            }
        }
    }

    pub(super) fn until_out(&mut self, text: &str) {
        if self.heard.out().contains(text) {
            return;
        }
        let found = self.until(|_, heard| heard.out().contains(text));
        assert!(found.is_some(), "{:?} noise {}", self.heard, self.decoder.noise());
    }

    /// To the end, with an acknowledgement and everything closed.
    pub(super) fn end(mut self) -> (Ended, Heard) {
        let ended = self.until(|event, _| matches!(event, Event::Ended(_)));
        let Some(Event::Ended(ended)) = ended else {
            panic!("no end: {:?}, noise: {}", self.heard, self.decoder.noise());
        };
        self.write(ACKNOWLEDGE);
        self.leave();
        (ended, self.heard)
    }

    /// Closes the input and waits for the session, or ends it if its keeper is gone.
    pub(super) fn end_by_closing(mut self) {
        self.write(ACKNOWLEDGE);
        drop(self.stdin.take());
        drop(self.bytes);
        let _may_be_gone = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Waits until the server's process is gone.
    pub(super) fn leave(&mut self) {
        let by = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < by, "the session does not end");
            std::thread::yield_now();
        }
    }
}

trait Spawn {
    fn spawn_in_session(&mut self) -> Child;
}

impl Spawn for Command {
    fn spawn_in_session(&mut self) -> Child {
        // Not a leader yet, so that setsid needs no process of its own.
        self.process_group(nix::unistd::getpgrp().as_raw()).spawn().unwrap()
    }
}

/// The living processes of a group.
pub(super) fn members(group: u32) -> Vec<u32> {
    processes().into_iter().filter(|&(_, _, its)| its == group).map(|(pid, _, _)| pid).collect()
}

/// Number, parent and group of everybody alive.
pub(super) fn processes() -> Vec<(u32, u32, u32)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let words: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        if !matches!(words[0], "Z" | "X") {
            all.push((pid, words[1].parse().unwrap(), words[2].parse().unwrap()));
        }
    }
    all
}

/// Waits for something of the system that nobody tells.
pub(super) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let by = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < by, "{what}: not so after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(super) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Whoever has the folder among their open files or their command line.
pub(super) fn users_of(folder: &Path) -> Vec<u32> {
    let (sender, receiver) = channel();
    for (pid, ..) in processes() {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let has = files.flat_map(|file| std::fs::read_link(file.path())).any(|path| path.starts_with(folder));
        if has {
            sender.send(pid).unwrap();
        }
    }
    drop(sender);
    receiver.iter().collect()
}
