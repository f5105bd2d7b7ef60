//! Why a host could not be reached: what ssh says, as something that can be told apart and acted upon.
//!
//! All of these come before a command could have started.

use std::fmt;

/// What kept a host from being reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The name has no address.
    NameNotFound,
    /// No way to the address.
    NoRoute,
    /// Nobody listens on the port.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The server hangs up before anybody has logged in: too many at once, or it does not want this client. Worth
    /// another try.
    Dropped,
    /// What answers does not speak ssh.
    NotSsh,
    /// Both sides have no algorithm in common.
    NoCommonAlgorithm,
    /// The host's key is not on record.
    KeyUnknown,
    /// The host's key is another than the one on record.
    KeyChanged,
    /// The host's key is on record as revoked.
    KeyRevoked,
    /// No key or password was accepted.
    Denied {
        /// What the server would have taken, as it says it.
        methods: Vec<String>,
    },
    /// The server hung up after too many keys that it did not know.
    TooManyKeys,
    /// The agent would not sign, as one that is locked.
    AgentRefused,
    /// A key file that ssh would not use: others may read it, or its passphrase was wrong.
    KeyFile,
    /// The configuration of ssh is wrong.
    Configuration,
    /// The jump host answers, and cannot reach the host.
    BehindJump,
    /// The connection is there, and the server gives no session.
    NoSession,
    /// There is no ssh program.
    NoProgram,
    /// The name could be taken for an option of ssh.
    BadName,
    /// The attempt was stopped before the host was reached.
    Stopped,
    /// Something else.
    Other,
}

/// A host that could not be reached, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The host.
    pub host: String,
    /// Why.
    pub kind: Kind,
    /// Whether it is the jump host (or the proxy command) that failed, and not the host itself.
    pub is_at_jump: bool,
    /// What ssh said, shortened.
    pub said: Vec<String>,
}

/// A host whose key ssh does not accept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostKeyProblem {
    /// The host of the attempt.
    pub host: String,
    /// The name under which ssh looks for the key: the host's, or that of a jump host; with a port in `[name]:port`.
    pub name: String,
    /// What is wrong.
    pub what: KeyProblem,
    /// Where the other key is on record: `path:line`.
    pub on_record: Option<String>,
}

/// What is wrong with a host's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyProblem {
    /// It is not on record.
    Unknown,
    /// Another one is on record.
    Changed,
    /// It is on record as revoked.
    Revoked,
}

/// The most lines of ssh's that are kept.
const LINES: usize = 4;

/// The most of a line that is kept, in characters.
const LINE: usize = 300;

impl Failure {
    /// One that ssh has said nothing about.
    pub(super) fn new(host: &str, kind: Kind) -> Self {
        Self { host: host.to_owned(), kind, is_at_jump: false, said: Vec::new() }
    }

    /// From what ssh wrote before it ended without a connection.
    pub(super) fn read(host: &str, stderr: &[u8]) -> Self {
        let text = String::from_utf8_lossy(stderr);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| says_something(line)).collect();
        let specific = lines.iter().filter_map(|line| Some((kind_of(line)?, *line)));
        let told = specific.min_by_key(|(kind, _)| rank(kind));
        // ssh has no address for what a proxy command connects it to.
        let is_through_proxy = text.contains("UNKNOWN port 65535");
        let (kind, said) = match told {
            Some((Kind::Dropped, line)) if is_through_proxy => {
                // What is not known was said by the proxy command.
                let words: Vec<&str> = lines.iter().copied().filter(|line| kind_of(line).is_none()).collect();
                if words.is_empty() { (Kind::Dropped, vec![line]) } else { (Kind::Other, words) }
            }
            // Without a proxy it is the session itself that is refused.
            Some((Kind::BehindJump, line)) if !is_through_proxy && !text.contains("stdio forwarding") => {
                (Kind::NoSession, vec![line])
            }
            Some((kind, line)) => (kind, vec![line]),
            None => (Kind::Other, lines),
        };
        let is_at_jump = is_through_proxy && !matches!(kind, Kind::BehindJump);
        let said = said.into_iter().rev().take(LINES).map(shorten).collect::<Vec<_>>();
        Self { host: host.to_owned(), kind, is_at_jump, said: said.into_iter().rev().collect() }
    }

    /// Whether another try may do better.
    #[must_use]
    pub fn is_worth_another_try(&self) -> bool {
        self.kind == Kind::Dropped
    }
}

impl HostKeyProblem {
    /// From what ssh wrote.
    pub(super) fn read(host: &str, stderr: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(stderr);
        let mut problem = None;
        let mut on_record = None;
        for line in text.lines().map(str::trim) {
            let what = match kind_of(line) {
                Some(Kind::KeyUnknown) => KeyProblem::Unknown,
                Some(Kind::KeyChanged) => KeyProblem::Changed,
                Some(Kind::KeyRevoked) => KeyProblem::Revoked,
                _ => {
                    if let Some((_, place)) =
                        line.strip_prefix("Offending ").and_then(|rest| rest.split_once(" in "))
                    {
                        on_record = Some(place.to_owned());
                    }
                    continue;
                }
            };
            let name = ["host key is known for ", "ost key for "]
                .iter()
                .find_map(|before| line.split_once(before)?.1.split_whitespace().next());
            if problem.is_none() || name.is_some() {
                problem = Some((what, name.unwrap_or(host).to_owned()));
            }
        }
        let (what, name) = problem?;
        Some(Self { host: host.to_owned(), name, what, on_record })
    }
}

/// Empty lines and frames of `@` say nothing.
fn says_something(line: &str) -> bool {
    line.chars().any(char::is_alphanumeric)
}

fn kind_of(line: &str) -> Option<Kind> {
    let lower = line.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let kind = if has(&["could not resolve hostname", "name or service not known"]) {
        Kind::NameNotFound
    } else if has(&["open failed: ", "stdio forwarding failed", "administratively prohibited"]) {
        Kind::BehindJump
    } else if has(&["request failed on channel"]) {
        Kind::NoSession
    } else if has(&["remote host identification has changed", "has changed and you have requested strict"]) {
        Kind::KeyChanged
    } else if has(&["revoked host key", "is marked as revoked", "was revoked by"]) {
        Kind::KeyRevoked
    } else if has(&["host key is known for", "host key verification failed"]) {
        Kind::KeyUnknown
    } else if has(&["no matching "]) && has(&[" found. their offer"]) {
        Kind::NoCommonAlgorithm
    } else if has(&["too many authentication failures"]) {
        Kind::TooManyKeys
    } else if has(&["agent refused operation", "agent: communication with agent failed"]) {
        Kind::AgentRefused
    } else if has(&["unprotected private key file", "incorrect passphrase", "bad permissions"]) {
        Kind::KeyFile
    } else if let Some((_, methods)) = lower.split_once("permission denied (") {
        let methods = methods.split(')').next().unwrap_or_default();
        Kind::Denied { methods: methods.split(',').map(str::to_owned).collect() }
    } else if has(&[
        "bad configuration option",
        "bad owner or permissions",
        "bad configuration options",
        "configuration file",
    ]) || (has(&[" line "])
        && has(&[": bad ", "missing argument", "unsupported option", "extra arguments", "garbage"]))
        || has(&["command-line line "])
    {
        Kind::Configuration
    } else if has(&[
        "banner line contains invalid",
        "banner line too long",
        "no ssh identification string",
        "no ssh version received in first",
        "invalid format",
        "protocol major versions differ",
        "bad packet length",
        "bad remote protocol version",
    ]) {
        Kind::NotSsh
    } else if has(&["timed out"]) {
        Kind::TimedOut
    } else if has(&["connection refused"]) && has(&["connect to host"]) {
        Kind::Refused
    } else if has(&["no route to host", "network is unreachable", "host is unreachable", "host is down"])
        || (has(&["connect to host"]) && has(&["permission denied", "cannot assign", "invalid argument"]))
    {
        Kind::NoRoute
    } else if has(&[
        "kex_exchange_identification",
        "connection closed by",
        "connection reset by",
        "not allowed at this time",
        "exceeded maxstartups",
    ]) || (has(&["ssh_dispatch_run_fatal"]) && has(&["broken pipe", "reset"]))
    {
        Kind::Dropped
    } else {
        return None;
    };
    Some(kind)
}

/// Of several things that ssh says the one with the lowest number is the reason, and the others follow from it.
fn rank(kind: &Kind) -> u8 {
    match kind {
        Kind::Configuration => 0,
        Kind::KeyRevoked | Kind::KeyChanged => 1,
        Kind::BehindJump | Kind::NoSession => 2,
        Kind::KeyUnknown | Kind::NameNotFound | Kind::NoRoute | Kind::Refused => 3,
        Kind::NotSsh | Kind::NoCommonAlgorithm | Kind::TooManyKeys => 4,
        Kind::KeyFile | Kind::AgentRefused => 5,
        Kind::Denied { .. } | Kind::TimedOut => 6,
        _ => 9,
    }
}

fn shorten(line: &str) -> String {
    // Whatever the server wrote is shown to a person: nothing that a terminal would obey.
    line.chars().filter(|c| !c.is_control()).take(LINE).collect()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_at_jump {
            write!(f, "cannot reach {} through its jump host: ", self.host)?;
        } else {
            write!(f, "cannot reach {}: ", self.host)?;
        }
        match &self.kind {
            Kind::NameNotFound => f.write_str("the name has no address; correct the name, or give it a `HostName` in the ssh configuration"),
            Kind::NoRoute => f.write_str("there is no route to its address; look at the network and its firewalls"),
            Kind::Refused => f.write_str("nobody listens on its ssh port; start sshd there, or set `job.ssh.port`"),
            Kind::TimedOut => f.write_str("no answer in time; it is down, a firewall drops packets, or `connect_timeout` is too short"),
            Kind::Dropped => f.write_str("the server hung up before login; it has too many connections at once (MaxStartups of sshd, or `--max-connecting`), or refuses this address"),
            Kind::NotSsh => f.write_str("what answers on that port does not speak ssh; check the port and what runs there"),
            Kind::NoCommonAlgorithm => f.write_str("it offers no algorithm that this ssh accepts; set what it needs in the ssh configuration or in `job.ssh.options`"),
            Kind::KeyUnknown => f.write_str("its host key is not on record; after comparing fingerprints, record it with `pogo trust`"),
            Kind::KeyChanged => f.write_str("its host key is not the one on record: it was reinstalled, or somebody is in between; if you know why, remove the old key with `ssh-keygen -R` and record the new one with `pogo trust`"),
            Kind::KeyRevoked => f.write_str("its host key is on record as revoked"),
            Kind::Denied { methods } => write!(
                f,
                "login denied; the server takes {}, and nothing of that was accepted: check `job.user` and the keys in your agent (`ssh-add -l`; one that is locked shows none), or use --password",
                methods.join(", ")
            ),
            Kind::TooManyKeys => f.write_str("the server hung up after too many wrong keys; set `job.ssh.identity` and `IdentitiesOnly yes`"),
            Kind::AgentRefused => f.write_str("the ssh agent would not sign; unlock it, or confirm the use of the key"),
            Kind::KeyFile => f.write_str("the key file cannot be used; close it to others (chmod 600), or give the right passphrase with --ask-key-passphrase"),
            Kind::Configuration => f.write_str("the ssh configuration is wrong"),
            Kind::BehindJump => f.write_str("its jump host answers and cannot reach it; look at the network between them, and at AllowTcpForwarding of the jump host"),
            Kind::NoSession => f.write_str("the server gives no session (MaxSessions of sshd)"),
            Kind::NoProgram => f.write_str("there is no `ssh` program; install the OpenSSH client"),
            Kind::BadName => f.write_str("the name begins with `-` and would be taken for an option"),
            Kind::Stopped => f.write_str("stopped before it was reached"),
            Kind::Other => f.write_str("ssh ended without a connection"),
        }?;
        if !self.said.is_empty() {
            write!(f, " (ssh: {})", self.said.join("; "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Failure {
        Failure::read("web1", text.as_bytes())
    }

    #[test]
    fn what_ssh_says_is_told_apart() {
        let cases = [
            ("ssh: Could not resolve hostname web1: Name or service not known", Kind::NameNotFound),
            ("ssh: connect to host web1 port 22: Connection refused", Kind::Refused),
            ("ssh: connect to host web1 port 22: No route to host", Kind::NoRoute),
            ("ssh: connect to host web1 port 22: Connection timed out", Kind::TimedOut),
            (
                "Connection timed out during banner exchange\nConnection to 10.0.0.1 port 22 timed out",
                Kind::TimedOut,
            ),
            (
                "kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.1 port 22",
                Kind::Dropped,
            ),
            (
                "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 10.0.0.1 port 22",
                Kind::Dropped,
            ),
            (
                "kex_exchange_identification: banner line contains invalid characters\nbanner exchange: Connection to 10.0.0.1 port 80: invalid format",
                Kind::NotSsh,
            ),
            (
                "Unable to negotiate with 10.0.0.1 port 22: no matching key exchange method found. Their offer: diffie-hellman-group1-sha1",
                Kind::NoCommonAlgorithm,
            ),
            (
                "No ED25519 host key is known for web1 and you have requested strict checking.\nHost key verification failed.",
                Kind::KeyUnknown,
            ),
            (
                "root@web1: Permission denied (publickey,password).",
                Kind::Denied { methods: vec!["publickey".into(), "password".into()] },
            ),
            (
                "sign_and_send_pubkey: signing failed for ED25519 \"x\" from agent: agent refused operation\nroot@web1: Permission denied (publickey).",
                Kind::AgentRefused,
            ),
            (
                "Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures\nDisconnected from 10.0.0.1 port 22",
                Kind::TooManyKeys,
            ),
            (
                "/x/config: line 3: Bad configuration option: foo\n/x/config: terminating, 1 bad configuration options",
                Kind::Configuration,
            ),
            (
                "channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\nkex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535",
                Kind::BehindJump,
            ),
            ("channel 0: open failed: administratively prohibited: open failed", Kind::NoSession),
            ("exec request failed on channel 0", Kind::NoSession),
            ("something new", Kind::Other),
        ];
        for (text, kind) in cases {
            let failure = read(text);
            assert_eq!(failure.kind, kind, "{text}");
            assert!(!failure.is_at_jump, "{text}");
            assert!(!failure.said.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_jump_host_that_fails_is_told_from_the_host() {
        let end = "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535";
        let failure = read(&format!("jo@bastion: Permission denied (publickey).\r\n{end}"));
        assert!(failure.is_at_jump);
        assert_eq!(failure.kind, Kind::Denied { methods: vec!["publickey".into()] });
        let failure = read(&format!("sh: 1: nc: not found\n{end}"));
        assert!(failure.is_at_jump);
        assert_eq!((failure.kind, failure.said), (Kind::Other, vec!["sh: 1: nc: not found".to_owned()]));
        assert!(read(end).is_worth_another_try());
    }

    #[test]
    fn a_changed_key_says_where_the_old_one_is() {
        let text = "@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@\n\
            Offending ED25519 key in /home/jo/.ssh/known_hosts:3\n\
            Host key for [web1]:2222 has changed and you have requested strict checking.\nHost key verification failed.";
        let problem = HostKeyProblem::read("web1", text.as_bytes()).unwrap();
        assert_eq!(problem.what, KeyProblem::Changed);
        assert_eq!(problem.name, "[web1]:2222");
        assert_eq!(problem.on_record.as_deref(), Some("/home/jo/.ssh/known_hosts:3"));
        assert_eq!(read(text).kind, Kind::KeyChanged);
        assert_eq!(HostKeyProblem::read("web1", b"Connection refused"), None);
    }

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        assert_eq!(read("\u{1b}[2Jboo\u{7}").said, ["[2Jboo"]);
    }
}
