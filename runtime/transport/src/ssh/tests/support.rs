//! What the tests have in common.

use std::sync::Arc;
use std::time::Duration;

use pogo_plan::job::Ssh as Plan;
use pogo_test_sshd::Farm;

use crate::ssh::class::Class;
use crate::ssh::reach::Shared;
use crate::ssh::settings::Settings;
use crate::ssh::{Ssh, SshOptions};

/// A transport with a folder of its own, so that what is left of it can be seen.
pub(super) struct Client {
    pub(super) ssh: Ssh,
    pub(super) place: tempfile::TempDir,
}

impl Client {
    pub(super) fn new() -> Self {
        Self::with(SshOptions::new())
    }

    pub(super) fn with(options: SshOptions) -> Self {
        let place = tempfile::tempdir().unwrap();
        let folder = Some(place.path().join("p"));
        Self { ssh: Ssh::new(SshOptions { folder, ..options }).unwrap(), place }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.ssh.shared
    }

    pub(super) fn class(&self, farm: &Farm, change: impl FnOnce(&mut Settings)) -> Arc<Class> {
        let mut settings = Settings {
            ssh: Plan { config: Some(farm.ssh_config().to_str().unwrap().to_owned()), ..Plan::default() },
            user: None,
            connect_timeout: Duration::from_secs(20),
            may_ask: self.shared().may_ask(),
        };
        change(&mut settings);
        self.shared().class(settings).unwrap()
    }
}
