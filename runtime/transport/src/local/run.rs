//! The parts of an attempt, in order, and their time.

use std::io;
use std::time::Duration;

use pogo_plan::event::Stream;
use pogo_plan::job::Verify;
use pogo_plan::outcome::{Exit, Outcome, Phase};
use tokio::process::Child;
use tokio::time::{Instant, timeout};

use super::Local;
use super::files::Files;
use super::group::Group;
use super::part::{End, Parts};
use crate::capture::Capture;
use crate::{Attempt, Progress, Stop};

pub(super) async fn run(local: Local, attempt: Attempt, progress: Progress, mut stop: Stop) -> Outcome {
    if stop.is_raised() {
        return Outcome::Unreachable;
    }
    let prepared = Files::new().and_then(|files| Ok((files, Group::new()?)));
    let (files, group) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return unreachable(&progress, &error),
    };
    let most = attempt.job.run().max_output_bytes;
    let parts = Parts {
        attempt: &attempt,
        group: &group,
        grace: local.grace,
        progress: &progress,
        stdout: Capture::new(Stream::Stdout, most),
        stderr: Capture::new(Stream::Stderr, most),
    };
    let left = Duration::from_millis(attempt.job.run().timeout_ms);
    let mut run = Run { parts, files, left, has_started: false };
    let outcome = run.all(&mut stop, local.last_words).await;
    let Run { mut parts, files, .. } = run;
    parts.stdout.finish(&progress);
    parts.stderr.finish(&progress);
    drop(files);
    group.release().await;
    outcome
}

struct Run<'a> {
    parts: Parts<'a>,
    files: Files,
    /// Of the attempt's time, which `verify` does not use.
    left: Duration,
    has_started: bool,
}

impl Run<'_> {
    async fn all(&mut self, stop: &mut Stop, last_words: Duration) -> Outcome {
        let job = self.parts.attempt.job.run();
        let outcome = self.until_posthook(stop).await;
        if outcome == Outcome::Unreachable || outcome == Outcome::Unknown {
            // Nothing was begun that would have to be brought to an end; or it may still be under way.
            return outcome;
        }
        let Some(finally) = &job.finally else { return outcome };
        self.left = self.left.max(last_words);
        let last = self.timed(Phase::Finally, finally, None).await;
        match (outcome, last) {
            (_, Outcome::Unknown) => Outcome::Unknown,
            (Outcome::Succeeded, last) => last,
            (earlier, _) => earlier,
        }
    }

    async fn until_posthook(&mut self, stop: &mut Stop) -> Outcome {
        let context = std::sync::Arc::clone(&self.parts.attempt.job);
        let job = context.run();
        if let Some(prehook) = &job.prehook {
            let outcome = self.timed(Phase::Prehook, prehook, Some(stop)).await;
            if outcome != Outcome::Succeeded {
                return outcome;
            }
        }
        let outcome = match (&job.command, &job.script, context.script()) {
            (Some(command), ..) => self.timed(Phase::Command, command, Some(stop)).await,
            (None, Some(script), Some(bytes)) => {
                let command = self.files.script(&script.name, bytes).map(|path| {
                    let mut command = self.parts.program(path);
                    command.args(&job.args);
                    command
                });
                let child = match command {
                    Ok(command) => self.parts.spawn(command).await,
                    Err(error) => Err(error),
                };
                self.timed_child(Phase::Command, child, Some(stop)).await
            }
            _ => Outcome::Unreachable,
        };
        if outcome != Outcome::Succeeded {
            return outcome;
        }
        if let Some(verify) = &job.verify {
            let outcome = self.verify(verify, stop).await;
            if outcome != Outcome::Succeeded {
                return outcome;
            }
        }
        match &job.posthook {
            Some(posthook) => self.timed(Phase::Posthook, posthook, Some(stop)).await,
            None => Outcome::Succeeded,
        }
    }

    /// One part on the attempt's own time.
    async fn timed(&mut self, phase: Phase, text: &str, stop: Option<&mut Stop>) -> Outcome {
        let child = self.start(phase, text).await;
        self.timed_child(phase, child, stop).await
    }

    async fn timed_child(
        &mut self,
        phase: Phase,
        child: io::Result<Child>,
        stop: Option<&mut Stop>,
    ) -> Outcome {
        let began = Instant::now();
        let end = match child {
            Ok(child) => {
                self.begins(phase);
                self.parts.wait(child, began + self.left, stop).await
            }
            Err(error) if !self.has_started => return unreachable(self.parts.progress, &error),
            Err(error) => self.parts.not_started(name(phase), &error),
        };
        self.left = self.left.saturating_sub(began.elapsed());
        outcome(end, phase)
    }

    async fn start(&mut self, phase: Phase, text: &str) -> io::Result<Child> {
        let file = self.files.command(name(phase), text)?;
        self.parts.spawn(self.parts.shell(&file)).await
    }

    fn begins(&mut self, phase: Phase) {
        if !std::mem::replace(&mut self.has_started, true) {
            self.parts.progress.started();
        }
        self.parts.progress.phase(phase);
    }

    /// Tries until so many tries in a row have succeeded. Out of time, it has failed as the last try did that ended; if none
    /// did, it has timed out.
    async fn verify(&mut self, verify: &Verify, stop: &mut Stop) -> Outcome {
        self.begins(Phase::Verify);
        let deadline = Instant::now() + Duration::from_millis(verify.timeout_ms);
        let interval = Duration::from_millis(verify.interval_ms);
        let mut in_a_row = 0;
        let mut last = None;
        loop {
            let end = match self.start(Phase::Verify, &verify.command).await {
                Ok(child) => self.parts.wait(child, deadline, Some(&mut *stop)).await,
                Err(error) => self.parts.not_started(name(Phase::Verify), &error),
            };
            match end {
                End::SUCCESS => in_a_row += 1,
                End::Exited(exit) => {
                    in_a_row = 0;
                    last = Some(exit);
                }
                End::Deadline => return out_of_time(last),
                End::Stopped | End::Unknown => return outcome(end, Phase::Verify),
            }
            if in_a_row >= verify.successes {
                return Outcome::Succeeded;
            }
            if Instant::now() + interval >= deadline {
                return out_of_time(last);
            }
            if timeout(interval, stop.raised()).await.is_ok() {
                return Outcome::Stopped;
            }
        }
    }
}

fn out_of_time(last: Option<Exit>) -> Outcome {
    last.map_or(Outcome::TimedOut, |exit| Outcome::Failed { exit, phase: Phase::Verify })
}

const fn outcome(end: End, phase: Phase) -> Outcome {
    match end {
        End::Exited(Exit::Status(0)) => Outcome::Succeeded,
        End::Exited(exit) => Outcome::Failed { exit, phase },
        End::Deadline => Outcome::TimedOut,
        End::Stopped => Outcome::Stopped,
        End::Unknown => Outcome::Unknown,
    }
}

fn unreachable(progress: &Progress, error: &io::Error) -> Outcome {
    let text = format!("pogo: cannot start the attempt: {error}\n");
    progress.output(Stream::Stderr, text.into_bytes(), 0);
    Outcome::Unreachable
}

const fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Prehook => "prehook",
        Phase::Command => "command",
        Phase::Verify => "verify",
        Phase::Posthook => "posthook",
        Phase::Finally => "finally",
    }
}
