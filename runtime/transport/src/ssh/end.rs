//! Making sure that nobody of an attempt is left, when its wrapper does not answer: over a second session, and if that
//! does not work, over a fresh connection.

use std::time::Duration;

use super::failure::Failure;
use super::master::Master;
use super::request;
use super::run::{Run, failed};
use super::session::{Next, Reads, Session};
use crate::wrapper::{ACKNOWLEDGE, Event, Killed, Probed, Request};

/// How long one session may take to kill, or to say what became of an attempt.
const TIME: Duration = Duration::from_secs(12);

/// Says whether nobody of the attempt is left.
pub(super) async fn kill(run: &mut Run<'_>, master: Option<&Master>) -> bool {
    if let Some(master) = master
        && kill_over(run, master).await
    {
        return true;
    }
    let host = &run.attempt.key.host;
    match run.shared.connect(host, &run.class, None).await {
        Ok(master) => {
            let is_gone = kill_over(run, &master).await;
            master.end().await;
            is_gone
        }
        Err(failure) => {
            run.say(&format!("what runs there could not be killed: {failure}"));
            false
        }
    }
}

async fn kill_over(run: &mut Run<'_>, master: &Master) -> bool {
    // Without traces nobody knows whom to kill.
    let Some(traces) = run.traces.clone() else { return false };
    let request = request::kill(run.attempt, run.shared, traces);
    let killed = match request {
        Ok(request) => ask(master, request, ACKNOWLEDGE, |event| match event {
            Event::Killed(killed) => Some(killed),
            _ => None,
        }),
        Err(error) => {
            run.say(&format!("cannot ask for a kill: {error}"));
            return false;
        }
    };
    match killed.await {
        Ok(Killed::Gone | Killed::Rebooted) => true,
        Ok(Killed::Left) => {
            run.say("somebody of the attempt is left on the host and could not be killed");
            false
        }
        Err(why) => {
            run.say(&format!("what runs there could not be killed: {why}"));
            false
        }
    }
}

/// What became of the attempt, by a session of its own.
pub(super) async fn probe(run: &Run<'_>, master: &Master) -> Result<Probed, Failure> {
    let host = &run.attempt.key.host;
    let traces = run.traces.clone();
    let request = request::probe(&run.attempt.key, run.attempt.job.run(), run.shared, traces);
    let request = request.map_err(|error| failed(host, &error))?;
    probe_over(host, master, request, ACKNOWLEDGE).await
}

/// Asks, and answers the answer with `last`.
pub(super) async fn probe_over(
    host: &str,
    master: &Master,
    request: Request,
    last: &[u8],
) -> Result<Probed, Failure> {
    let probed = ask(master, request, last, |event| match event {
        Event::Probed(probed) => Some(probed),
        _ => None,
    });
    probed.await.map_err(|why| Failure { said: vec![why], ..Failure::new(host, super::Kind::Other) })
}

/// Runs a script to its one answer, and writes a last word.
async fn ask<T>(
    master: &Master,
    request: Request,
    last: &[u8],
    find: impl Fn(Event) -> Option<T>,
) -> Result<T, String> {
    let work = async {
        let mut session =
            Session::open(master, request).await.map_err(|error| super::run::error_text(&error))?;
        let answer = loop {
            match session.next(&Reads::ALL).await {
                Next::Event(event) => {
                    if let Some(answer) = find(event) {
                        break answer;
                    }
                }
                Next::Over => return Err(session.why_not_up()),
            }
        };
        session.write(last);
        super::run::close(session).await;
        Ok(answer)
    };
    tokio::time::timeout(TIME, work).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}
