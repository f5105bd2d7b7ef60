//! Servers with an account of their own that has a password, and may use sudo with it: in a mount namespace, so that the
//! machine's own accounts are as they were. That needs root.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use pogo_test_sshd::{Farm, SSHD};

use super::Site;

/// The account.
pub(super) const USER: &str = "pogo-test";
/// Its password.
pub(super) const PASSWORD: &str = "hunter2-4711-xyzzy";

/// Servers that let the account in by its password alone; nothing, and a word about it, where that cannot be had.
#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
pub(super) fn site(server: &str) -> Option<Site> {
    let may =
        Command::new("unshare").args(["-m", "mount", "--make-rprivate", "/"]).stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: logins by password need root and mount namespaces (`unshare -m`)");
        return None;
    }
    let farm = Farm::with(&format!("PasswordAuthentication yes\nPubkeyAuthentication no\n{server}"));
    let hash = Command::new("openssl").args(["passwd", "-6", PASSWORD]).output().unwrap();
    let hash = String::from_utf8(hash.stdout).unwrap();
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    farm.write("passwd", &format!("{passwd}{USER}:x:64711:65534::/tmp:/bin/sh\n"));
    let shadow = fs::read_to_string("/etc/shadow").unwrap();
    farm.write("shadow", &format!("{shadow}{USER}:{}:20000:0:99999:7:::\n", hash.trim()));
    farm.write("sudoers", &format!("root ALL=(ALL) ALL\n{USER} ALL=(ALL) ALL\n"));
    mode(&farm.path("shadow"), 0o600);
    mode(&farm.path("sudoers"), 0o440);
    // What runs there writes as another user.
    mode(&farm.home(), 0o777);
    let at = |name: &str| farm.path(name).display().to_string();
    let mut script = "#!/bin/sh\nset -e\nmount --make-rprivate /\n".to_owned();
    for name in ["passwd", "shadow", "sudoers"] {
        if Path::new("/etc").join(name).exists() {
            script.push_str(&format!("mount --bind {} /etc/{name}\n", at(name)));
        }
    }
    script.push_str(&format!("exec {SSHD} -i -f {} -E {}\n", at("sshd_config"), at("sshd.log")));
    farm.write("server.sh", &script);
    farm.configure(&format!("Host pogo-*\n  ProxyCommand unshare -m sh {}\n", at("server.sh")));
    Some(Site::of(farm))
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
