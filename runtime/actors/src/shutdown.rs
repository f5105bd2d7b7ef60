//! The message that ends an actor whose work is done. Actors that know each other never end by themselves.

use actix::Message;

#[derive(Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) struct Shutdown;

macro_rules! stops_on_shutdown {
    ($($actor:ty),+) => {$(
        impl actix::Handler<$crate::shutdown::Shutdown> for $actor {
            type Result = ();

            fn handle(&mut self, _: $crate::shutdown::Shutdown, ctx: &mut Self::Context) {
                actix::ActorContext::stop(ctx);
            }
        }
    )+};
}

pub(crate) use stops_on_shutdown;
