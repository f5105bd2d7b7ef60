//! Not too many at once through one jump host: a stock sshd refuses what comes too fast (`MaxStartups 10:30:100`).
//!
//! The jump host of a target is what ssh says it is (`ssh -G`). That costs a process, so it is asked only where a jump host
//! is possible at all, and once for all hosts to which the same blocks of the configuration apply.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::process::Command;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::class::Class;
use super::master;

/// Connections that are being made through one jump host at once.
const PER_BASTION: usize = 8;

/// Hosts of one class to which the same blocks apply.
type Alike = (u32, Vec<bool>);

/// What is known of jump hosts.
#[derive(Debug, Default)]
pub(super) struct Bastions {
    /// The jump host of the hosts to which these blocks apply.
    known: Mutex<HashMap<Alike, Option<String>>>,
    gates: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Bastions {
    /// Waits for a place in front of the host's jump host, if it has one. Keep it until the host is reached.
    pub(super) async fn enter(
        &self,
        program: &Path,
        host: &str,
        class: &Class,
        until: Instant,
    ) -> Option<OwnedSemaphorePermit> {
        let bastion = match class.jump() {
            Some(jump) => jump,
            None => self.resolve(program, host, class, until).await?,
        };
        let gate = {
            let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(gates.entry(bastion).or_insert_with(|| Arc::new(Semaphore::new(PER_BASTION))))
        };
        gate.acquire_owned().await.ok()
    }

    async fn resolve(&self, program: &Path, host: &str, class: &Class, until: Instant) -> Option<String> {
        let blocks = class.blocks().for_host(host)?;
        let key = (class.number(), blocks);
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let mut command = Command::new(program);
        command.arg("-G").arg("-F").arg(class.config()).args(class.arguments()).args(["--", host]);
        let jump = match master::ask(command, until).await {
            Ok((_, stdout, _)) => option(&stdout, "proxyjump"),
            Err(error) => {
                tracing::debug!(host, %error, "ssh does not say what its jump host is");
                None
            }
        };
        let jump = jump.filter(|jump| jump != "none");
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, jump.clone());
        jump
    }
}

/// The value of an option in what `ssh -G` prints.
pub(super) fn option(printed: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(printed);
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(' ')?.to_owned()))
}
