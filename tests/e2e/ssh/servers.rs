//! Servers that misbehave on purpose, and that each does.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::{Site, can, until};
use crate::pogo::root;

/// A running `tests/servers/misbehave.py`.
pub(super) struct Server {
    child: Child,
    /// It ends when this is closed.
    stdin: Option<ChildStdin>,
    port: u16,
    said: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts it, and leads the hosts `odd*` of the site to it; none if there is no Python for it.
    pub(super) fn start(site: &Site, options: &[&str]) -> Option<Self> {
        // The Python of `tests/run`, or the machine's own.
        let named = std::env::var("POGO_TEST_PYTHON").ok();
        let server =
            named.into_iter().chain(["python3".to_owned()]).find_map(|it| Self::by(&it, site, options));
        if can(server.is_some(), "python3 with asyncssh") { server } else { None }
    }

    /// With this Python, if it has `asyncssh`.
    fn by(python: &str, site: &Site, options: &[&str]) -> Option<Self> {
        let mut child = Command::new(python)
            .arg(root().join("tests/servers/misbehave.py"))
            .arg("--host-key")
            .arg(site.file("host_key"))
            .arg("--home")
            .arg(site.farm.home())
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(site.file("server.log")).unwrap())
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let Ok(first) = serde_json::from_str::<serde_json::Value>(&first) else {
            let log = site.read("server.log");
            assert!(log.contains("No module named 'asyncssh'"), "{log}");
            child.wait().unwrap();
            return None;
        };
        let port = u16::try_from(first["listening"].as_u64().unwrap()).unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                to.lock().unwrap().push(line);
            }
        });
        site.configure(&format!("Host odd*\n  HostName 127.0.0.1\n  Port {port}\n"));
        let stdin = child.stdin.take();
        Some(Self { child, stdin, port, said })
    }

    /// How often it has said what contains this.
    pub(super) fn said(&self, text: &str) -> usize {
        self.said.lock().unwrap().iter().filter(|line| line.contains(text)).count()
    }

    /// Waits until it has misbehaved so.
    pub(super) fn has_misbehaved(&self, how: &str) {
        let text = format!(r#""misbehaved": "{how}""#);
        until(&format!("the server to say {text}"), || self.said(&text) > 0);
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _reaped = self.child.wait();
    }
}

/// What the plain client makes of it: its status and what it says on both streams.
fn plainly(site: &Site, command: &str) -> (i32, String) {
    let output = Command::new("ssh")
        .arg("-F")
        .arg(site.farm.ssh_config())
        .args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=2", "-o", "ServerAliveInterval=1"])
        .args(["-o", "ServerAliveCountMax=2", "odd1", command])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code().unwrap(), said.concat())
}

#[test]
fn each_misbehaves_as_it_says() {
    let all: &[(&str, &[&str], i32, &str)] = &[
        ("", &[], 3, "hi"),
        ("refuse", &["--refuse", "1"], 255, "kex_exchange_identification"),
        // Closed, or reset if something of the client's was under way.
        ("kex-close", &["--kex-close", "1"], 255, "Connection "),
        ("silent", &["--silent"], 255, "timed out"),
        ("garbage", &["--garbage"], 255, "kex_exchange_identification"),
        ("preface", &["--preface", "1000000"], 255, "No SSH version"),
        ("banner", &["--banner", "1000000"], 3, "hi"),
        ("deny", &["--deny"], 255, "Permission denied"),
        ("exit", &["--exit", "255"], 255, ""),
        ("exit", &["--exit", "127"], 127, ""),
        ("signal", &["--signal", "KILL"], 255, ""),
        ("no-status", &["--no-status"], 255, ""),
        ("sessions", &["--sessions", "0"], 255, "Session refused"),
        ("noise", &["--noise", "a noisy shell\n"], 3, "a noisy shell\nhi\na noisy shell\n"),
        ("drop-before", &["--drop-before", "hi"], 255, "closed by remote host"),
        ("drop-after", &["--drop-after", "hi"], 255, "hi\n"),
        ("freeze-after", &["--freeze-after", "hi"], 255, "not responding"),
        ("", &["--delay", "0.05"], 3, "hi"),
    ];
    for (how, options, status, says) in all {
        let site = Site::new();
        let Some(server) = Server::start(&site, options) else { return };
        let (code, said) = plainly(&site, "echo hi; read nothing; exit 3");
        assert_eq!(code, *status, "{options:?}: {said} {}", site.read("server.log"));
        assert!(said.contains(says), "{options:?}: {said}");
        if !how.is_empty() {
            server.has_misbehaved(how);
        }
    }
}

#[test]
fn one_behaves_again_when_it_was_told_to() {
    let site = Site::new();
    let Some(server) = Server::start(&site, &["--refuse", "1", "--times", "2"]) else { return };
    let codes = [(); 3].map(|()| plainly(&site, "exit 4").0);
    assert_eq!(codes, [255, 255, 4]);
    assert_eq!(server.said("connected"), 3);
    assert_ne!(server.port(), 0);
}

#[test]
fn a_lost_connection_does_not_end_the_command() {
    let site = Site::new();
    let Some(_server) = Server::start(&site, &["--drop-after", "hi"]) else { return };
    let gate = site.gate("gate");
    let (code, _) =
        plainly(&site, &format!("echo hi; read go < {gate}; echo end > {}", site.file("log").display()));
    assert_eq!(code, 255);
    site.open_gate("gate");
    until("the command to end", || site.log() == ["end"]);
}
