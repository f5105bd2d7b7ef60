//! Stores that cannot be used.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use pogo_plan::event::JobId;
use pogo_store::{NewJob, Reader, Session, Store, StoreError, Told};

use crate::rig::{End, Rig, names, open, plan};

fn session(path: &Path) -> Result<Session, StoreError> {
    Session::open(&Store::open(path)?, "default", Box::new(|_| {}))
}

fn used(path: &Path) {
    let store = Store::open(path).unwrap();
    Rig::begin(&store, 1, plan(&names(2), 0..2, &[]), None).run();
}

/// SQLite's own program, run from outside as somebody else would.
fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    let file = fs::OpenOptions::new().write(true).open(path.join("pogo.db")).unwrap();
    file.write_all_at(bytes, at).unwrap();
    let _ = fs::remove_file(path.join("pogo.db-wal"));
    let _ = fs::remove_file(path.join("pogo.db-shm"));
}

#[test]
fn a_newer_store_is_refused_as_newer() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path());
    // `user_version` in the header.
    overwrite(folder.path(), 60, &2u32.to_be_bytes());
    let error = session(folder.path()).unwrap_err();
    assert!(matches!(&error, StoreError::Newer { what, .. } if what.contains("version 2")), "{error}");
    assert!(matches!(Reader::open(&Store::open(folder.path()).unwrap()), Err(StoreError::Newer { .. })));
}

#[test]
fn what_is_no_store_or_damaged_is_refused_as_such() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path());
    overwrite(folder.path(), 0, b"no database at all");
    let error = session(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    let folder = tempfile::tempdir().unwrap();
    used(folder.path());
    // `application_id` in the header.
    overwrite(folder.path(), 68, b"else");
    let error = session(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    let folder = tempfile::tempdir().unwrap();
    used(folder.path());
    let length = fs::metadata(folder.path().join("pogo.db")).unwrap().len();
    for page in 1..length / 4096 {
        overwrite(folder.path(), page * 4096, &[0xa5; 4096]);
    }
    let error = session(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[test]
fn a_store_deleted_or_replaced_while_in_use_is_noticed_before_anything_is_told() {
    for replaced in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (session, told) = open(&store);
        let new = |id| NewJob {
            id: JobId::from_bits(id),
            plan: plan(&names(2), 0..2, &[]),
            summary: String::new(),
        };
        let owned = session.begin(new(1)).unwrap();
        for file in ["pogo.db", "pogo.db-wal", "pogo.db-shm"] {
            fs::remove_file(folder.path().join(file)).unwrap();
        }
        if replaced {
            let other = Store::open(folder.path()).unwrap();
            Rig::begin(&other, 7, plan(&names(2), 0..2, &[]), None).run();
        }
        let mut rig = Rig::of(session, told, owned, None);
        let end = rig.run();
        assert!(matches!(end, End::Failed(StoreError::Gone { .. })), "{end:?}");
        assert_eq!(rig.started, 0);
    }
}

#[test]
fn a_full_disk_halts_the_job_and_no_start_goes_unrecorded() {
    let folder = tempfile::tempdir().unwrap();
    // A file system of its own, as root; elsewhere a limit on the size of files does the same.
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=600k", "pogo-test"])
        .arg(folder.path())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        return;
    }
    let store = Store::open(folder.path()).unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut rig = Rig::begin(
        &store,
        1,
        plan(&names(900), 0..900, &[("$web", 0..900, 1)]),
        Some(crate::rig::Log::open(log.path())),
    );
    let filler = fs::File::create(folder.path().join("filler")).unwrap();
    let rest = nix_free(folder.path());
    let _ = std::os::unix::fs::FileExt::write_all_at(&filler, &vec![1; rest.saturating_sub(60_000)], 0);
    let end = rig.run();
    let began =
        fs::read_to_string(log.path()).unwrap().lines().filter(|line| line.starts_with("begin")).count();
    drop(rig);
    fs::remove_file(folder.path().join("filler")).unwrap();
    let mut reader = Reader::open(&store).unwrap();
    let granted = reader
        .facts(JobId::from_bits(1))
        .flat_map(|entry| entry.unwrap().facts)
        .filter(|fact| matches!(fact, pogo_plan::event::Fact::Granted { .. }))
        .count();
    drop(reader);
    let unmounted = Command::new("umount").arg("-l").arg(folder.path()).status().unwrap();
    assert!(unmounted.success());
    assert!(matches!(end, End::Failed(StoreError::Full { .. })), "{end:?}");
    assert!(began <= granted, "{began} began, {granted} are on record");
    assert!(began > 0, "nothing ran before the disk was full");
}

fn nix_free(path: &Path) -> usize {
    let found = Command::new("df").args(["--output=avail", "-B1"]).arg(path).output().unwrap();
    String::from_utf8(found.stdout).unwrap().lines().nth(1).unwrap().trim().parse().unwrap()
}

#[test]
fn another_program_that_keeps_the_database_locked_is_named_as_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path());
    // Any program will do; Python's library is at hand where these tests run.
    let script = "import sqlite3,sys\ndb=sqlite3.connect(sys.argv[1],isolation_level=None)\n\
        db.execute('BEGIN IMMEDIATE')\nprint('locked',flush=True)\nsys.stdin.read()";
    let other = Command::new("python3")
        .args(["-c", script])
        .arg(folder.path().join("pogo.db"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let Ok(mut other) = other else { return };
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(other.stdout.take().unwrap()), &mut line)
        .unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (session, _told) = open(&store);
    // Readers are not in anybody's way.
    assert_eq!(Reader::open(&store).unwrap().jobs(&Default::default()).unwrap().len(), 1);
    let new = NewJob { id: JobId::from_bits(2), plan: plan(&names(1), 0..1, &[]), summary: String::new() };
    let error = session.begin(new).unwrap_err();
    drop(other.stdin.take());
    other.wait().unwrap();
    assert!(matches!(error, StoreError::Locked { waited_ms: 5_000, .. }), "{error}");
}

#[test]
fn a_folder_that_may_not_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    used(folder.path());
    let as_nobody = |path: &Path| {
        // Root may write anywhere, so somebody else is asked for.
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::as_somebody_else", "--nocapture"])
            .env("POGO_TEST_FOLDER", path)
            .output()
            .unwrap()
    };
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let output = as_nobody(folder.path());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("ReadOnly"), "{text}");
}

/// Runs in a process of its own; nothing when run as a test.
#[test]
fn as_somebody_else() {
    let Some(folder) = std::env::var_os("POGO_TEST_FOLDER") else { return };
    if nix::unistd::geteuid().is_root() {
        nix::unistd::setgid(nix::unistd::Gid::from_raw(65_534)).unwrap();
        nix::unistd::setuid(nix::unistd::Uid::from_raw(65_534)).unwrap();
    }
    let found = session(Path::new(&folder)).map(drop);
    println!("{found:?}");
}

#[test]
fn members_of_a_group_share_a_store_whoever_made_it() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(&path).unwrap();
    std::os::unix::fs::chown(&path, None, Some(65_534)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o2775)).unwrap();
    used(&path);
    assert!(Store::open(&path).unwrap().is_shared());
    // Somebody else of the group goes on, while the files of the first are there; and then the first again.
    let (_session, _told) = open(&Store::open(&path).unwrap());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::as_somebody_of_the_group", "--nocapture"])
        .env("POGO_TEST_FOLDER", &path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("State(Succeeded)"), "{text}");
    let store = Store::open(&path).unwrap();
    let end = Rig::begin(&store, 3, plan(&names(2), 0..2, &[]), None).run();
    assert!(matches!(end, End::State(_)), "{end:?}");
    assert!(Rig::resume(&store, 2, None).is_ok(), "what another of the group began can be taken up");
}

/// Runs in a process of its own; nothing when run as a test.
#[test]
fn as_somebody_of_the_group() {
    let Some(folder) = std::env::var_os("POGO_TEST_FOLDER") else { return };
    nix::unistd::setgroups(&[]).unwrap();
    nix::unistd::setgid(nix::unistd::Gid::from_raw(65_534)).unwrap();
    nix::unistd::setuid(nix::unistd::Uid::from_raw(12_345)).unwrap();
    let store = Store::open(Path::new(&folder)).unwrap();
    println!("{:?}", Rig::begin(&store, 2, plan(&names(2), 0..2, &[]), None).run());
}

#[test]
fn a_session_that_has_failed_says_so_once_and_nothing_after() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (session, told) = open(&store);
    fs::remove_file(folder.path().join("pogo.db")).unwrap();
    session.submit(pogo_store::Batch::default());
    let all: Vec<Told> = told.iter().collect();
    assert!(matches!(all.as_slice(), [Told::Failed(StoreError::Gone { .. })]), "{all:?}");
    let new = NewJob { id: JobId::from_bits(1), plan: plan(&names(1), 0..1, &[]), summary: String::new() };
    assert!(matches!(session.begin(new), Err(StoreError::SessionOver)));
}
