//! A store: the folder in which jobs, journals and ledgers are kept.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SharedClock, SystemClock};
use crate::error::StoreError;
use crate::folder::Folder;

/// A store's folder and clock. Cheap to clone; the database is opened by whoever uses it ([`crate::Session`],
/// [`crate::Reader`]).
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) folder: Arc<Folder>,
    pub(crate) clock: SharedClock,
    pub(crate) stalled: Hook,
}

/// The turn of a namespace does not come: some process, perhaps a stopped one, keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stalled<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// For how long already.
    pub waited: Duration,
    /// The process that had the turn last, and so most likely has it.
    pub pid: Option<u32>,
}

/// Who is told of a turn that does not come.
type Tell = dyn Fn(Stalled<'_>) + Send + Sync;

/// Whom a [`Stalled`] turn is told to.
#[derive(Clone, Default)]
pub(crate) struct Hook(Option<Arc<Tell>>);

impl Hook {
    pub(crate) fn tell(&self, stalled: Stalled<'_>) {
        if let Some(hook) = &self.0 {
            hook(stalled);
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Hook" } else { "None" })
    }
}

impl Store {
    /// The store in a folder, which is made if it is missing. New files get the rights that the folder gives its group.
    ///
    /// # Errors
    ///
    /// [`StoreError::NetworkFileSystem`] where locks do not hold, [`StoreError::ReadOnly`], [`StoreError::Full`],
    /// [`StoreError::Io`]. What is in the folder is looked at when the database is opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::with_clock(path, Arc::new(SystemClock))
    }

    /// The same with another clock.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn with_clock(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Ok(Self { folder: Arc::new(Folder::prepare(path)?), clock, stalled: Hook::default() })
    }

    /// The same, with somebody who is told when a session of it has waited five seconds for its turn, and again every five
    /// seconds. It is called by the session's thread, which waits.
    #[must_use]
    pub fn on_stalled(self, tell: impl Fn(Stalled<'_>) + Send + Sync + 'static) -> Self {
        Self { stalled: Hook(Some(Arc::new(tell))), ..self }
    }

    /// The folder, without symbolic links.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.root()
    }

    /// Whether others than its owner may write to the store: whether jobs of several users share its limits.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.folder.is_shared()
    }
}
