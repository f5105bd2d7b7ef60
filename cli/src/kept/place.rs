//! Where a store is, and whose it is.

use std::os::unix::fs::MetadataExt as _;

use nix::unistd::{Gid, Group, Uid, User};
use pogo_store::Store;

/// `/srv/pogo, shared with the group ops`
pub(super) fn words(store: &Store) -> String {
    let path = store.path().display();
    let Ok(found) = std::fs::metadata(store.path()) else { return path.to_string() };
    let mut who = Vec::new();
    if found.uid() != Uid::effective().as_raw() {
        let name = User::from_uid(Uid::from_raw(found.uid())).ok().flatten().map(|user| user.name);
        who.push(format!("owned by {}", name.unwrap_or_else(|| format!("user {}", found.uid()))));
    }
    if store.is_shared() {
        let name = Group::from_gid(Gid::from_raw(found.gid())).ok().flatten().map(|group| group.name);
        who.push(format!("shared with the group {}", name.unwrap_or_else(|| found.gid().to_string())));
    }
    if who.is_empty() {
        format!("{path}, which nobody else uses")
    } else {
        format!("{path}, {}", who.join(", "))
    }
}
