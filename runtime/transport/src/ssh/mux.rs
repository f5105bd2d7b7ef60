//! The little of OpenSSH's multiplexing protocol that no library has: asking a master for its process id, and ending it.
//!
//! `PROTOCOL.mux` in OpenSSH's source describes it. Ending a master this way also ends the connection when commands of its
//! run still; `stop listening`, which libraries have, leaves such a master alive.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream as Blocking;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const HELLO: u32 = 0x0000_0001;
const VERSION: u32 = 4;
const ALIVE_CHECK: u32 = 0x1000_0004;
const TERMINATE: u32 = 0x1000_0005;
const ALIVE: u32 = 0x8000_0005;

/// More than any reply that is waited for.
const MAX_REPLY: u32 = 64 * 1024;

/// How long a master may take to answer when nobody can wait for it.
const MOMENT: Duration = Duration::from_millis(500);

/// Ends a master, and waits until it has left the socket. Its process id, if it said it.
pub(super) async fn terminate(path: &Path) -> io::Result<Option<u32>> {
    let mut stream = UnixStream::connect(path).await?;
    stream.write_all(&request()).await?;
    let mut pid = None;
    loop {
        let Ok(length) = stream.read_u32().await else { return Ok(pid) };
        if length > MAX_REPLY {
            return Err(io::Error::other("not a master of ssh"));
        }
        let mut reply = vec![0; usize::try_from(length).unwrap_or_default()];
        if stream.read_exact(&mut reply).await.is_err() {
            return Ok(pid);
        }
        pid = pid.or_else(|| said_pid(&reply));
    }
}

/// As [`terminate`], for where nothing can be awaited.
pub(super) fn terminate_now(path: &Path) -> io::Result<()> {
    let mut stream = Blocking::connect(path)?;
    stream.set_read_timeout(Some(MOMENT))?;
    stream.set_write_timeout(Some(MOMENT))?;
    stream.write_all(&request())?;
    let mut reply = [0; 256];
    while stream.read(&mut reply)? > 0 {}
    Ok(())
}

fn request() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(36);
    for words in [[HELLO, VERSION], [ALIVE_CHECK, 1], [TERMINATE, 2]] {
        bytes.extend_from_slice(&8_u32.to_be_bytes());
        for word in words {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
    }
    bytes
}

/// From `ALIVE request-id pid`.
fn said_pid(reply: &[u8]) -> Option<u32> {
    let word = |at: usize| Some(u32::from_be_bytes(reply.get(at..at + 4)?.try_into().ok()?));
    (word(0)? == ALIVE).then(|| word(8)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_id_is_read() {
        let mut reply = Vec::new();
        for word in [ALIVE, 1, 4711_u32] {
            reply.extend_from_slice(&word.to_be_bytes());
        }
        assert_eq!(said_pid(&reply), Some(4711));
        assert_eq!(said_pid(&reply[..11]), None);
        assert_eq!(said_pid(&[0x80, 0, 0, 1, 0, 0, 0, 1]), None);
    }
}
