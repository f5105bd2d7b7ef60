-- Version 1 of a store. `Store::open` runs this in one transaction on an empty database.
--
-- Times named `wall` are microseconds since 1970 and are for people. Times named `ns` are nanoseconds of the namespace's
-- ledger (clock.rs). A job's number is the forty bits of its id. Blobs begin with a byte that names their form (codec.rs).

CREATE TABLE namespaces (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- Which version of the ledger's rules the log was made by: other rules would make another ledger of it.
    rules INTEGER NOT NULL,
    -- The number of the last operation, and the last one that the log no longer has.
    last INTEGER NOT NULL DEFAULT 0,
    trimmed INTEGER NOT NULL DEFAULT 0,
    -- The time of the last operation, and how to go on from it: in this boot, time is nanoseconds since boot plus `ahead`.
    ns INTEGER NOT NULL DEFAULT 0,
    boot TEXT NOT NULL DEFAULT '',
    ahead INTEGER NOT NULL DEFAULT 0
) STRICT;

-- When each boot began, as the wall clock had it: what the ledger's times mean to people.
CREATE TABLE boots (
    namespace INTEGER NOT NULL,
    ns INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    PRIMARY KEY (namespace, ns)
) STRICT, WITHOUT ROWID;

-- Operations on the ledger, in the order in which every process applies them: a row for each commit. `last` is the number
-- of its last operation.
CREATE TABLE log (
    namespace INTEGER NOT NULL,
    last INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    ops BLOB NOT NULL,
    PRIMARY KEY (namespace, last)
) STRICT, WITHOUT ROWID;

-- The ledger after the operation `last`.
CREATE TABLE snapshots (
    namespace INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    ledger BLOB NOT NULL
) STRICT;

CREATE TABLE plans (
    digest TEXT PRIMARY KEY,
    json BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL,
    plan TEXT NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    user TEXT NOT NULL,
    uid INTEGER NOT NULL,
    host TEXT NOT NULL,
    summary TEXT NOT NULL,
    -- Who has it, or had it last. Whether that process lives is told by the job's lock, not by this.
    epoch INTEGER NOT NULL,
    owner TEXT NOT NULL,
    pid INTEGER NOT NULL,
    state INTEGER NOT NULL,
    -- The number of the last fact; the last operation that its owner has read.
    seq INTEGER NOT NULL DEFAULT 0,
    read INTEGER NOT NULL DEFAULT 0,
    targets INTEGER NOT NULL,
    active INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0,
    bad INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX jobs_by_time ON jobs (created);
CREATE INDEX jobs_by_plan ON jobs (plan);
-- Few are unfinished, and who writes looks for those of its namespace. States below 16 are of unfinished jobs.
CREATE INDEX jobs_unfinished ON jobs (namespace, id, epoch) WHERE state < 16;

-- Facts, a row for each job and commit. `last` is the number of its last fact.
CREATE TABLE journal (
    job INTEGER NOT NULL,
    last INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    facts BLOB NOT NULL,
    PRIMARY KEY (job, last)
) STRICT, WITHOUT ROWID;

-- What operators said to a job. `state`: 0 to be done, 1 done, 2 refused.
CREATE TABLE commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    author TEXT NOT NULL,
    uid INTEGER NOT NULL,
    host TEXT NOT NULL,
    reason TEXT,
    command TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    answer TEXT,
    answered INTEGER
) STRICT;

CREATE INDEX commands_by_job ON commands (job, state);

-- What operators did to the ledger itself. Never pruned.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    author TEXT NOT NULL,
    uid INTEGER NOT NULL,
    machine TEXT NOT NULL,
    what TEXT NOT NULL,
    target TEXT NOT NULL,
    job INTEGER,
    reason TEXT NOT NULL
) STRICT;
