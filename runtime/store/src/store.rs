//! A store: the folder in which jobs, journals and ledgers are kept.

use std::path::Path;
use std::sync::Arc;

use crate::clock::{Clock, SharedClock, SystemClock};
use crate::error::StoreError;
use crate::folder::Folder;

/// A store's folder and clock. Cheap to clone; the database is opened by whoever uses it ([`crate::Session`],
/// [`crate::Reader`]).
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) folder: Arc<Folder>,
    pub(crate) clock: SharedClock,
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
        Ok(Self { folder: Arc::new(Folder::prepare(path)?), clock })
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
