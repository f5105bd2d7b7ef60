//! A place for one test: servers, a home, a spec, a log, and the program.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pogo_test_sshd::Farm;
use serde_json::Value;

pub(super) use pogo_test_sshd::until;

use crate::pogo::program;

/// Whether a test has what it needs. If not it says so aloud, and `tests/run` says it again at its end: runners hide what a
/// test prints that succeeds. Where everything must be tested, a test that cannot run has failed.
pub(super) fn can(run: bool, needs: &str) -> bool {
    if !run {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let line = format!("NOT RUN: {test}: needs {needs}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        assert!(std::env::var_os("POGO_TEST_ALL").is_none(), "{line}");
        if let Some(path) = std::env::var_os("POGO_TEST_NOT_RUN") {
            OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .unwrap()
                .write_all(line.as_bytes())
                .unwrap();
        }
    }
    run
}

/// Whether a program is there.
pub(super) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).exists())
}

pub(super) fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

/// What a test's command does around its work: a line when it starts, a line when it is about to succeed.
const STARTS: &str = r#"echo "start $POGO_HOST $POGO_ATTEMPT" >> "$LOG""#;
const ENDS: &str = r#"echo "end $POGO_HOST $POGO_ATTEMPT" >> "$LOG""#;

/// The cheapest key exchange, where the exchange is not what is tested.
const QUICK: &str = "KexAlgorithms curve25519-sha256\n";

/// A farm and what pogo has around it.
pub(super) struct Site {
    pub(super) farm: Farm,
}

impl Site {
    /// With the server's defaults.
    pub(super) fn new() -> Self {
        Self::with("")
    }

    /// With further lines for the server's configuration.
    pub(super) fn with(server: &str) -> Self {
        let farm = Farm::with(&format!("{QUICK}{server}"));
        farm.configure(QUICK);
        let site = Self { farm };
        fs::create_dir(site.file("me")).unwrap();
        let run = site.file("run");
        fs::create_dir(&run).unwrap();
        fs::set_permissions(&run, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        site
    }

    /// Sets what stands first in the client's configuration.
    pub(super) fn configure(&self, client: &str) {
        self.farm.configure(&format!("{client}\nHost *\n{QUICK}"));
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.farm.path(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// The lines that commands wrote.
    pub(super) fn log(&self) -> Vec<String> {
        self.read("log").lines().map(str::to_owned).collect()
    }

    /// Whether commands wrote this line.
    pub(super) fn has_logged(&self, line: &str) -> bool {
        self.log().iter().any(|it| it == line)
    }

    /// A spec for these hosts whose command logs its start, does `work`, and logs its end.
    pub(super) fn spec(&self, hosts: &str, work: &str, job: &str) {
        self.spec_with(&format!("tag: {{all: ['{hosts}']}}"), work, job);
    }

    /// The same, with sections of the test's own.
    pub(super) fn spec_with(&self, head: &str, work: &str, job: &str) {
        let command = [STARTS, work, ENDS].join("\n").replace('\n', "\n    ");
        let log = self.file("log").display().to_string();
        let config = self.farm.ssh_config().display().to_string();
        // Patient where time is not what is tested: the machine may have much to do.
        let mut timeout = String::new();
        for (key, time) in [("timeout", "2m"), ("connect_timeout", "1m")] {
            if !job.contains(&format!("  {key}:")) {
                timeout.push_str(&format!("  {key}: {time}\n"));
            }
        }
        self.farm.write(
            "a.cfg",
            &format!(
                "{head}\njob:\n  transport: ssh\n  ssh: {{config: '{config}'}}\n  env: {{LOG: '{log}'}}\n{timeout}{job}\n  \
                 command: |\n    {command}\n"
            ),
        );
    }

    /// Pipes of these hosts, at which their commands wait: `read go < PATH`.
    pub(super) fn gates(&self, hosts: &[&str]) -> String {
        for host in hosts {
            self.gate(&format!("gate-{host}"));
        }
        self.file("gate-$POGO_HOST").display().to_string()
    }

    /// A pipe at which one command waits: `read go < PATH`.
    pub(super) fn gate(&self, name: &str) -> String {
        let path = self.file(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path.display().to_string()
    }

    /// Lets the command go on that waits at the gate, or will.
    pub(super) fn open_gate(&self, name: &str) {
        OpenOptions::new().write(true).open(self.file(name)).unwrap().write_all(b"go\n").unwrap();
    }

    /// The processes that commands wrote down: `echo $$ >> "$LOG.pids"`.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.read("log.pids").lines().map(|line| line.trim().parse().unwrap()).collect()
    }

    /// The program with nothing of this machine's environment but the way to its tools.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        self.surround(Command::new(program()), args)
    }

    /// The same, started by another program.
    pub(super) fn command_by(&self, by: &[&str], args: &[&str]) -> Command {
        let mut command = Command::new(by[0]);
        command.args(&by[1..]).arg(program());
        self.surround(command, args)
    }

    fn surround(&self, mut command: Command, args: &[&str]) -> Command {
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.file("me"))
            .env("XDG_RUNTIME_DIR", self.file("run"))
            .current_dir(self.farm.as_ref())
            .stdin(Stdio::null());
        command
    }

    /// Runs `a.cfg` to its end.
    pub(super) fn apply(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(&apply(args)))
    }

    /// The same, started by another program.
    pub(super) fn apply_by(&self, by: &[&str], args: &[&str]) -> Ran {
        Ran::of(self.command_by(by, &apply(args)))
    }

    /// Starts a run whose events come as they happen.
    pub(super) fn start(&self, args: &[&str]) -> Running {
        self.start_as(&[], args, &[])
    }

    /// The same, started by another program if one is named, with variables of its own.
    pub(super) fn start_as(&self, by: &[&str], args: &[&str], env: &[(&str, &OsStr)]) -> Running {
        let mut all = vec!["apply", "a.cfg", "--quiet", "--events", "-"];
        all.extend(args);
        let mut command = if by.is_empty() { self.command(&all) } else { self.command_by(by, &all) };
        command.envs(env.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Running { child, stdout: BufReader::new(stdout), stderr: BufReader::new(stderr) }
    }

    /// What the hosts of a job say of their attempts, by host.
    pub(super) fn probe(&self, args: &[&str]) -> BTreeMap<String, Value> {
        let all = [&["probe"], args, &["--format", "json"]].concat();
        let output = self.command(&all).output().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let hosts = said["hosts"].as_array().unwrap().iter();
        hosts.map(|host| (host["host"].as_str().unwrap().to_owned(), host.clone())).collect()
    }

    /// The clients and masters of ssh that belong to this site.
    pub(super) fn ssh_processes(&self) -> Vec<String> {
        let folder = self.farm.as_ref().display().to_string();
        pogo_test_sshd::processes_with(&folder)
            .into_iter()
            .map(pogo_test_sshd::command_line)
            .filter(|line| {
                line.starts_with("ssh ") || line.starts_with("/usr/bin/ssh ") || line.starts_with("ssh:")
            })
            .collect()
    }

    /// Everything that pogo keeps in its runtime folder.
    pub(super) fn sockets(&self) -> Vec<PathBuf> {
        let mut all = Vec::new();
        let mut open = vec![self.file("run")];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    open.push(entry.path());
                } else {
                    all.push(entry.path());
                }
            }
        }
        all
    }

    /// The reports that attempts have left on the hosts.
    pub(super) fn reports(&self) -> Vec<String> {
        let folder = self.farm.home().join(".cache/pogo");
        let mut names: Vec<String> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// What one of them says; nothing of one that is being replaced.
    pub(super) fn report(&self, name: &str) -> String {
        fs::read_to_string(self.farm.home().join(".cache/pogo").join(name)).unwrap_or_default()
    }

    /// Asserts that an ended run has left nothing: no ssh, no socket, no report.
    pub(super) fn is_clean(&self) {
        assert_eq!(self.ssh_processes(), Vec::<String>::new());
        assert_eq!(self.sockets(), Vec::<PathBuf>::new());
        assert_eq!(self.reports(), Vec::<String>::new());
    }
}

fn apply<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let base = ["apply", "a.cfg", "--quiet", "--format", "json"];
    base.into_iter().chain(args.iter().copied()).collect()
}

/// An ended run: its exit code, its summary and what it said.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) summary: Value,
    pub(super) stderr: String,
}

impl Ran {
    fn of(mut command: Command) -> Self {
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let summary = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!("no summary: {:?} {} {stderr}", output.status, String::from_utf8_lossy(&output.stdout))
        });
        Self { code: output.status.code().unwrap(), summary, stderr }
    }

    /// What the summary says of a host.
    pub(super) fn host(&self, name: &str) -> &Value {
        let hosts = self.summary["hosts"].as_array().unwrap();
        hosts.iter().find(|host| host["host"] == name).unwrap_or_else(|| panic!("{name}: {self:?}"))
    }

    pub(super) fn state(&self, name: &str) -> &str {
        self.host(name)["state"].as_str().unwrap()
    }

    /// How many hosts are in which state.
    pub(super) fn counts(&self) -> BTreeMap<&str, u64> {
        let counts = self.summary["counts"].as_object().unwrap();
        counts.iter().map(|(state, n)| (state.as_str(), n.as_u64().unwrap())).collect()
    }

    /// Asserts that all hosts ended in one state.
    pub(super) fn all(&self, state: &str, n: u64) {
        assert_eq!(self.counts(), BTreeMap::from([(state, n)]), "{self:?}");
    }
}

/// A run under way.
pub(super) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    /// Reads events until this one has come; what is not named may be anything.
    pub(super) fn wait_for(&mut self, kind: &str, wanted: &[(&str, &str)]) -> Value {
        let mut line = String::new();
        loop {
            line.clear();
            if self.stdout.read_line(&mut line).unwrap() == 0 {
                let mut said = String::new();
                self.stderr.read_to_string(&mut said).unwrap();
                panic!("the stream ended before {kind} {wanted:?}: {said}");
            }
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["type"] == kind && wanted.iter().all(|(key, value)| event[key] == *value) {
                return event;
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Waits for the end of one that was killed, and says how that was.
    pub(super) fn status(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// The exit code, if it was not killed, with what it still said on both streams.
    pub(super) fn end(mut self) -> (Option<i32>, String, String) {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.stderr.read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stdout, stderr)
    }
}

/// Whether there is such a process that has not ended.
pub(super) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A process that has ended may still be on the list until its new parent looks.
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// Asserts that in the log of `commands` no more than `most` of the hosts were out of service at once. A host comes back
/// with the `end` of its command, but for those in `bad`, which never do.
pub(super) fn log_holds(log: &[String], hosts: &[String], bad: &[String], most: usize) {
    let mut out = std::collections::BTreeSet::new();
    for line in log {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, host, _attempt] = words[..] else { panic!("{line}") };
        if !hosts.iter().any(|it| it == host) {
            continue;
        }
        if what == "start" {
            out.insert(host);
        } else if !bad.iter().any(|it| it == host) {
            out.remove(host);
        }
        assert!(out.len() <= most, "{out:?} are out of service: {log:?}");
    }
}
