//! Where jobs are kept.

mod author;
mod clock;
mod codec;
mod command;
mod db;
mod error;
mod folder;
mod lock;
mod read;
mod replica;
mod session;
mod state;
mod store;
mod wake;

pub use author::Who;
pub use clock::{Clock, SystemClock, rfc3339};
pub use error::StoreError;
pub use read::Entry;
pub use session::{Answer, Batch, CommandId, NewJob, Owned, Session, Told};
pub use store::Store;
