-- The schema as it is after the newest migration: what a new store is made by. Each migration changes this file too;
-- a test holds what it makes to what the migrations lead to. Values are opaque; times are milliseconds since 1970 UTC.

-- One row a run: what lists and claims need. run_no stands for the run everywhere else, and is never used twice.
CREATE TABLE waystation_runs (
    run_no          INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id          TEXT    NOT NULL UNIQUE,
    workflow_id     TEXT    NOT NULL,
    fingerprint     TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    resource_id     TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    epoch           INTEGER NOT NULL,
    owner           TEXT,
    wake_at         INTEGER,
    version         TEXT    NOT NULL DEFAULT '',
    idempotency_key TEXT
);

-- One run for each key of a workflow.
CREATE UNIQUE INDEX waystation_runs_by_key ON waystation_runs (workflow_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

-- Lists. Each index ends in run_no, as every index of a table does: so it is in the order of a page.
CREATE INDEX waystation_runs_by_time     ON waystation_runs (created_at);
CREATE INDEX waystation_runs_by_workflow ON waystation_runs (workflow_id, created_at);
CREATE INDEX waystation_runs_by_resource ON waystation_runs (resource_id, created_at) WHERE resource_id IS NOT NULL;
-- Most runs have succeeded; a list of those is nearly a list of all. Those that are driven are listed by who drives them:
-- so they need not be put in here as they begin, and taken out as they end.
CREATE INDEX waystation_runs_by_status   ON waystation_runs (status, created_at)
    WHERE status <> 'success' AND status <> 'running';
CREATE INDEX waystation_runs_by_workflow_status ON waystation_runs (workflow_id, status, created_at)
    WHERE status <> 'success' AND status <> 'running';
CREATE INDEX waystation_runs_owned    ON waystation_runs (owner, created_at) WHERE status = 'running';

-- Claims. Each holds only the runs a claim could be for, however many have ended. A suspended run too may have a time
-- at which it goes on.
CREATE INDEX waystation_runs_orphaned ON waystation_runs (updated_at) WHERE status = 'running' AND owner IS NULL;
CREATE INDEX waystation_runs_asleep   ON waystation_runs (wake_at, workflow_id, version)
    WHERE wake_at IS NOT NULL AND status IN ('waiting', 'suspended');

-- Pruning: what ended, the oldest first.
CREATE INDEX waystation_runs_ended ON waystation_runs (updated_at) WHERE status IN ('success', 'failed', 'cancelled');

-- What happened, appended only. The rows of one run lie together.
CREATE TABLE waystation_journal (
    run_no INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    entry  BLOB    NOT NULL,
    PRIMARY KEY (run_no, seq)
) WITHOUT ROWID;

-- The folded state as of seq: a cache of the journal up to there.
CREATE TABLE waystation_frontiers (
    run_no INTEGER PRIMARY KEY,
    seq    INTEGER NOT NULL,
    state  BLOB    NOT NULL
);

-- The suspensions that wait for an answer, numbered as they were opened.
CREATE TABLE waystation_suspensions (
    suspension_no INTEGER PRIMARY KEY,
    run_no        INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    address       TEXT    NOT NULL,
    UNIQUE (run_no, seq)
);

CREATE TABLE waystation_workers (
    worker_id  TEXT    PRIMARY KEY,
    host       TEXT    NOT NULL,
    pid        INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE waystation_definitions (
    fingerprint TEXT PRIMARY KEY,
    workflow_id TEXT NOT NULL,
    description BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE waystation_schedules (
    schedule_id TEXT    PRIMARY KEY,
    workflow_id TEXT    NOT NULL,
    spec        TEXT    NOT NULL,
    next_at     INTEGER,
    last_at     INTEGER,
    paused      INTEGER NOT NULL
) WITHOUT ROWID;
