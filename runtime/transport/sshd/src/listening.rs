//! A server on a loopback port.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Farm, SSHD};

/// A server on a loopback port, ended when dropped. Sessions outlive it, as they do on a real host.
#[derive(Debug)]
pub struct Listening {
    server: Child,
    port: u16,
    log: Arc<Mutex<String>>,
}

impl Listening {
    pub(crate) fn start(farm: &Farm, server: &str) -> Self {
        // The port that was free a moment ago may not be any more.
        for _ in 0..20 {
            if let Some(listening) = Self::try_start(farm, server) {
                return listening;
            }
        }
        panic!("sshd does not come up: {}", farm.path("sshd_config_port").display());
    }

    fn try_start(farm: &Farm, server: &str) -> Option<Self> {
        let port = free_port();
        let config = farm.path(&format!("sshd_config_{port}"));
        let text = format!("ListenAddress 127.0.0.1:{port}\n{}", farm.server_config(server));
        std::fs::write(&config, text).expect("a folder to write to");
        let mut server = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sshd is installed");
        let mut lines = BufReader::new(server.stderr.take().expect("it is piped"));
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|n| n > 0) {
            if line.contains("Server listening") {
                let log = Arc::new(Mutex::new(line));
                let to = Arc::clone(&log);
                // Until nobody holds the log open any more: the server's sessions may outlive it.
                std::thread::spawn(move || {
                    let mut bytes = Vec::new();
                    while lines.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
                        let mut log = to.lock().unwrap_or_else(PoisonError::into_inner);
                        log.push_str(&String::from_utf8_lossy(&bytes));
                        bytes.clear();
                    }
                });
                return Some(Self { server, port, log });
            }
        }
        let _dead = server.wait();
        None
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _gone_already = self.server.kill();
        let _reaped = self.server.wait();
    }
}

/// A port on 127.0.0.1 on which nobody listened a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback address");
    listener.local_addr().expect("it is bound").port()
}
