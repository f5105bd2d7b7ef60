//! Hosts that are reached in the same way: one configuration file for all of them.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::blocks::Blocks;
use super::folder::Folder;
use super::settings::Settings;

/// How the hosts of one job, or of several like it, are reached.
#[derive(Debug)]
pub(super) struct Class {
    number: u32,
    settings: Settings,
    config: PathBuf,
    arguments: Vec<OsString>,
    blocks: OnceLock<Blocks>,
}

impl Class {
    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn config(&self) -> &Path {
        &self.config
    }

    pub(super) fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// The jump hosts that the job names.
    pub(super) fn jump(&self) -> Option<String> {
        let jump = &self.settings.ssh.jump;
        (!jump.is_empty()).then(|| jump.join(","))
    }

    pub(super) fn blocks(&self) -> &Blocks {
        self.blocks.get_or_init(|| Blocks::read(&self.settings.included()))
    }
}

/// The classes of a run. They are few.
#[derive(Debug, Default)]
pub(super) struct Classes(Mutex<Vec<Arc<Class>>>);

impl Classes {
    /// The class of these settings; its file is written when it is asked for the first time.
    pub(super) fn get(&self, settings: Settings, folder: &Folder) -> io::Result<Arc<Class>> {
        let mut classes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(class) = classes.iter().find(|class| class.settings == settings) {
            return Ok(Arc::clone(class));
        }
        let config = folder.name('f');
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&config)?;
        file.write_all(settings.file().as_bytes())?;
        let class = Arc::new(Class {
            number: u32::try_from(classes.len()).unwrap_or(u32::MAX),
            arguments: settings.arguments(),
            settings,
            config,
            blocks: OnceLock::new(),
        });
        classes.push(Arc::clone(&class));
        Ok(class)
    }
}
