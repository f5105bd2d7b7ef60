//! Keeps so many bytes of a stream, and counts the rest.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use pogo_plan::event::Stream;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::Progress;

const CHUNK: usize = 16 * 1024;

/// Read at most so much after the end of a process: the most that a pipe may hold.
const DRAIN: usize = 1024 * 1024;

/// What is kept of one stream over all parts of an attempt.
#[derive(Debug)]
pub(crate) struct Capture {
    stream: Stream,
    /// Bytes that may still be kept.
    left: u64,
    dropped: u64,
    /// The beginning of a character of which the rest has not come.
    partial: Vec<u8>,
}

impl Capture {
    pub(crate) const fn new(stream: Stream, max_bytes: u64) -> Self {
        Self { stream, left: max_bytes, dropped: 0, partial: Vec::new() }
    }

    /// Reads until the end of the stream. Dropping this in between loses nothing.
    pub(crate) async fn pump(
        &mut self,
        pipe: &mut (impl AsyncRead + Unpin),
        progress: &Progress,
    ) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        loop {
            if self.left > 0 {
                progress.ready().await;
            }
            let n = pipe.read(&mut chunk).await?;
            if n == 0 {
                return Ok(());
            }
            self.keep(chunk.get(..n).unwrap_or_default(), progress);
        }
    }

    /// Reads what is there, and does not wait for more: somebody in the background may hold the stream open.
    pub(crate) fn drain(&mut self, pipe: &OwnedFd, progress: &Progress) {
        if fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).is_err() {
            return;
        }
        let mut chunk = vec![0; CHUNK];
        let mut seen = 0;
        while seen < DRAIN {
            match nix::unistd::read(pipe.as_fd(), &mut chunk) {
                Ok(n) if n > 0 => {
                    seen += n;
                    self.keep(chunk.get(..n).unwrap_or_default(), progress);
                }
                Err(Errno::EINTR) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Gives out what was held back; call it at the end of each part.
    pub(crate) fn flush(&mut self, progress: &Progress) {
        if !self.partial.is_empty() {
            progress.output(self.stream, std::mem::take(&mut self.partial), 0);
        }
    }

    /// Says how much was dropped; call it at the end of the attempt.
    pub(crate) fn finish(&mut self, progress: &Progress) {
        self.flush(progress);
        if self.dropped > 0 {
            progress.output(self.stream, Vec::new(), std::mem::take(&mut self.dropped));
        }
    }

    /// Whether more is kept.
    pub(crate) const fn has_room(&self) -> bool {
        self.left > 0
    }

    /// Takes what has come.
    pub(crate) fn keep(&mut self, bytes: &[u8], progress: &Progress) {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        self.left -= room as u64;
        self.dropped += (bytes.len() - room) as u64;
        let Some(bytes) = bytes.get(..room).filter(|bytes| !bytes.is_empty()) else { return };
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(bytes);
        let cut = whole.len() - partial_len(&whole);
        self.partial = whole.split_off(cut);
        if !whole.is_empty() {
            progress.output(self.stream, whole, 0);
        }
    }
}

/// The length of a character at the end of which the rest is missing; zero if the end is no such beginning.
fn partial_len(bytes: &[u8]) -> usize {
    let back = bytes.iter().rev().take(4).position(|byte| byte & 0xc0 != 0x80);
    let Some((back, lead)) = back.and_then(|back| Some((back, *bytes.get(bytes.len() - 1 - back)?))) else {
        return 0;
    };
    let width = match lead {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    if back + 1 < width { back + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_not_cut() {
        let text = "a€b😀".as_bytes();
        assert_eq!(partial_len(text), 0);
        assert_eq!(partial_len(&text[..text.len() - 1]), 3);
        assert_eq!(partial_len(&text[..3]), 2);
        assert_eq!(partial_len(&[0xff, 0x80]), 0);
        assert_eq!(partial_len(&[]), 0);
    }
}
