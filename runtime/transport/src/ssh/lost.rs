//! After the connection was lost: what became of the attempt.
//!
//! Its end is unknown unless somebody saw it. The wrapper did, and leaves its word on the host; so a fresh contact is
//! tried once, and with `on_disconnect: verify` again and again until the attempt's time is over.

use std::time::Duration;

use pogo_plan::job::OnDisconnect;
use pogo_plan::outcome::Outcome;
use tokio::time::{Instant, timeout};

use super::end;
use super::failure::{Failure, Kind};
use super::master::Master;
use super::request;
use super::run::{Over, Run};
use super::session::Session;
use crate::wrapper::Probed;

/// Between two looks at an attempt that still runs, or at a host that is away.
const PAUSE: Duration = Duration::from_secs(2);

pub(super) async fn after(run: &mut Run<'_>) -> Outcome {
    if run.stop.is_raised() {
        return stopped(run).await;
    }
    match run.attempt.job.run().on_disconnect {
        OnDisconnect::Unknown => once(run).await,
        OnDisconnect::Verify => wait(run).await,
    }
}

/// One fresh contact.
async fn once(run: &mut Run<'_>) -> Outcome {
    let probed = match connect(run).await {
        Ok(master) => match end::probe(run, &master).await {
            Ok((Probed::Ended(outcome), answer)) if !run.stop.is_raised() => {
                run.say("the connection was lost, and the host knows how the attempt ended");
                learned(run, outcome, answer).await;
                master.end().await;
                return outcome;
            }
            Ok((probed, answer)) => {
                drop(answer);
                master.end().await;
                Ok(probed)
            }
            Err(failure) => {
                master.end().await;
                Err(failure)
            }
        },
        Err(failure) => Err(failure),
    };
    if run.stop.is_raised() {
        return stopped(run).await;
    }
    match probed {
        Ok(Probed::Ended(outcome)) => return outcome,
        Ok(Probed::Running) => {
            run.say(
                "the connection was lost; the attempt still runs, and `pogo probe` will tell how it ends",
            );
        }
        Ok(Probed::Rebooted) => run
            .say("the connection was lost because the host restarted, and nobody saw how the attempt ended"),
        Ok(Probed::Gone) => {
            run.say("the connection was lost, and the host does not know how the attempt ended");
        }
        Err(failure) => run.say(&format!("the connection was lost, and the host cannot be asked: {failure}")),
    }
    Outcome::Unknown
}

/// The host forgets the end when it is on record here.
async fn learned(run: &mut Run<'_>, outcome: Outcome, answer: end::Answer) {
    if run.is_on_record(outcome).await {
        answer.acknowledge().await;
    }
}

/// Until the attempt's time is over.
async fn wait(run: &mut Run<'_>) -> Outcome {
    let until = Instant::now() + Duration::from_millis(run.attempt.job.run().timeout_ms);
    let mut why = "it did not come back in time".to_owned();
    while Instant::now() < until {
        match timeout(until.saturating_duration_since(Instant::now()), connect(run)).await {
            Ok(Ok(master)) => {
                if let Some(outcome) = watch(run, master, until).await {
                    return outcome;
                }
            }
            Ok(Err(failure)) => why = failure.to_string(),
            Err(_) => break,
        }
        if timeout(PAUSE, run.stop.raised()).await.is_ok() {
            return stopped(run).await;
        }
    }
    run.say(&format!("the connection was lost, and the host cannot be asked: {why}"));
    Outcome::Unknown
}

/// Asks until there is an answer that settles it. Nothing if the connection was lost again.
async fn watch(run: &mut Run<'_>, master: Master, until: Instant) -> Option<Outcome> {
    loop {
        let outcome = match end::probe(run, &master).await {
            Ok((Probed::Running, answer)) => {
                drop(answer);
                if timeout(PAUSE, run.stop.raised()).await.is_ok() {
                    let is_gone = end::kill(run, Some(&master)).await;
                    master.end().await;
                    return Some(if is_gone { Outcome::Stopped } else { Outcome::Unknown });
                }
                if Instant::now() < until {
                    continue;
                }
                run.say("the connection was lost; the attempt still runs after its time");
                Outcome::Unknown
            }
            Ok((Probed::Ended(outcome), answer)) => {
                learned(run, outcome, answer).await;
                outcome
            }
            Ok((Probed::Rebooted, answer)) => return Some(verify(run, master, answer).await),
            Ok((Probed::Gone, _)) => {
                run.say("the connection was lost, and the host does not know how the attempt ended");
                Outcome::Unknown
            }
            Err(failure) => {
                tracing::debug!(%failure, "lost again");
                master.end().await;
                return None;
            }
        };
        master.end().await;
        return Some(outcome);
    }
}

/// The host has restarted, and the command with it: what comes after the command decides. Once it has, the host forgets
/// what it still has on record of the time before.
async fn verify(run: &mut Run<'_>, master: Master, before: end::Answer) -> Outcome {
    let Some(request) = request::after_restart(run.attempt, run.shared) else {
        run.say("the host restarted; without `verify` nobody can say whether that was a success");
        master.end().await;
        return Outcome::Unknown;
    };
    let session = match request {
        Ok(request) => Session::open(&master, request).await.map_err(|error| super::run::error_text(&error)),
        Err(error) => Err(error.to_string()),
    };
    let mut session = match session {
        Ok(session) => session,
        Err(error) => {
            run.say(&format!("the host restarted, and cannot be verified: {error}"));
            master.end().await;
            return Outcome::Unknown;
        }
    };
    let outcome = match run.follow(&mut session).await {
        Over::Ended(ended) => {
            run.acknowledge(session, ended.outcome).await;
            before.acknowledge().await;
            ended.outcome
        }
        // Its command is over; whether the host is good is not known.
        Over::NotStarted(why) => {
            run.say(&format!("the host restarted, and cannot be verified: {why}"));
            Outcome::Unknown
        }
        Over::Deaf if end::kill(run, Some(&master)).await => Outcome::Stopped,
        Over::Deaf | Over::Lost => Outcome::Unknown,
    };
    master.end().await;
    outcome
}

async fn stopped(run: &mut Run<'_>) -> Outcome {
    if end::kill(run, None).await { Outcome::Stopped } else { Outcome::Unknown }
}

async fn connect(run: &mut Run<'_>) -> Result<Master, Failure> {
    let host = &run.attempt.key.host;
    if run.stop.is_raised() {
        return Err(Failure::new(host, Kind::Stopped));
    }
    run.shared.connect(host, &run.class, Some(&mut run.stop)).await
}
