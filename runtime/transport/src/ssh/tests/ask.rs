//! Passwords and passphrases.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use pogo_test_sshd::{Farm, command_line, environment, processes_with};

use super::support::Client;
use crate::Secret;
use crate::ssh::failure::Kind;
use crate::ssh::{Askpass, SshOptions};
use crate::stop;

/// The example of that name, which cargo builds with the tests.
fn program() -> PathBuf {
    let path = std::env::current_exe().unwrap();
    let path = path.parent().unwrap().parent().unwrap().join("examples/askpass");
    assert!(path.exists(), "{} is not built: run the tests of the whole package", path.display());
    path
}

fn client(password: Option<&str>, passphrase: Option<&str>) -> Client {
    let (password, passphrase) = (password.map(Secret::from), passphrase.map(Secret::from));
    let askpass = Some(Askpass { program: program(), password, passphrase });
    Client::with(SshOptions { askpass, ..SshOptions::new() })
}

#[tokio::test]
async fn a_key_is_opened_with_its_passphrase() {
    let farm = Farm::new();
    std::fs::remove_file(farm.path("user_key")).unwrap();
    farm.key("user_key", "open sesame");
    std::fs::copy(farm.path("user_key.pub"), farm.path("authorized_keys")).unwrap();
    for (passphrase, opens) in [(Some("open sesame"), true), (Some("wrong"), false), (None, false)] {
        let client = client(None, passphrase);
        let class = client.class(&farm, |_| {});
        let (_owner, mut stop) = stop();
        let connected = client.shared().connect("pogo-a", &class, Some(&mut stop)).await;
        assert_eq!(connected.is_ok(), opens, "{connected:?}");
        if let Ok(master) = connected {
            for pid in processes_with(master.socket().to_str().unwrap()) {
                assert!(!command_line(pid).contains("sesame") && !environment(pid).contains("sesame"));
            }
            master.end().await;
        }
    }
}

/// A server that takes one password, and asks for it in its own words if it is given some.
struct Scripted {
    server: Child,
    port: u16,
}

const SERVER: &str = r#"
import asyncio, asyncssh, sys
key, words = sys.argv[1], sys.argv[2]
class Server(asyncssh.SSHServer):
    def begin_auth(self, user): return True
    def password_auth_supported(self): return not words
    def validate_password(self, user, password): return password == "hunter2"
    def kbdint_auth_supported(self): return bool(words)
    def get_kbdint_challenge(self, user, lang, methods): return ("", "", "", [(words, False)])
    def validate_kbdint_response(self, user, answers): return list(answers) == ["hunter2"]
async def main():
    server = await asyncssh.create_server(Server, "127.0.0.1", 0, server_host_keys=[key])
    print(server.get_port(), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"#;

impl Scripted {
    /// Nothing, said aloud, where the library is not installed.
    fn start(farm: &Farm, words: &str) -> Option<Self> {
        let mut command = Command::new("python3");
        command.args(["-c", SERVER]).arg(farm.path("host_key")).arg(words);
        let mut server = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().ok()?;
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        match line.trim().parse() {
            Ok(port) => Some(Self { server, port }),
            Err(_) => {
                eprintln!("SKIPPED: python's asyncssh is not installed");
                let _dead = server.wait();
                None
            }
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        let _gone = self.server.kill();
        let _reaped = self.server.wait();
    }
}

#[tokio::test]
async fn a_password_is_given_to_who_asks_for_it_and_nothing_else_is() {
    let farm = Farm::new();
    for (words, password, gets_in) in [
        ("", "hunter2", true),
        ("", "wrong", false),
        ("Password: ", "hunter2", true),
        ("One-time password: ", "hunter2", false),
    ] {
        let Some(server) = Scripted::start(&farm, words) else { return };
        let client = client(Some(password), None);
        let class = client.class(&farm, |settings| {
            settings.ssh.port = Some(server.port);
            settings.user = Some("jo".to_owned());
        });
        let (_owner, mut stop) = stop();
        let connected = client.shared().connect("127.0.0.1", &class, Some(&mut stop)).await;
        match connected {
            Ok(master) => {
                assert!(gets_in, "{words}");
                master.end().await;
            }
            Err(failure) => {
                assert!(!gets_in, "{words}: {failure}");
                assert!(matches!(failure.kind, Kind::Denied { .. }), "{failure}");
                assert!(!failure.to_string().contains(password), "{failure}");
            }
        }
    }
}
