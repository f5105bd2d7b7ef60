//! `pogo trust`: shows the keys of hosts, and puts them on record.

use std::borrow::Cow;
use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pogo_grammar::fold::{fold, natural_cmp};
use pogo_plan::Job;
use pogo_plan::job::Transport;
use pogo_transport::ssh::{HostKey, KeyProblem, Shown, Ssh, TrustError};
use schemars::JsonSchema;
use serde::Serialize;

use super::apply::{chain, overrides};
use super::ssh::passwords::Passwords;
use super::ssh::targets::{self, Targets};
use super::ssh::{self, many};
use crate::App;
use crate::answer;
use crate::args::{AnswerFormat, JobArgs, TrustArgs};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::logging;
use crate::report::plural;
use crate::terminal::{Style, visible};

/// A host to ask, and how to reach it: jump hosts are not reached as the targets are.
#[derive(Clone)]
struct Asked {
    host: String,
    job: Job,
}

/// What is known of a host's key.
struct Found {
    asked: Asked,
    key: Key,
}

enum Key {
    /// On record already.
    Known,
    /// Not on record, or another one is.
    Shown(HostKey),
    /// Put on record by this run.
    Recorded(HostKey, PathBuf),
    /// It cannot be had, or cannot be put on record.
    Failed(Option<HostKey>, String),
}

/// Runs the verb.
pub(crate) fn run(args: TrustArgs, app: &App) -> Result<ExitCode, Failure> {
    logging::start(&args.log, app.terminal.stderr)?;
    let TrustArgs {
        input, yes, replace, format, max_connecting, connect_timeout, message_format, ssh, ..
    } = args;
    let overrides = overrides::of(JobArgs { ssh, connect_timeout, ..JobArgs::default() })?;
    let read = targets::read(&input, args.targets.spec(), overrides, message_format, app)?;
    let Some(Targets { hosts, job }) = read else { return Ok(ExitCode::Usage) };
    if job.transport != Transport::Ssh {
        return Err(Failure::usage(
            "the job has `transport: local`: its hosts are this machine, and have no keys",
        ));
    }
    let transport = ssh::open(&job, Passwords::default())?;
    let is_human = format == AnswerFormat::Human;
    let mut recorder = Recorder { ssh: transport, most: max_connecting, replace };

    // Without the keys of the jump hosts nobody gets to the targets.
    let mut found = recorder.look(jumps(&job))?;
    let mut may = if yes { Some(true) } else { None };
    if is_human {
        show(&found, replace, app.terminal.stdout, &mut io::stdout().lock())?;
    }
    recorder.record(&mut found, |n| decide(&mut may, n, is_human))?;
    let asked = hosts.into_iter().map(|host| Asked { host, job: job.clone() }).collect();
    let mut of_targets = recorder.look(asked)?;
    if is_human {
        show(&of_targets, replace, app.terminal.stdout, &mut io::stdout().lock())?;
    }
    recorder.record(&mut of_targets, |n| decide(&mut may, n, is_human))?;
    found.extend(of_targets);

    let mut to = io::stdout().lock();
    match format {
        AnswerFormat::Human => end(&found, replace, app.terminal.stdout, &mut to)?,
        AnswerFormat::Json => {
            let hosts = found.iter().map(Found::out).collect();
            answer::write(&TrustOut { format: "pogo.trust/1", hosts }, &mut to)?;
        }
    }
    to.flush()?;
    let is_good = found.iter().all(|found| matches!(found.key, Key::Known | Key::Recorded(..)));
    Ok(if is_good { ExitCode::Success } else { ExitCode::Findings })
}

/// The jump hosts that the job names, each reached through those before it.
fn jumps(job: &Job) -> Vec<Asked> {
    let jumps = &job.ssh.jump;
    let of = |(at, jump): (usize, &String)| {
        let bare = jump.strip_prefix("ssh://").unwrap_or(jump);
        let (user, rest) = bare.rsplit_once('@').map_or((None, bare), |(user, rest)| (Some(user), rest));
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()),
            _ => (rest, None),
        };
        let mut job = job.clone();
        job.user = user.map(str::to_owned);
        job.ssh.port = port;
        job.ssh.identity = None;
        job.ssh.options.clear();
        job.ssh.jump.truncate(at);
        Asked { host: host.trim_matches(['[', ']']).to_owned(), job }
    };
    jumps.iter().enumerate().map(of).collect()
}

/// Whether keys may be recorded: what was said before, or the answer to the one question.
fn decide(may: &mut Option<bool>, n: usize, is_human: bool) -> io::Result<bool> {
    if let Some(may) = *may {
        return Ok(may);
    }
    // A program that reads JSON is not asked, and neither is nobody.
    if !is_human || !io::stdin().is_terminal() {
        return Ok(false);
    }
    let mut to = io::stdout().lock();
    write!(to, "Record {}? [y/N] ", if n == 1 { "this key".to_owned() } else { format!("these {n} keys") })?;
    to.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    *may = Some(is_yes);
    Ok(is_yes)
}

/// Looks at keys, and records them.
struct Recorder {
    ssh: Ssh,
    most: NonZeroUsize,
    replace: bool,
}

impl Recorder {
    fn look(&self, asked: Vec<Asked>) -> Result<Vec<Found>, Failure> {
        many::ask(asked, self.most, |asked| {
            let ssh = self.ssh.clone();
            async move {
                let key = match ssh.host_key(&asked.host, &asked.job).await {
                    Ok(Shown::Known) => Key::Known,
                    Ok(Shown::Other(key)) => Key::Shown(key),
                    Err(failure) => Key::Failed(None, failure.to_string()),
                };
                Found { asked, key }
            }
        })
    }

    /// Records what may be, if `may` says so of their number.
    fn record(
        &mut self,
        found: &mut [Found],
        may: impl FnOnce(usize) -> io::Result<bool>,
    ) -> Result<(), Failure> {
        let replace = self.replace;
        let wanted = || found.iter().filter(|found| found.is_for_record(replace)).count();
        match wanted() {
            0 => return Ok(()),
            n if !may(n)? => return Ok(()),
            _ => {}
        }
        for found in found.iter_mut().filter(|found| found.is_for_record(replace)) {
            let Key::Shown(key) = &found.key else { continue };
            let done = ssh::block_on(put(&self.ssh, key, &found.asked.job))?;
            found.key = match done {
                Ok(path) => Key::Recorded(key.clone(), path),
                Err(problem) => Key::Failed(Some(key.clone()), problem),
            };
        }
        Ok(())
    }
}

impl Found {
    const fn is_for_record(&self, replace: bool) -> bool {
        match &self.key {
            Key::Shown(key) => match key.problem {
                KeyProblem::Unknown => true,
                KeyProblem::Changed => replace,
                KeyProblem::Revoked => false,
            },
            _ => false,
        }
    }

    fn out(&self) -> HostOut<'_> {
        let (state, key, file, message) = match &self.key {
            Key::Known => (State::Known, None, None, None),
            Key::Shown(key) => (state(key.problem), Some(key), None, None),
            Key::Recorded(key, file) => (State::Recorded, Some(key), Some(file.to_string_lossy()), None),
            Key::Failed(key, message) => (
                key.as_ref().map_or(State::Unreachable, |key| state(key.problem)),
                key.as_ref(),
                None,
                Some(message.as_str()),
            ),
        };
        HostOut {
            host: &self.asked.host,
            state,
            name: key.map(|key| key.name.as_str()),
            kind: key.map(|key| key.kind.as_str()),
            fingerprint: key.map(|key| key.fingerprint.as_str()),
            on_record: key.and_then(|key| key.on_record.as_deref()),
            file,
            message,
        }
    }
}

/// The keys of hosts.
#[derive(Serialize, JsonSchema)]
pub(super) struct TrustOut<'a> {
    /// The name and the version of this format.
    #[schemars(extend("const" = "pogo.trust/1"))]
    format: &'static str,
    /// Jump hosts, then the targets in their order.
    hosts: Vec<HostOut<'a>>,
}

/// The key of a host.
#[derive(Serialize, JsonSchema)]
struct HostOut<'a> {
    /// The host.
    host: &'a str,
    /// What is known of its key.
    state: State,
    /// The host as ssh has it on record: with a port `[name]:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// The type of the key that it shows.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    /// `SHA256:` and the fingerprint of that key.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a str>,
    /// Where another key is on record, or this one as revoked: `path:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_record: Option<&'a str>,
    /// The file in which it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Cow<'a, str>>,
    /// Why the host shows no key, or why that could not be recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// What is known of a host's key.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// The host shows a key that is on record.
    Known,
    /// It was not on record, and is now.
    Recorded,
    /// It is not on record.
    Unknown,
    /// Another key is on record.
    Changed,
    /// It is on record as revoked.
    Revoked,
    /// The host shows no key.
    Unreachable,
}

const fn state(problem: KeyProblem) -> State {
    match problem {
        KeyProblem::Unknown => State::Unknown,
        KeyProblem::Changed => State::Changed,
        KeyProblem::Revoked => State::Revoked,
    }
}

/// Puts a key on record; one that contradicts the record takes the other one's place.
async fn put(ssh: &Ssh, key: &HostKey, job: &Job) -> Result<PathBuf, String> {
    let trust = |key: &HostKey| {
        let key = key.clone();
        async move { ssh.trust(&key, job).await.map_err(|error: TrustError| chain(&error)) }
    };
    if key.problem == KeyProblem::Unknown {
        return trust(key).await;
    }
    let place = key.on_record.as_deref().ok_or("ssh does not name the file that has the other key")?;
    let file = place.rsplit_once(':').map_or(place, |(file, _)| file);
    remove(&key.name, Path::new(file))?;
    // Asked again: the same key is to be shown, and no other one is to be on record any more.
    match ssh.host_key(&key.host, job).await {
        Ok(Shown::Other(again)) if again.key != key.key => {
            Err(format!("it now shows another key, {}: nothing is recorded", again.fingerprint))
        }
        Ok(Shown::Other(again)) if again.problem == KeyProblem::Unknown => trust(&again).await,
        Ok(Shown::Other(again)) => {
            let place = again.on_record.unwrap_or_else(|| "a place that ssh does not name".to_owned());
            Err(format!("another key of it is on record at {place} too, and stays there"))
        }
        Ok(Shown::Known) => Ok(PathBuf::from(file)),
        Err(failure) => Err(failure.to_string()),
    }
}

/// Takes a name out of a file of host keys; ssh-keygen keeps the file as it was beside it, as `.old`.
fn remove(name: &str, file: &Path) -> Result<(), String> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-R", name, "-f"]).arg(file).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("cannot run ssh-keygen: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("cannot remove the other key from {}: {}", file.display(), said.trim().replace('\n', "; ")))
}

/// Keys that are not on record, and what is wrong.
fn show(found: &[Found], replace: bool, style: Style, to: &mut impl Write) -> io::Result<()> {
    let keys = || {
        found.iter().filter_map(|found| match &found.key {
            Key::Shown(key) => Some(key),
            _ => None,
        })
    };
    let of = |what: KeyProblem| keys().filter(move |key| key.problem == what);
    let columns = keys().map(|key| key.name.len()).max().unwrap_or(0);
    let line = |to: &mut dyn Write, key: &HostKey| {
        writeln!(to, "  {:columns$}  {}  {}", visible(&key.name), visible(&key.kind), key.fingerprint)
    };
    if of(KeyProblem::Unknown).next().is_some() {
        writeln!(to, "{}", style.bold("not on record:"))?;
        of(KeyProblem::Unknown).try_for_each(|key| line(to, key))?;
    }
    for (what, head) in [
        (KeyProblem::Changed, "NOT THE KEY THAT IS ON RECORD; somebody may be in between:"),
        (KeyProblem::Revoked, "ON RECORD AS REVOKED:"),
    ] {
        if of(what).next().is_some() {
            writeln!(to, "{}", style.red(head))?;
        }
        for key in of(what) {
            line(to, key)?;
            let place = key.on_record.as_deref().unwrap_or("a place that ssh does not name");
            let is_left = if what == KeyProblem::Changed && replace { ", to be replaced" } else { "" };
            writeln!(to, "  {:columns$}  the other one is at {}{is_left}", "", visible(place))?;
        }
    }
    to.flush()
}

/// What became of all this.
fn end(found: &[Found], replace: bool, style: Style, to: &mut impl Write) -> io::Result<()> {
    for found in found {
        if let Key::Failed(_, problem) = &found.key {
            writeln!(to, "{} {}: {}", style.red("error:"), visible(&found.asked.host), visible(problem))?;
        }
    }
    let count = |is: fn(&Key) -> bool| found.iter().filter(|found| is(&found.key)).count();
    let n_recorded = count(|key| matches!(key, Key::Recorded(..)));
    let n_known = count(|key| matches!(key, Key::Known));
    let mut files: Vec<String> = found
        .iter()
        .filter_map(|found| match &found.key {
            Key::Recorded(_, file) => Some(file.display().to_string()),
            _ => None,
        })
        .collect();
    files.sort_unstable();
    files.dedup();
    if n_recorded > 0 {
        writeln!(to, "recorded {} in {}", plural(n_recorded, "key"), visible(&files.join(", ")))?;
    }
    if n_known > 0 {
        writeln!(to, "{} on record already", plural(n_known, "key"))?;
    }
    let left = |is: fn(KeyProblem) -> bool| {
        let mut hosts: Vec<&str> = found
            .iter()
            .filter(|found| matches!(&found.key, Key::Shown(key) if is(key.problem)))
            .map(|found| found.asked.host.as_str())
            .collect();
        hosts.sort_by(|a, b| natural_cmp(a, b));
        fold(hosts).join(",")
    };
    let unknown = left(|problem| problem == KeyProblem::Unknown);
    if !unknown.is_empty() {
        writeln!(to, "not recorded: {}; answer `y` on a terminal, or give --yes", visible(&unknown))?;
    }
    let changed = left(|problem| problem == KeyProblem::Changed);
    if !changed.is_empty() {
        let why = if replace {
            ""
        } else {
            "; if you know why they changed, give --replace and name them with --targets"
        };
        writeln!(to, "{} {}{why}", style.red("not replaced:"), visible(&changed))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jump_hosts_are_reached_through_those_before_them() {
        let app_free = |jump: &[&str]| {
            let mut job: Job = crate::schedule::testing::plan().job;
            job.user = Some("jo".to_owned());
            job.ssh.port = Some(2222);
            job.ssh.jump = jump.iter().map(|&jump| jump.to_owned()).collect();
            jumps(&job)
        };
        let asked = app_free(&["ann@gate:2022", "inner"]);
        let told: Vec<_> = asked
            .iter()
            .map(|Asked { host, job }| (host.as_str(), job.user.as_deref(), job.ssh.port, job.ssh.jump.len()))
            .collect();
        assert_eq!(told, [("gate", Some("ann"), Some(2022), 0), ("inner", None, None, 1)]);
    }
}
