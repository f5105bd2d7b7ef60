//! What runs on the target: a POSIX `sh` script that owns one attempt there, and how to talk to it.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `wrapper.sh`, `kill.sh`, `probe.sh` | the scripts; `keeper.sh` and `listener.sh` are the two processes of the first; `prologue.sh` and `lib.sh` are what they share |
//! | `parts.sh`, `verify.sh`, `bytes.sh`, `script.sh` | what of the wrapper is sent only with a job that needs it |
//! | `text` | a script as one constant command line that every login shell takes, with short names |
//! | `request` | what is written to a script's standard input, and when |
//! | `invocation` | an attempt as such input |
//! | `decoder` | what comes back: marks in the output, and the output between them |
//! | `traces` | who is looked for on a host: boot id, group, keeper |
//!
//! # A conversation
//!
//! A [`Request`] is an ssh session: run [`Request::command_line`], write [`Request::opening`] to its standard input, and
//! hand everything that comes back to [`Request::decoder`]. For each [`Event`] write what [`Request::answer`] gives; the
//! first command starts when [`Event::Started`] has been answered, and not before: take note of it, then answer. So
//! an attempt whose connection is lost before that answer was written has provably not started. The login user needs one
//! round trip for that; sudo one more before it, for the attempt itself, and one for its password if it wants one:
//! nothing is sent that a sudo which wants no password, or another one, could swallow.
//!
//! An attempt ends with [`Event::Ended`], never with the end of the output, which children of the command may hold open.
//! Write [`ACKNOWLEDGE`] once its end is on record; the script then leaves nothing behind. To end the attempt early,
//! write [`STOP`] and go on reading. An input that ends without a word leaves the attempt alone: it runs on to its end or
//! its deadline, its output is read and dropped, and its end is kept on the host for [`Probe`].
//!
//! The marks carry a nonce that is in no argument and no environment of any process, so that no output is mistaken for
//! one. They are taken out of the output; all other bytes come through as they are.

mod decoder;
mod invocation;
mod request;
mod text;
mod traces;

pub use decoder::{Decoder, Ended, Event, Killed, Probed};
pub use invocation::{Invocation, InvocationError, Times};
pub use request::{Kill, Probe, Request, RequestError, Sudo};
pub use traces::{Process, Traces, TracesError};

/// Written when the end of an attempt, or the answer of a probe, is on record.
pub const ACKNOWLEDGE: &[u8] = b"ack\n";

/// Written to end an attempt.
pub const STOP: &[u8] = b"stop\n";

/// Bytes that are wiped from memory when dropped, and never printed.
pub type SecretBytes = secrecy::SecretSlice<u8>;

#[cfg(test)]
mod tests;
