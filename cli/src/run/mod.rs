//! What a run tells: reporters that read its events, one file a format, and the fold of events that summaries read.
//!
//! All of it works on `pogo.events/1` alone, so that a run as it happens and a run that is shown again are the same.

mod events_file;
mod fanout;
mod junit;
mod lines;
mod output_dir;
pub(crate) mod promises;
pub(crate) mod stream;
pub(crate) mod summary;
mod summary_json;
mod tally;
#[cfg(test)]
mod testing;
pub(crate) mod words;

use std::io;

use pogo_plan::event::Event;

pub(crate) use events_file::EventsFile;
pub(crate) use fanout::{Fanout, Lost};
pub(crate) use junit::write as write_junit;
pub(crate) use lines::Lines;
pub(crate) use output_dir::OutputDir;
pub(crate) use summary_json::write as write_summary_json;
pub(crate) use tally::Tally;

/// Someone who reads the events of a run as they come.
pub(crate) trait Reporter: Send {
    /// The next event.
    ///
    /// # Errors
    /// If what it says cannot be written; the reporter is not asked again.
    fn event(&mut self, event: &Event) -> io::Result<()>;
}
