//! Real OpenSSH servers for tests: own keys, own configuration, own folder, nothing of the machine's.
//!
//! A [`Farm`] gives any number of host names without ports or privileges: its client configuration reaches every host that
//! begins with `pogo-` through a `ProxyCommand` that is a server of its own (`sshd -i`) on a pipe. [`Farm::listen`] starts a
//! server on a loopback port, for what needs a real one.
//!
//! Everything lies in a temporary folder, which also is the home of what runs "on the host". Dropping a farm removes it.

#![expect(clippy::missing_panics_doc, reason = "a test that cannot set up its servers has failed")]
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot set up its servers has failed")]

mod listening;
mod watch;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub use listening::Listening;
pub use watch::{ancestor, children, command_line, environment, kill, processes_with, until};

/// The server program.
pub const SSHD: &str = "/usr/sbin/sshd";

/// A folder with keys and configurations.
#[derive(Debug)]
pub struct Farm {
    folder: TempDir,
}

impl Default for Farm {
    fn default() -> Self {
        Self::new()
    }
}

impl Farm {
    /// With the server's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::with("")
    }

    /// With further lines for the server's configuration; they win over the usual ones.
    #[must_use]
    pub fn with(server: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("pogo-farm-").tempdir().expect("a temporary folder");
        // sshd walks through it as another user.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a folder of ours");
        let farm = Self { folder };
        if nix::unistd::Uid::effective().is_root() {
            // A server that runs as root locks itself in there, and the system's start makes it only for its own.
            fs::create_dir_all("/run/sshd").expect("root may");
        }
        for key in ["host_key", "user_key"] {
            farm.key(key, "");
        }
        fs::copy(farm.path("user_key.pub"), farm.path("authorized_keys")).expect("a copy of a key");
        fs::create_dir(farm.path("home")).expect("a folder");
        farm.write("sshd_config", &farm.server_config(server));
        farm.write("known_hosts", &format!("* {}\n", farm.host_key()));
        farm.write("ssh_config", &farm.client_config(""));
        farm
    }

    /// A path inside the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What is `$HOME` on every host.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// The client's configuration: reaches every host named `pogo-…`.
    #[must_use]
    pub fn ssh_config(&self) -> PathBuf {
        self.path("ssh_config")
    }

    /// Further lines for the client's configuration; they win over the usual ones.
    pub fn configure(&self, client: &str) {
        self.write("ssh_config", &self.client_config(client));
    }

    /// The public host key: type and key.
    #[must_use]
    pub fn host_key(&self) -> String {
        let text = fs::read_to_string(self.path("host_key.pub")).expect("a public key");
        text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a folder to write to");
    }

    /// Makes a key pair in the folder.
    pub fn key(&self, name: &str, passphrase: &str) {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-C", "test", "-N", passphrase, "-f"])
            .arg(self.path(name))
            .stdin(Stdio::null())
            .status();
        assert!(made.expect("ssh-keygen is installed").success(), "ssh-keygen failed");
    }

    /// Starts a server on a loopback port. Further lines for its configuration win over the usual ones.
    #[must_use]
    pub fn listen(&self, server: &str) -> Listening {
        Listening::start(self, server)
    }

    fn server_config(&self, first: &str) -> String {
        let mut text = String::from(first);
        for (key, file) in [("HostKey", "host_key"), ("AuthorizedKeysFile", "authorized_keys")] {
            writeln!(text, "\n{key} {}", self.path(file).display()).expect("a string takes everything");
        }
        writeln!(text, "SetEnv HOME={}", self.home().display()).expect("a string takes everything");
        text.push_str(
            "StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nPrintMotd no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel VERBOSE\n",
        );
        text
    }

    fn client_config(&self, first: &str) -> String {
        let at = |name| self.path(name).display().to_string();
        format!(
            "{first}\nHost pogo-*\n  ProxyCommand {SSHD} -i -f {} -E {}\n\
             Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n",
            at("sshd_config"),
            at("sshd.log"),
            at("user_key"),
            at("known_hosts"),
        )
    }
}

impl AsRef<Path> for Farm {
    fn as_ref(&self) -> &Path {
        self.folder.path()
    }
}
