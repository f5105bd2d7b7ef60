//! A key that only the ssh agent has, and an agent that is locked in the middle of a run.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::refusals::said;
use super::{Site, until};

/// An agent of the site's own, with the only copy of the user's key.
struct Agent {
    child: Child,
    socket: PathBuf,
    askpass: PathBuf,
}

impl Agent {
    fn start(site: &Site) -> Self {
        let (socket, askpass) = (site.file("agent"), site.file("askpass"));
        fs::write(&askpass, "#!/bin/sh\necho passphrase of the lock\n").unwrap();
        fs::set_permissions(&askpass, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let child =
            Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        let agent = Self { child, socket, askpass };
        until("the agent to listen", || UnixStream::connect(&agent.socket).is_ok());
        let key = site.file("user_key");
        agent.add(&["-q", key.to_str().unwrap()]);
        // Its public half stays, which tells ssh what to ask the agent for.
        fs::remove_file(key).unwrap();
        agent
    }

    fn add(&self, args: &[&str]) {
        let mut command = Command::new("ssh-add");
        command.args(args).env("SSH_AUTH_SOCK", &self.socket).stdin(Stdio::null()).stderr(Stdio::null());
        command.env("SSH_ASKPASS", &self.askpass).env("SSH_ASKPASS_REQUIRE", "force").stdout(Stdio::null());
        assert!(command.status().unwrap().success(), "ssh-add {args:?}");
    }

    fn env(&self) -> [(&'static str, &OsStr); 1] {
        [("SSH_AUTH_SOCK", self.socket.as_os_str())]
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn an_agent_that_is_locked_in_the_middle_of_a_run_is_named() {
    let site = Site::new();
    let agent = Agent::start(&site);
    let gate = site.gate("gate");
    site.spec_with(
        "tag: {all: ['pogo-[1-2]']}\nsequence: {line: [pogo-1, pogo-2]}",
        &format!("case $POGO_HOST in *1) echo up; read go < {gate};; esac"),
        "",
    );
    let mut run = site.start_as(&[], &["--output-dir", "out"], &agent.env());
    run.wait_for("output", &[("host", "pogo-1")]);
    agent.add(&["-x"]);
    site.open_gate("gate");
    let (code, events, stderr) = run.end();
    assert_eq!(code, Some(1), "{events} {stderr}");
    // What is connected goes on; who comes later cannot log in, and nothing of its command runs.
    assert_eq!(site.log(), ["start pogo-1 1", "end pogo-1 1"]);
    assert!(events.contains(r#""host":"pogo-2","state":"unreachable""#), "{events}");
    let words = said(&site, "pogo-2");
    assert!(words.contains("denied") && words.contains("agent") && words.contains("locked"), "{words}");
    site.is_clean();

    agent.add(&["-X"]);
    let mut retry = site.command(&["retry", "last", "--quiet"]);
    let output = retry.envs(agent.env()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(site.log()[2..], ["start pogo-2 2", "end pogo-2 2"]);
}
