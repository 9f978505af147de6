-- oldest: 1
-- Values are opaque; times are milliseconds since 1970 UTC. What each table and index is for is told in the SQLite
-- store's schema.sql; here is what differs.

-- last_seq is that of the journal: so one UPDATE compares the epoch and the seq, moves the seq on, and locks the run
-- against other writers. It is in no index and the pages have room, so that it stays a change within the page (HOT).
CREATE TABLE waystation_runs (
    run_no          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at      bigint NOT NULL,
    updated_at      bigint NOT NULL,
    epoch           bigint NOT NULL,
    last_seq        bigint NOT NULL,
    wake_at         bigint,
    run_id          text COLLATE "C" NOT NULL UNIQUE,
    workflow_id     text COLLATE "C" NOT NULL,
    version         text COLLATE "C" NOT NULL,
    fingerprint     text COLLATE "C" NOT NULL,
    status          text COLLATE "C" NOT NULL,
    resource_id     text COLLATE "C",
    owner           text COLLATE "C",
    idempotency_key text COLLATE "C"
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE UNIQUE INDEX waystation_runs_by_key ON waystation_runs (workflow_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

CREATE INDEX waystation_runs_by_time     ON waystation_runs (created_at, run_no);
CREATE INDEX waystation_runs_by_workflow ON waystation_runs (workflow_id, created_at, run_no);
CREATE INDEX waystation_runs_by_resource ON waystation_runs (resource_id, created_at, run_no)
    WHERE resource_id IS NOT NULL;
-- By age: see reads.list_runs.
CREATE INDEX waystation_runs_by_status   ON waystation_runs (status, (-created_at), (-run_no))
    WHERE status <> 'success';
CREATE INDEX waystation_runs_by_workflow_status ON waystation_runs (workflow_id, status, (-created_at), (-run_no))
    WHERE status <> 'success';

CREATE INDEX waystation_runs_owned    ON waystation_runs (owner, updated_at, run_no) WHERE owner IS NOT NULL;
CREATE INDEX waystation_runs_orphaned ON waystation_runs (updated_at, run_no) WHERE status = 'running' AND owner IS NULL;
CREATE INDEX waystation_runs_asleep   ON waystation_runs (wake_at, run_no)
    WHERE wake_at IS NOT NULL AND status IN ('waiting', 'suspended');

CREATE INDEX waystation_runs_ended ON waystation_runs (updated_at, run_no)
    WHERE status IN ('success', 'failed', 'cancelled');

-- Without a foreign key: whoever appends holds the lock of the run's row, and so does whoever deletes it.
CREATE TABLE waystation_journal (
    run_no bigint NOT NULL,
    seq    bigint NOT NULL,
    entry  bytea  NOT NULL,
    PRIMARY KEY (run_no, seq)
);

CREATE TABLE waystation_frontiers (
    run_no bigint PRIMARY KEY,
    seq    bigint NOT NULL,
    state  bytea  NOT NULL
);

CREATE TABLE waystation_suspensions (
    suspension_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_no        bigint NOT NULL,
    seq           bigint NOT NULL,
    address       text COLLATE "C" NOT NULL,
    UNIQUE (run_no, seq)
);

CREATE TABLE waystation_workers (
    worker_id  text COLLATE "C" PRIMARY KEY,
    host       text   NOT NULL,
    pid        bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE TABLE waystation_definitions (
    fingerprint text COLLATE "C" PRIMARY KEY,
    workflow_id text  NOT NULL,
    description bytea NOT NULL
);

CREATE TABLE waystation_schedules (
    schedule_id text COLLATE "C" PRIMARY KEY,
    workflow_id text    NOT NULL,
    spec        text    NOT NULL,
    next_at     bigint,
    last_at     bigint,
    paused      boolean NOT NULL
);
