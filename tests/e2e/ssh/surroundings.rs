//! Homes that are full or read-only, clocks that are wrong, folders with names that are too long.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::endings::another;
use super::refusals::said;
use super::site::{has, is_root};
use super::{Site, can, until};

/// A server in a world of its own mounts, made by these lines of shell; `$HOME_DIR` is the home of what it runs.
pub(super) fn in_a_world_with(site: &Site, lines: &str) -> bool {
    in_a_world_with_server(site, lines, "")
}

/// The same, with lines for the server's configuration.
fn in_a_world_with_server(site: &Site, lines: &str, server: &str) -> bool {
    if !can(is_root() && has("unshare"), "root and unshare") {
        return false;
    }
    let enter = site.file("enter");
    let home = site.farm.home();
    let text = format!("#!/bin/sh\nset -e\nHOME_DIR={}\n{lines}\nexec \"$@\"\n", home.display());
    fs::write(&enter, text).unwrap();
    fs::set_permissions(&enter, Permissions::from_mode(0o755)).unwrap();
    site.configure(&another(site, "pogo-*", server, &format!("unshare -m {}", enter.display())));
    true
}

#[test]
fn a_home_that_is_full_or_read_only_is_no_hindrance() {
    let full = "mount -t tmpfs -o size=16k,nr_inodes=2 none $HOME_DIR; : > $HOME_DIR/last";
    let read_only = "mount -t tmpfs -o ro none $HOME_DIR";
    for lines in [full, read_only] {
        let site = Site::new();
        if !in_a_world_with(&site, lines) {
            return;
        }
        site.spec("pogo-1", "mkdir ~/x 2>/dev/null && exit 9; echo hi", "");
        let ran = site.apply(&["--output-dir", "out"]);
        ran.all("succeeded", 1);
        assert_eq!(site.read("out/pogo-1.stdout"), "hi\n");
        site.is_clean();
    }
}

#[test]
fn a_home_that_is_full_of_data_loses_no_end() {
    let site = Site::new();
    let elsewhere = site.file("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    // Files can be made there, and nothing can be written to them.
    let full = "mount -t tmpfs -o size=64k none $HOME_DIR; dd if=/dev/zero of=$HOME_DIR/data bs=4k 2>/dev/null || true";
    let set = format!("SetEnv HOME={} XDG_RUNTIME_DIR={}", site.farm.home().display(), elsewhere.display());
    if !in_a_world_with_server(&site, full, &set) {
        return;
    }
    let gate = site.gate("gate");
    let work = format!(
        ": > ~/empty; if echo x > ~/x; then exit 9; fi\necho up\ncase $POGO_HOST in *2) read go < {gate}; exit 4;; esac"
    );
    site.spec_with("tag: {all: ['pogo-[1-2]']}\nsequence: {line: [pogo-1, pogo-2]}", &work, "");
    let mut run = site.start(&[]);
    run.wait_for("host_state", &[("host", "pogo-1"), ("state", "succeeded")]);
    run.wait_for("output", &[("host", "pogo-2")]);
    run.signal(nix::sys::signal::Signal::SIGKILL);
    let _killed = run.end();
    site.open_gate("gate");
    let kept = || {
        let entries = fs::read_dir(elsewhere.join("pogo")).into_iter().flatten().flatten();
        entries.into_iter().filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect::<String>()
    };
    until("the end to be kept in another place", || kept().contains(" failed 4 "));
    let said = site.probe(&["last"]);
    let host = &said["pogo-2"];
    assert_eq!((&host["outcome"], &host["exit"]["status"]), (&"failed".into(), &4.into()), "{host}");
}

#[test]
fn a_script_runs_where_home_cannot_be_written() {
    let site = Site::new();
    if !in_a_world_with(&site, "mount -t tmpfs -o ro none $HOME_DIR") {
        return;
    }
    site.farm.write("tool", "#!/bin/sh\necho \"$1 and $2\"\n");
    let config = site.farm.ssh_config().display().to_string();
    site.farm.write(
        "a.cfg",
        &format!("tag: {{all: [pogo-1]}}\njob: {{transport: ssh, ssh: {{config: '{config}'}}, script: tool, args: [one, 'two three']}}\n"),
    );
    let ran = site.apply(&["--output-dir", "out"]);
    ran.all("succeeded", 1);
    assert_eq!(site.read("out/pogo-1.stdout"), "one and two three\n");
}

#[test]
fn a_host_without_any_place_to_write_says_so() {
    let site = Site::new();
    let lines = "for d in /tmp /var/tmp $HOME_DIR; do mount --bind $d $d; done; F=$(dirname $HOME_DIR)\n\
                 mkdir -p /run/pogo-e2e; mount -t tmpfs none /run/pogo-e2e; mkdir /run/pogo-e2e/farm; mount --bind $F /run/pogo-e2e/farm\n\
                 mount -t tmpfs none /var/tmp; mount -o remount,ro /var/tmp\n\
                 mkdir -p /run/pogo-e2e/tmp; mount -t tmpfs none /run/pogo-e2e/tmp; mkdir -p /run/pogo-e2e/tmp${F#/tmp}\n\
                 mount --bind $F /run/pogo-e2e/tmp${F#/tmp}; mount --rbind /run/pogo-e2e/tmp /tmp; mount -o remount,bind,ro /tmp\n\
                 mount -t tmpfs -o ro none $HOME_DIR";
    if !site.farm.as_ref().starts_with(Path::new("/tmp")) || !in_a_world_with(&site, lines) {
        return;
    }
    // What is short needs no place.
    site.spec("pogo-1", "true", "  connect_timeout: 5s");
    assert_eq!(site.apply(&[]).state("pogo-1"), "succeeded");
    let before = site.log();
    site.spec("pogo-1", &format!(": {}", "x".repeat(4000)), "  connect_timeout: 5s");
    let ran = site.apply(&["--output-dir", "out"]);
    assert_eq!(ran.state("pogo-1"), "unreachable", "{ran:?}");
    let words = said(&site, "pogo-1");
    assert!(words.contains("read-only") || words.contains("cannot"), "{words}");
    assert_eq!(site.log(), before, "the long one was not started");
}

#[test]
fn a_clock_that_is_wrong_changes_nothing() {
    let library = [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists());
    if !can(library.is_some(), "faketime") {
        return;
    }
    // Years behind and years ahead.
    for clock in ["-3000d", "+3000d"] {
        let site = Site::new();
        let home = site.farm.home().display().to_string();
        let set = format!(
            "SetEnv HOME={home} LD_PRELOAD={} \"FAKETIME={clock}\" FAKETIME_DONT_FAKE_MONOTONIC=1\n",
            library.unwrap()
        );
        site.configure(&another(&site, "pogo-*", &set, ""));
        let gate = site.gate("gate");
        let work = format!("date +%Y\ncase $POGO_HOST in *2) read go < {gate};; esac");
        site.spec("pogo-[1-2]", &work, "  timeout: 4s");
        let ran = site.apply(&["--output-dir", "out"]);
        assert_eq!(
            (ran.state("pogo-1"), ran.state("pogo-2")),
            ("succeeded", "timed_out"),
            "{clock}: {ran:?}"
        );
        let year: u32 = site.read("out/pogo-1.stdout").trim().parse().unwrap();
        assert!(!(2024..2030).contains(&year), "{clock}: {year}");
        site.is_clean();
    }
}

/// A runtime folder of which the sockets would have paths of more than ninety bytes.
fn long_runtime(site: &Site) -> PathBuf {
    let long = site.file(&"x".repeat(90));
    fs::create_dir(&long).unwrap();
    fs::set_permissions(&long, Permissions::from_mode(0o700)).unwrap();
    long
}

#[test]
fn a_runtime_folder_with_a_long_name_is_passed_over() {
    let site = Site::new();
    site.spec("pogo-1", "true", "");
    let long = long_runtime(&site);
    let output = site.command(&["apply", "a.cfg", "--quiet"]).env("XDG_RUNTIME_DIR", &long).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(site.has_logged("end pogo-1 1"));
}

#[test]
fn no_place_for_sockets_is_named_before_the_first_start() {
    if !can(is_root() && has("unshare"), "root and unshare") {
        return;
    }
    let site = Site::new();
    site.spec("pogo-1", "true", "");
    let long = long_runtime(&site);
    // The place that is left is open to everybody.
    let open = site.file("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    let place = format!("/tmp/pogo-{}", nix::unistd::Uid::effective());
    let enter =
        format!("mkdir -p -m 700 {place}; mount --bind {} {place}; exec \"$0\" \"$@\"", open.display());
    let mut command = site.command_by(&["unshare", "-m", "sh", "-c", &enter], &["apply", "a.cfg", "--quiet"]);
    let output = command.env("XDG_RUNTIME_DIR", &long).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("control sockets") && said.contains("XDG_RUNTIME_DIR"), "{said}");
    assert_eq!(site.log(), Vec::<String>::new());
}

#[test]
fn sockets_are_in_the_runtime_folder_and_closed_to_others() {
    let site = Site::new();
    let gate = site.gate("gate");
    site.spec("pogo-1", &format!("echo up; read go < {gate}"), "");
    let mut run = site.start(&[]);
    run.wait_for("output", &[("host", "pogo-1")]);
    let is_socket = |path: &Path| fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
    let sockets: Vec<_> = site.sockets().into_iter().filter(|path| is_socket(path)).collect();
    assert!(!sockets.is_empty());
    for socket in &sockets {
        assert!(socket.starts_with(site.file("run/pogo")), "{socket:?}");
        let folder = fs::metadata(socket.parent().unwrap()).unwrap();
        assert_eq!(folder.permissions().mode() & 0o777, 0o700, "{socket:?}");
    }
    // A home may be on a network file system, which has none.
    let place = site.file("run/pogo").display().to_string();
    let masters = site.ssh_processes();
    assert!(!masters.is_empty() && masters.iter().all(|line| line.contains(&place)), "{masters:?}");
    site.open_gate("gate");
    assert_eq!(run.end().0, Some(0));
    site.is_clean();
}

#[test]
fn too_few_open_files_are_named_before_the_first_start() {
    let site = Site::new();
    site.spec("pogo-1", "true", "");
    let by = ["sh", "-c", "ulimit -n 64; exec \"$0\" \"$@\""];
    let output = site.command_by(&by, &["apply", "a.cfg", "--quiet"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("files") && said.contains("ulimit -n"), "{said}");
    assert_eq!(site.log(), Vec::<String>::new());
    site.is_clean();
}

#[test]
fn few_open_files_are_enough() {
    let site = Site::new();
    site.spec("pogo-[1-8]", "true", "");
    let ran = site.apply_by(&["sh", "-c", "ulimit -n 160; exec \"$0\" \"$@\""], &["--fanout", "8"]);
    ran.all("succeeded", 8);
    site.is_clean();
}
