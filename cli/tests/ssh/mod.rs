//! Over ssh, against real servers.

mod accounts;
mod keys;
mod passwords;
mod probe;
mod verbs;

use std::path::Path;
use std::process::Command;

use pogo_test_sshd::Farm;

use crate::{Home, Ran};

/// The program's home, and servers that it reaches.
struct Site {
    home: Home,
    farm: Farm,
}

impl Site {
    fn new() -> Self {
        Self::of(Farm::new())
    }

    fn of(farm: Farm) -> Self {
        let site = Self { home: Home::new(), farm };
        std::fs::create_dir(site.runtime()).unwrap();
        site.write("a.cfg", "tag: {all: [pogo-a, pogo-b]}\nsequence: [pogo-b, pogo-a]\n");
        site
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.home.path().join(name), text).unwrap();
    }

    /// Where control sockets are.
    fn runtime(&self) -> std::path::PathBuf {
        self.home.path().join("run")
    }

    /// `pogo VERB …` with the farm's configuration of ssh.
    fn args<'a>(&self, args: &[&'a str], config: &'a str) -> Vec<&'a str> {
        [args, &["--ssh-config", config, "--connect-timeout", "60s"]].concat()
    }

    fn command(&self, args: &[&str]) -> Command {
        let config = self.farm.ssh_config().to_str().unwrap().to_owned();
        let mut command = self.home.command(&self.args(args, &config));
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("XDG_RUNTIME_DIR", self.runtime());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap())
    }

    /// With these files open as descriptors 3 and 4.
    fn run_with(&self, args: &[&str], files: [&Path; 2]) -> Ran {
        Ran::from(self.command_with(args, files).output().unwrap())
    }

    fn command_with(&self, args: &[&str], files: [&Path; 2]) -> Command {
        let program = self.command(args);
        let mut command = Command::new("sh");
        let [first, second] = files;
        let script = format!("exec \"$0\" \"$@\" 3<'{}' 4<'{}'", first.display(), second.display());
        command.arg("-c").arg(script).arg(program.get_program()).args(program.get_args()).env_clear();
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.home.path()).stdin(std::process::Stdio::null());
        command
    }

    /// What of pogo's is left on this machine: processes and sockets.
    fn left(&self) -> usize {
        let folder = self.runtime().join("pogo");
        let n_files = std::fs::read_dir(&folder).map_or(0, Iterator::count);
        n_files + pogo_test_sshd::processes_with(folder.to_str().unwrap()).len()
    }
}
