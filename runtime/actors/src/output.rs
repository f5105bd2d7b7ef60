//! Keeping what commands print, beside the events: on the bus's thread, which delays no start.

use hashbrown::HashSet;
use pogo_plan::HostIdx;
use pogo_plan::event::Stream;
use pogo_plan::outcome::Attempt;
use pogo_store::OutputWriter;

use crate::bus::Piece;

/// Keeps the output of a job's attempts in the store.
#[derive(Debug)]
pub(crate) struct OutputKeeper {
    writer: OutputWriter,
    /// Streams of attempts under way that have said something.
    open: HashSet<(HostIdx, Attempt, IsError)>,
}

type IsError = bool;

impl OutputKeeper {
    pub(crate) fn new(writer: OutputWriter) -> Self {
        Self { writer, open: HashSet::new() }
    }

    pub(crate) fn keep(&mut self, host: HostIdx, attempt: Attempt, piece: &Piece) {
        self.open.insert((host, attempt, piece.stream == Stream::Stderr));
        if !piece.bytes.is_empty() {
            self.writer.write(host, attempt, piece.stream, piece.bytes.clone());
        }
        if piece.dropped_bytes > 0 {
            self.writer.end(host, attempt, piece.stream, piece.dropped_bytes);
        }
    }

    /// What the attempt has said can be read from now on.
    pub(crate) fn ended(&mut self, host: HostIdx, attempt: Attempt) {
        for (stream, is_error) in [(Stream::Stdout, false), (Stream::Stderr, true)] {
            if self.open.remove(&(host, attempt, is_error)) {
                self.writer.end(host, attempt, stream, 0);
            }
        }
    }
}
