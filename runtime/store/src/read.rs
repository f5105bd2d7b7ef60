//! Questions to a store. They never take a namespace's turn, and never wait for who writes.

pub(crate) mod facts;

pub use facts::Entry;
