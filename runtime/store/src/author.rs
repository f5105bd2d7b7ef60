//! Who does something to a store.

use nix::unistd::{Uid, User, gethostname};

/// A user, on a machine, in a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The user's name, or number where there is no name.
    pub user: String,
    /// The user's number.
    pub uid: u32,
    /// The machine's name.
    pub host: String,
    /// The process.
    pub pid: u32,
}

impl Who {
    /// Who runs this process.
    #[must_use]
    pub fn this_process() -> Self {
        let uid = Uid::current();
        let name = std::env::var("USER").ok().filter(|name| !name.is_empty());
        // The name in the environment is the user's own word: it counts only if the system says the same.
        let known = User::from_uid(uid).ok().flatten().map(|user| user.name);
        let user = known.or(name).unwrap_or_else(|| uid.to_string());
        let host = gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
        Self { user, uid: uid.as_raw(), host, pid: std::process::id() }
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {} (process {})", self.user, self.host, self.pid)
    }
}
