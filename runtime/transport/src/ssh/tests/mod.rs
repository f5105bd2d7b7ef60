//! Against real servers.

mod connect;
mod support;
