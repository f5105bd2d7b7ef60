//! The clock that the machines are told of, and one alarm for each actor.

use std::time::Duration;

use actix::{Actor, AsyncContext, Context, SpawnHandle};
use pogo_schedule::time::Monotonic;
use tokio::time::Instant;

/// Nanoseconds since a run began. Setting the wall clock does not move it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    pub(crate) fn now(self) -> Monotonic {
        Monotonic(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

/// The one alarm of an actor: setting it replaces the one before.
///
/// A later time than the present one costs nothing: the alarm rings early, sees that, and is set again. So a deadline that
/// moves with each message is one timer, not one for each message.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    due: Option<Monotonic>,
    armed: Option<(Monotonic, SpawnHandle)>,
}

/// An actor with an alarm.
pub(crate) trait Alarmed: Actor<Context = Context<Self>> {
    fn alarm(&mut self) -> &mut Alarm;
    fn clock(&self) -> Clock;
    /// The time has come.
    fn ring(&mut self, ctx: &mut Context<Self>);
}

/// Sets the alarm of an actor.
pub(crate) fn set_alarm<A: Alarmed>(actor: &mut A, ctx: &mut Context<A>, at: Monotonic) {
    let alarm = actor.alarm();
    alarm.due = Some(at);
    match alarm.armed {
        Some((armed, _)) if armed <= at => {}
        _ => arm(actor, ctx, at),
    }
}

fn arm<A: Alarmed>(actor: &mut A, ctx: &mut Context<A>, at: Monotonic) {
    let wait = Duration::from_nanos(at.0.saturating_sub(actor.clock().now().0));
    let handle = ctx.run_later(wait, |actor, ctx| {
        actor.alarm().armed = None;
        let now = actor.clock().now();
        match actor.alarm().due {
            Some(due) if due <= now => {
                actor.alarm().due = None;
                actor.ring(ctx);
            }
            Some(due) => arm(actor, ctx, due),
            None => {}
        }
    });
    if let Some((_, old)) = actor.alarm().armed.replace((at, handle)) {
        ctx.cancel_future(old);
    }
}
