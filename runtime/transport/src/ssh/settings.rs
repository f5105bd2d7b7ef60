//! How the hosts of a job are reached, as a configuration file and arguments for ssh.
//!
//! What holds for jump hosts too is in the file, which ssh hands on to the ssh that it starts for a jump host: how strict
//! it is, how long it waits, that it asks nobody. What holds for the target alone (user, port, key, options) is in the
//! arguments, which it does not hand on. The user's configuration is included by the file, after the settings that win
//! over it and before those that it may change.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pogo_plan::Job;
use pogo_plan::job::{KnownHosts, Ssh as Plan};

/// Seconds without a sign of life from the host before it is asked for one; after three the connection counts as lost.
const ALIVE: u32 = 15;

/// Options that are not for the user to set: each would break how pogo uses ssh, or has a setting of its own.
const RESERVED: &[(&str, &str)] = &[
    ("batchmode", "pogo decides it by whether there is a password"),
    ("controlmaster", "pogo shares connections by itself"),
    ("controlpath", "pogo shares connections by itself"),
    ("controlpersist", "pogo shares connections by itself"),
    ("connecttimeout", "use `connect_timeout`"),
    ("forkafterauthentication", "pogo starts and ends ssh by itself"),
    ("host", "it is not an option"),
    ("include", "use `job.ssh.config`"),
    ("loglevel", "pogo reads what ssh says"),
    ("match", "it is not an option"),
    ("port", "use `job.ssh.port`"),
    ("proxyjump", "use `job.ssh.jump`"),
    ("remotecommand", "use `job.command`"),
    ("requesttty", "a command has no terminal"),
    ("sessiontype", "pogo opens sessions by itself"),
    ("stdinnull", "a command has no input"),
    ("stricthostkeychecking", "use `job.ssh.known_hosts`"),
    ("user", "use `job.user`"),
];

/// Why an option cannot be set in `job.ssh.options`.
pub(super) fn refusal(option: &str) -> Option<&'static str> {
    let lower = option.to_ascii_lowercase();
    if option.is_empty() || !option.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Some("it is not the name of an option of ssh");
    }
    RESERVED.iter().find(|(name, _)| *name == lower).map(|(_, why)| *why)
}

/// What of a job decides how its hosts are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) ssh: Plan,
    pub(super) user: Option<String>,
    pub(super) connect_timeout: Duration,
    /// Whether there is somebody who answers what ssh asks.
    pub(super) may_ask: bool,
}

impl Settings {
    pub(super) fn new(job: &Job, may_ask: bool) -> Self {
        Self {
            ssh: job.ssh.clone(),
            user: job.user.clone(),
            connect_timeout: Duration::from_millis(job.connect_timeout_ms),
            may_ask,
        }
    }

    /// The configuration files that the user's settings come from.
    pub(super) fn included(&self) -> Vec<PathBuf> {
        match &self.ssh.config {
            Some(path) => vec![absolute(Path::new(path))],
            None => {
                let home = std::env::var_os("HOME").map(PathBuf::from);
                let user = home.map(|home| home.join(".ssh/config"));
                user.into_iter().chain([PathBuf::from("/etc/ssh/ssh_config")]).collect()
            }
        }
    }

    /// The text of the configuration file.
    pub(super) fn file(&self) -> String {
        let seconds = self.connect_timeout.as_millis().div_ceil(1000).max(1);
        let batch = if self.may_ask { "no" } else { "yes" };
        let mut text = format!(
            "# Written by pogo for one run. What stands here holds for jump hosts too.\n\
             BatchMode {batch}\n\
             NumberOfPasswordPrompts 1\n\
             ConnectTimeout {seconds}\n\
             LogLevel INFO\n\
             UpdateHostKeys no\n\
             RemoteCommand none\n\
             RequestTTY no\n"
        );
        text.push_str(match self.ssh.known_hosts {
            KnownHosts::Strict => "StrictHostKeyChecking yes\n",
            KnownHosts::AcceptNew => "StrictHostKeyChecking accept-new\n",
            KnownHosts::Ignore => {
                "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nGlobalKnownHostsFile /dev/null\n"
            }
        });
        for path in self.included() {
            text.push_str(&format!("Include \"{}\"\n", escape_glob(&path)));
        }
        // A command's environment is the job's and nobody else's, so none of this process's goes along.
        text.push_str(&format!(
            "Host *\n  ServerAliveInterval {ALIVE}\n  ServerAliveCountMax 3\n  SendEnv -*\n"
        ));
        text
    }

    /// The arguments that hold for the target alone, without the control socket and the host.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut option = |text: String| arguments.extend(["-o".into(), text.into()]);
        option("ClearAllForwardings=yes".to_owned());
        if let Some(port) = self.ssh.port {
            option(format!("Port={port}"));
        }
        if !self.ssh.jump.is_empty() {
            option(format!("ProxyJump={}", self.ssh.jump.join(",")));
        }
        for (name, value) in &self.ssh.options {
            option(format!("{name}={value}"));
        }
        if let Some(user) = &self.user {
            arguments.extend(["-l".into(), user.into()]);
        }
        if let Some(identity) = &self.ssh.identity {
            arguments.extend(["-i".into(), identity.into()]);
        }
        arguments
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// `Include` takes patterns.
fn escape_glob(path: &Path) -> String {
    let mut text = String::new();
    for c in path.to_string_lossy().chars() {
        if matches!(c, '*' | '?' | '[') {
            text.push('[');
            text.push(c);
            text.push(']');
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(ssh: Plan) -> Settings {
        Settings {
            ssh,
            user: Some("jo".to_owned()),
            connect_timeout: Duration::from_millis(1500),
            may_ask: false,
        }
    }

    #[test]
    fn what_wins_comes_before_the_user_s_settings_and_defaults_after() {
        let text = settings(Plan { config: Some("/a/b [x]".to_owned()), ..Plan::default() }).file();
        let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}: {text}"));
        let include = at("Include \"/a/b [[]x]\"\n");
        assert!(at("StrictHostKeyChecking yes") < include && at("ConnectTimeout 2\n") < include);
        assert!(include < at("ServerAliveInterval"));
        assert!(!text.contains("jo"), "the user is for the target alone: {text}");
    }

    #[test]
    fn user_port_and_options_are_for_the_target_alone() {
        let options = [("Compression".to_owned(), "yes".to_owned())].into();
        let plan = Plan { port: Some(2222), jump: vec!["a".into(), "b".into()], options, ..Plan::default() };
        let arguments = settings(plan).arguments();
        for argument in ["Port=2222", "ProxyJump=a,b", "Compression=yes", "jo"] {
            assert!(arguments.iter().any(|has| has == argument), "{argument}");
        }
    }

    #[test]
    fn options_that_would_break_it_are_refused() {
        assert!(refusal("ControlPath").is_some() && refusal("USER").is_some());
        assert!(refusal("Foo=bar\nx").is_some() && refusal("").is_some());
        assert_eq!(refusal("Compression"), None);
    }
}
