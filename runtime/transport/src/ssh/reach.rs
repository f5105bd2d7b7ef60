//! Reaching a host: a connection that is open already, or a new one.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::bastion::Bastions;
use super::class::{Class, Classes};
use super::direct::{self, Own};
use super::failure::{Failure, HostKeyProblem, Kind};
use super::folder::Folder;
use super::knock::knock;
use super::master::{self, Call, Master, NoMaster};
use super::session::Session;
use super::settings::Settings;
use super::{SshError, SshOptions};
use crate::Stop;
use crate::wrapper::Request;

/// The usual program.
const PROGRAM: &str = "ssh";

/// The first wait before a server that hung up is tried again; doubled for each further try, and drawn between half and
/// one and a half of it.
const FIRST_WAIT: Duration = Duration::from_millis(150);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Where a connection is left for another attempt.
pub(super) struct Place(oneshot::Sender<Master>);

impl Place {
    pub(super) async fn fill(self, master: Master) {
        if let Err(unwanted) = self.0.send(master) {
            unwanted.end().await;
        }
    }
}

/// Makes what a session is asked, anew for each try.
pub(super) type Ask<'a> = dyn Fn() -> Result<Request, Failure> + Sync + 'a;

/// What a host is reached for.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    /// A connection for any number of sessions.
    Connection,
    /// This session alone.
    Session(&'a Ask<'a>),
}

/// What the attempts of a run share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) folder: Folder,
    pub(super) options: SshOptions,
    classes: Classes,
    bastions: Bastions,
    /// Connections that another attempt on their host may want: there already, or as soon as the earlier attempt has closed
    /// its session.
    parked: Mutex<HashMap<(String, u32), oneshot::Receiver<Master>>>,
    problems: Mutex<BTreeSet<HostKeyProblem>>,
}

impl Shared {
    pub(super) fn new(options: SshOptions) -> Result<Self, SshError> {
        let folder = match &options.folder {
            Some(place) => Folder::in_one_of(std::slice::from_ref(place))?,
            None => Folder::new()?,
        };
        let shared = Self {
            folder,
            options,
            classes: Classes::default(),
            bastions: Bastions::default(),
            parked: Mutex::default(),
            problems: Mutex::default(),
        };
        match shared.is_installed() {
            true => Ok(shared),
            false => Err(SshError::NoProgram),
        }
    }

    pub(super) fn program(&self) -> &Path {
        self.options.program.as_deref().unwrap_or(Path::new(PROGRAM))
    }

    fn is_installed(&self) -> bool {
        let program = self.program();
        if program.components().count() > 1 {
            return program.exists();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    }

    pub(super) fn class(&self, settings: Settings) -> std::io::Result<Arc<Class>> {
        self.classes.get(settings, &self.folder)
    }

    pub(super) fn may_ask(&self) -> bool {
        self.options.askpass.is_some()
    }

    pub(super) fn problems(&self) -> Vec<HostKeyProblem> {
        lock(&self.problems).iter().cloned().collect()
    }

    /// The connection that an earlier attempt has left or is about to leave, if there is one.
    pub(super) async fn parked(&self, host: &str, class: &Class) -> Option<Master> {
        let parked = lock(&self.parked).remove(&(host.to_owned(), class.number()))?;
        parked.await.ok()
    }

    /// Promises a connection to the next attempt on its host. It comes when the earlier one has done with it; dropping the
    /// place says that none comes.
    pub(super) fn park(&self, host: &str, class: &Class) -> Place {
        let (place, parked) = oneshot::channel();
        // One that was there is ended when it is dropped.
        lock(&self.parked).insert((host.to_owned(), class.number()), parked);
        Place(place)
    }

    /// Ends all connections that are kept.
    pub(super) async fn close(&self) {
        let parked: Vec<_> = lock(&self.parked).drain().map(|(_, parked)| parked).collect();
        for parked in parked {
            if let Ok(master) = parked.await {
                master.end().await;
            }
        }
    }

    /// Makes a connection, within the job's time for that. A server that hangs up before login is tried again.
    pub(super) async fn connect(
        &self,
        host: &str,
        class: &Class,
        stop: Option<&mut Stop>,
    ) -> Result<Master, Failure> {
        let Some(stop) = stop else {
            return self.make(host, class, Wanted::Connection).await.map(|(master, _)| master);
        };
        tokio::select! {
            biased;
            () = stop.raised() => Err(Failure::new(host, Kind::Stopped)),
            made = self.make(host, class, Wanted::Connection) => made.map(|(master, _)| master),
        }
    }

    /// As [`Self::connect`], for one session and no other, which `request` asks for.
    pub(super) async fn connect_for(
        &self,
        host: &str,
        class: &Class,
        stop: &mut Stop,
        request: &Ask<'_>,
    ) -> Result<(Master, Session), Failure> {
        let made = tokio::select! {
            biased;
            () = stop.raised() => return Err(Failure::new(host, Kind::Stopped)),
            made = self.make(host, class, Wanted::Session(request)) => made?,
        };
        let (master, session) = made;
        match session {
            Some(session) => Ok((master, session)),
            None => Err(Failure::new(host, Kind::NoSession)),
        }
    }

    async fn make(
        &self,
        host: &str,
        class: &Class,
        wanted: Wanted<'_>,
    ) -> Result<(Master, Option<Session>), Failure> {
        if host.starts_with('-') {
            return Err(Failure::new(host, Kind::BadName));
        }
        let time = class.settings().connect_timeout;
        let program = self.program();
        // Its wait is not the host's time.
        let mut place = self.bastions.enter(program, host, class, Instant::now() + time).await;
        let until = Instant::now() + time;
        let mut wait = FIRST_WAIT;
        loop {
            let call = Call {
                program,
                host,
                config: class.config(),
                arguments: class.arguments(),
                socket: self.folder.name('c'),
                persist: self.options.persist,
                askpass: self.options.askpass.as_ref(),
                until,
            };
            let made = match wanted {
                Wanted::Connection => Master::start(call).await.map(|master| (master, None)),
                Wanted::Session(request) => {
                    let own = Own {
                        request: request()?,
                        words: self.folder.name('w'),
                        options: class.blocks().session_options(),
                        place: &mut place,
                    };
                    direct::open(call, own).await.map(|(master, session)| (master, Some(session)))
                }
            };
            let mut no = match made {
                Ok(made) => return Ok(made),
                Err(no) => no,
            };
            if no.failure.kind == Kind::Dropped && no.failure.is_at_jump {
                no = self.look_closer(host, class, no, until).await;
            }
            if let Some(problem) = no.key {
                lock(&self.problems).insert(problem);
            }
            let pause = jitter(wait);
            if !no.failure.is_worth_another_try() || Instant::now() + pause >= until {
                return Err(no.failure);
            }
            tracing::debug!(host, said = ?no.failure.said, "the server hung up before login: another try");
            sleep(pause).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Why it did not get through a jump host.
    async fn look_closer(&self, host: &str, class: &Class, no: NoMaster, until: Instant) -> NoMaster {
        match knock(self, host, class, None, until).await {
            // It gets through now.
            Ok((failure, _)) if matches!(failure.kind, Kind::Denied { .. }) && !failure.is_at_jump => no,
            Ok((failure, key)) => NoMaster { failure, key },
            Err(_) => no,
        }
    }

    /// What ssh makes of the configuration for this host.
    pub(super) async fn resolve(&self, host: &str, class: &Class) -> Result<Vec<u8>, Failure> {
        let mut command = tokio::process::Command::new(self.program());
        command.arg("-G").arg("-F").arg(class.config()).args(class.arguments()).args(["--", host]);
        let until = Instant::now() + class.settings().connect_timeout;
        match master::ask(command, until).await {
            Ok((status, stdout, _)) if status.success() => Ok(stdout),
            Ok((_, _, stderr)) => Err(Failure::read(host, &stderr)),
            Err(error) => Err(Failure { said: vec![error.to_string()], ..Failure::new(host, Kind::Other) }),
        }
    }

    /// A path in the run's folder.
    pub(super) fn name(&self, kind: char) -> PathBuf {
        self.folder.name(kind)
    }
}

/// Between half and one and a half of it.
fn jitter(wait: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    wait.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
