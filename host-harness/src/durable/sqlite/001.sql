-- One file, many installations: every index begins with the installation, and no query goes without one.
-- Times are milliseconds since 1970. Shapes that only Rust looks into are JSON.

CREATE TABLE task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    installation TEXT NOT NULL,
    ordering_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    lane INTEGER NOT NULL,          -- 0 prompt, 1 bulk
    not_before INTEGER,
    title TEXT NOT NULL,
    subject_kind TEXT,
    subject_id TEXT,
    generation INTEGER NOT NULL,
    admitted_at INTEGER NOT NULL,
    repeats INTEGER NOT NULL,
    status TEXT NOT NULL,           -- waiting, running, done, dead
    attempt INTEGER NOT NULL,
    due INTEGER NOT NULL,
    waiting_for TEXT,
    wake_on TEXT,
    put_off_at INTEGER,
    part INTEGER,
    failure TEXT,
    ended_at INTEGER,
    run INTEGER,
    assignment INTEGER              -- its id in that run
) STRICT;

CREATE INDEX task_in_line ON task (installation, ordering_key, lane, id, due) WHERE status = 'waiting';
CREATE INDEX task_by_due ON task (installation, ordering_key, due) WHERE status = 'waiting';
CREATE INDEX task_put_off ON task (installation, ordering_key, put_off_at) WHERE status = 'waiting' AND put_off_at IS NOT NULL;
CREATE INDEX task_to_wake ON task (installation, ordering_key, wake_on) WHERE status = 'waiting' AND wake_on IS NOT NULL;
CREATE INDEX task_by_dedupe_key ON task (installation, dedupe_key);
CREATE INDEX task_of_installation ON task (installation);
CREATE INDEX task_by_status ON task (installation, status);
CREATE INDEX task_of_run ON task (installation, run) WHERE run IS NOT NULL;

CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    installation TEXT NOT NULL,
    ordering_key TEXT NOT NULL,
    tasks INTEGER NOT NULL,
    input TEXT NOT NULL,            -- JSON: RunInput
    started_at INTEGER NOT NULL,
    cancelled TEXT,                 -- why
    ended_at INTEGER,
    ending TEXT                     -- JSON: Ending
) STRICT;

CREATE INDEX run_of_installation ON run (installation);
CREATE INDEX run_open ON run (installation) WHERE ended_at IS NULL;

CREATE TABLE journal (
    installation TEXT NOT NULL,
    run INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    record TEXT NOT NULL,           -- JSON: Record
    PRIMARY KEY (installation, run, entry)
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
    installation TEXT NOT NULL,
    ordering_key TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    subject_kind TEXT,
    subject_id TEXT,
    PRIMARY KEY (installation, ordering_key, key)
) STRICT, WITHOUT ROWID;

-- What `state` holds in all, so that a bound costs no count.
CREATE TABLE state_usage (
    installation TEXT PRIMARY KEY,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pause (
    installation TEXT NOT NULL,
    whole INTEGER NOT NULL,         -- 1: the installation, and the key is empty
    ordering_key TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (installation, whole, ordering_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    installation TEXT NOT NULL,
    run INTEGER,
    at INTEGER NOT NULL,
    line TEXT NOT NULL              -- JSON: Line
) STRICT;

CREATE INDEX log_of_installation ON log (installation);

CREATE TABLE change (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    installation TEXT NOT NULL,
    run INTEGER NOT NULL,
    at INTEGER NOT NULL,
    change TEXT NOT NULL            -- JSON: Change
) STRICT;

CREATE INDEX change_of_installation ON change (installation);
