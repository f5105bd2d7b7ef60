//! `pogo.events/1`: the header, then one JSON object a line, each written out as soon as it is known.

use std::io::{self, Write};

use pogo_plan::event::{Event, Header};

use super::Reporter;

/// An event stream in the making.
pub(crate) struct EventsFile<W> {
    to: W,
    line: Vec<u8>,
}

impl<W: Write> EventsFile<W> {
    /// Begins the stream.
    ///
    /// # Errors
    /// If the header cannot be written.
    pub(crate) fn new(mut to: W, header: &Header) -> io::Result<Self> {
        let mut line = serde_json::to_vec(header)?;
        line.push(b'\n');
        to.write_all(&line)?;
        to.flush()?;
        Ok(Self { to, line })
    }
}

impl<W: Write + Send> Reporter for EventsFile<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        // One write for each line: whoever reads along never sees a part of one for long, and a crash loses none.
        self.to.write_all(&self.line)?;
        self.to.flush()
    }
}
