//! The process group of an attempt, and that nobody of it is left.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How often is looked whether somebody is left.
const LOOK: Duration = Duration::from_millis(5);

/// How long the system may take to end what was killed. A process in an uninterruptible wait takes longer: its end is then
/// unknown, which is the truth.
const KILL_TIME: Duration = Duration::from_secs(3);

/// A process group, led by a process that does nothing but hold its number: as long as it has not been waited for, no
/// other group can have that number, so that what is sent to the group reaches nobody else.
pub(super) struct Group {
    holder: Child,
    id: i32,
}

impl Group {
    pub(super) fn new() -> io::Result<Self> {
        // It ends when its input does: with this process at the latest.
        let holder = Command::new("/bin/sh")
            .args(["-c", "read -r _"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .env_clear()
            .process_group(0)
            .spawn()?;
        let id = holder.id().and_then(|id| i32::try_from(id).ok());
        let id = id.ok_or_else(|| io::Error::other("the process group has ended"))?;
        Ok(Self { holder, id })
    }

    pub(super) const fn id(&self) -> i32 {
        self.id
    }

    /// Lets go of the group. Whoever is left in it runs on.
    pub(super) async fn release(mut self) {
        drop(self.holder.stdin.take());
        if let Err(error) = self.holder.wait().await {
            tracing::warn!(%error, "cannot wait for the leader of a process group");
        }
    }

    /// Ends everybody in the group but its holder, `child` among them: TERM, some time, KILL. Says whether nobody is left.
    pub(super) async fn end(&self, child: &mut Child, grace: Duration) -> bool {
        for (signal, time) in [(Signal::SIGTERM, grace), (Signal::SIGKILL, KILL_TIME)] {
            match killpg(Pid::from_raw(self.id), signal) {
                Ok(()) => {}
                Err(Errno::ESRCH) => return true,
                // Some of them run as somebody else, and were not reached.
                Err(error) => tracing::warn!(group = self.id, %error, "cannot signal a process group"),
            }
            let until = Instant::now() + time;
            loop {
                let child_is_gone = matches!(child.try_wait(), Ok(Some(_)));
                if child_is_gone && self.is_empty() {
                    return true;
                }
                if Instant::now() >= until {
                    break;
                }
                sleep(LOOK).await;
            }
        }
        false
    }

    /// Whether nobody but the holder is alive in the group. The dead who have not been waited for do not count: in a
    /// container nobody may ever wait for them.
    fn is_empty(&self) -> bool {
        match members(self.id) {
            Some(alive) => alive == 0,
            None => killpg(Pid::from_raw(self.id), None) == Err(Errno::ESRCH),
        }
    }
}

/// The number of living processes in a group other than its leader, by the list of processes that Linux has.
fn members(group: i32) -> Option<usize> {
    let mut alive = 0;
    let mut has_seen_any = false;
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // One that is gone by now is none.
        let Ok(stat) = std::fs::read(entry.path().join("stat")) else { continue };
        let Some((state, its_group)) = state_and_group(&stat) else { continue };
        has_seen_any = true;
        alive += usize::from(its_group == group && pid != group && !matches!(state, b'Z' | b'X'));
    }
    has_seen_any.then_some(alive)
}

/// From `PID (NAME) STATE PARENT GROUP …`; the name may hold anything.
fn state_and_group(stat: &[u8]) -> Option<(u8, i32)> {
    let after_name = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let rest = std::str::from_utf8(stat.get(after_name..)?).ok()?;
    let mut words = rest.split_ascii_whitespace();
    let state = words.next()?.bytes().next()?;
    let group = words.nth(1)?.parse().ok()?;
    Some((state, group))
}
