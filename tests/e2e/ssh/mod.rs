//! Over real ssh: `pogo apply` against servers that are real, on this machine, and sometimes misbehave on purpose.
//!
//! What happened is read from a log that the commands themselves write, as well as from what pogo says. No test waits for a
//! time to pass: commands wait for pipes, tests for states, within a bound.

mod agent;
mod core;
mod crowd;
mod endings;
mod gate;
mod lost;
mod owner;
mod probe;
mod promises;
mod refusals;
mod servers;
mod site;
mod stops;
mod sudo;
mod surroundings;

use servers::Server;
use site::{Site, can, log_holds, until};
