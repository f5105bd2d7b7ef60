//! Against real servers.

mod ask;
mod attempt;
mod connect;
mod jump;
mod killed;
mod lost;
mod support;
