-- The first schema. Values are opaque; times are milliseconds since 1970 UTC.

-- One row a run: what lists and claims need. run_no stands for the run everywhere else, and is never used twice.
CREATE TABLE runs (
    run_no      INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id      TEXT    NOT NULL UNIQUE,
    workflow_id TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    resource_id TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    owner       TEXT,
    wake_at     INTEGER
);

-- Lists. Each index ends in run_no, as every index of a table does: so it is in the order of a page.
CREATE INDEX runs_by_time     ON runs (created_at);
CREATE INDEX runs_by_workflow ON runs (workflow_id, created_at);
CREATE INDEX runs_by_resource ON runs (resource_id, created_at) WHERE resource_id IS NOT NULL;
-- Most runs have succeeded; a list of those is nearly a list of all.
CREATE INDEX runs_by_status   ON runs (status, created_at) WHERE status <> 'success';

-- Claims. Each holds only the runs a claim could be for, however many have ended.
CREATE INDEX runs_owned    ON runs (owner) WHERE owner IS NOT NULL;
CREATE INDEX runs_orphaned ON runs (updated_at) WHERE status = 'running' AND owner IS NULL;
CREATE INDEX runs_waiting  ON runs (wake_at, workflow_id) WHERE status = 'waiting';

-- What happened, appended only. The rows of one run lie together.
CREATE TABLE journal (
    run_no INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    entry  BLOB    NOT NULL,
    PRIMARY KEY (run_no, seq)
) WITHOUT ROWID;

-- The folded state as of seq: a cache of the journal up to there.
CREATE TABLE frontiers (
    run_no INTEGER PRIMARY KEY,
    seq    INTEGER NOT NULL,
    state  BLOB    NOT NULL
);

-- The suspensions that wait for an answer, numbered as they were opened.
CREATE TABLE suspensions (
    suspension_no INTEGER PRIMARY KEY,
    run_no        INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    address       TEXT    NOT NULL,
    UNIQUE (run_no, seq)
);

CREATE TABLE workers (
    worker_id  TEXT    PRIMARY KEY,
    host       TEXT    NOT NULL,
    pid        INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE definitions (
    fingerprint TEXT PRIMARY KEY,
    workflow_id TEXT NOT NULL,
    description BLOB NOT NULL
) WITHOUT ROWID;
