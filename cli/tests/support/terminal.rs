//! The program on a terminal of its own: what it shows there, and what is typed.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::Home;

/// The program, and the other end of its terminal.
pub(crate) struct Terminal {
    /// `setsid`, which becomes the program.
    pub(crate) child: Child,
    other_end: File,
    shown: String,
    /// What was waited for lies before this.
    seen: usize,
}

impl Home {
    /// Starts the program as the leader of a session whose terminal is the test's. All three streams are the terminal.
    pub(crate) fn on_terminal(&self, args: &[&str]) -> Terminal {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let other_end = openpt(flags).unwrap();
        grantpt(&other_end).unwrap();
        unlockpt(&other_end).unwrap();
        let stream = || -> OwnedFd { ioctl_tiocgptpeer(&other_end, flags).unwrap() };
        let program = self.command(args);
        // Only the leader of a new session may take a terminal. What is not the leader of its group is that without a fork.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(program.get_program()).args(program.get_args()).env_clear();
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("TERM", "dumb").current_dir(self.path());
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let child = command.spawn().unwrap();
        Terminal { child, other_end: File::from(other_end), shown: String::new(), seen: 0 }
    }
}

impl Terminal {
    /// Reads on until this is shown, after what was waited for before.
    pub(crate) fn wait_for(&mut self, words: &str) {
        loop {
            if let Some(at) = self.shown[self.seen..].find(words) {
                self.seen += at + words.len();
                return;
            }
            assert!(self.read(), "it ended without {words:?}: {:?}", self.shown);
        }
    }

    /// Types this.
    pub(crate) fn press(&mut self, keys: &str) {
        self.other_end.write_all(keys.as_bytes()).unwrap();
    }

    /// Whether what is typed is shown.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.other_end).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for the program's end: how it ended, and all that the terminal showed.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        while self.read() {}
        (self.child.wait().unwrap(), self.shown)
    }

    /// Reads what is there, or waits until something is; false once nobody has the terminal open any more.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // Linux gives an error (EIO) at the end.
        let n = self.other_end.read(&mut bytes).unwrap_or(0);
        self.shown += std::str::from_utf8(&bytes[..n]).unwrap();
        n > 0
    }
}
