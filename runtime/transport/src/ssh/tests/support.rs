//! What the tests have in common.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pogo_plan::Job;
use pogo_plan::event::{JobId, Stream};
use pogo_plan::job::Ssh as Plan;
use pogo_plan::outcome::{Attempt as Number, Outcome, Phase};
use pogo_plan::worker::AttemptKey;
use pogo_test_sshd::Farm;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::ssh::class::Class;
use crate::ssh::reach::Shared;
use crate::ssh::settings::Settings;
use crate::ssh::{Ssh, SshOptions};
use crate::{Attempt, JobContext, Progress, Running, Said, Secret, StopSender, Transport, Window, stop};

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

    /// With these options as they are.
    pub(super) fn exactly(options: SshOptions) -> Self {
        Self { ssh: Ssh::new(options).unwrap(), place: tempfile::tempdir().unwrap() }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.ssh.shared
    }

    pub(super) fn class(&self, farm: &Farm, change: impl FnOnce(&mut Settings)) -> Arc<Class> {
        let mut settings = Settings {
            ssh: Plan { config: Some(farm.ssh_config().to_str().unwrap().to_owned()), ..Plan::default() },
            user: None,
            connect_timeout: Duration::from_secs(30),
            may_ask: self.shared().may_ask(),
        };
        change(&mut settings);
        self.shared().class(settings).unwrap()
    }
}

pub(super) fn job(farm: &Farm, command: &str) -> Job {
    Job {
        command: Some(command.to_owned()),
        connect_timeout_ms: 30_000,
        ssh: Plan { config: Some(farm.ssh_config().to_str().unwrap().to_owned()), ..Plan::default() },
        ..Job::default()
    }
}

pub(super) fn key(host: &str, attempt: u32) -> AttemptKey {
    AttemptKey { job: JobId::from_bits(9), host: host.into(), attempt: Number(attempt) }
}

/// An attempt under way.
pub(super) struct UnderWay {
    pub(super) work: Running,
    said: UnboundedReceiver<Said>,
    window: Arc<Window>,
    pub(super) stop: StopSender,
    pub(super) heard: Heard,
}

#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Puts nothing on record.
    pub(super) is_forgetful: bool,
    pub(super) starts: usize,
    pub(super) phases: Vec<Phase>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
    pub(super) dropped: u64,
}

impl Heard {
    fn hear(&mut self, window: &Window, said: Said) {
        match said {
            Said::Started => self.starts += 1,
            Said::Ended { recorded, .. } if !self.is_forgetful => recorded.tell(),
            Said::Ended { .. } => {}
            Said::Phase(phase) => self.phases.push(phase),
            Said::Output { stream, bytes, dropped_bytes } => {
                self.dropped += dropped_bytes;
                window.give_back(bytes.len());
                match stream {
                    Stream::Stdout => self.stdout.extend_from_slice(&bytes),
                    Stream::Stderr => self.stderr.push_str(&String::from_utf8_lossy(&bytes)),
                }
            }
        }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }
}

impl Client {
    pub(super) fn begin(&self, job: Job, host: &str) -> UnderWay {
        self.begin_with(job, key(host, 1), &BTreeMap::new())
    }

    pub(super) fn begin_with(
        &self,
        job: Job,
        key: AttemptKey,
        secrets: &BTreeMap<String, Secret>,
    ) -> UnderWay {
        self.ssh.check(&job).unwrap();
        let slots = vec!["a.b".to_owned(), "c".to_owned()];
        let attempt =
            Attempt { key, slots: slots.into(), job: Arc::new(JobContext::new(job, secrets).unwrap()) };
        let (sender, said) = unbounded_channel();
        let window = Arc::new(Window::new(1024 * 1024));
        let progress = Progress::new(Arc::clone(&window), move |news| {
            let _nobody_listens = sender.send(news);
        });
        let (stop, raised) = stop();
        let work = self.ssh.attempt(attempt, progress, raised);
        UnderWay { work, said, window, stop, heard: Heard::default() }
    }

    pub(super) async fn run(&self, job: Job, host: &str) -> (Outcome, Heard) {
        self.begin(job, host).end().await
    }

    /// What of this run is left on this machine.
    pub(super) fn left(&self) -> usize {
        pogo_test_sshd::processes_with(self.place.path().to_str().unwrap()).len()
    }
}

impl UnderWay {
    /// To its end.
    pub(super) async fn end(mut self) -> (Outcome, Heard) {
        let outcome = loop {
            tokio::select! {
                biased;
                Some(said) = self.said.recv() => self.heard.hear(&self.window, said),
                outcome = &mut self.work => break outcome,
            }
        };
        while let Ok(said) = self.said.try_recv() {
            self.heard.hear(&self.window, said);
        }
        (outcome, self.heard)
    }

    /// Until it has said so much.
    pub(super) async fn until(&mut self, mut is_so: impl FnMut(&Heard) -> bool) {
        while !is_so(&self.heard) {
            tokio::select! {
                biased;
                Some(said) = self.said.recv() => self.heard.hear(&self.window, said),
                outcome = &mut self.work => panic!("ended before: {outcome:?} {:?}", self.heard),
            }
        }
    }

    /// Until it has written a line.
    pub(super) async fn until_line(&mut self) -> String {
        self.until(|heard| heard.stdout.ends_with(b"\n")).await;
        self.heard.text().trim().to_owned()
    }
}
