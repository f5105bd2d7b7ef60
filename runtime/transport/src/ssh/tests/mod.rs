//! Against real servers.

mod attempt;
mod connect;
mod lost;
mod support;
