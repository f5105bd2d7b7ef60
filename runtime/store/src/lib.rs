//! Where jobs are kept.

mod author;
mod clock;
mod codec;
mod command;
mod db;
mod error;
mod folder;
mod lock;
mod output;
mod read;
mod replica;
mod session;
mod state;
mod store;
mod wake;

pub use author::Who;
pub use clock::{Clock, SystemClock, rfc3339};
pub use error::StoreError;
pub use output::{Output, OutputWriter};
pub use read::{
    BadIn, CommandRow, Entry, Facts, Filter, Holder, HostRow, JobRow, OutHost, Reader, Status, Wait,
};
pub use session::{Answer, Batch, CommandId, Given, NewJob, Owned, Pruned, Session, Told};
pub use store::Store;
