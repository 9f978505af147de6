-- Flow: versions, idempotent starts, suspended runs that wake by themselves, pruning, schedules. And the store's names
-- all begin with waystation_, so that users' own tables, which steps may write to, can have any other.

ALTER TABLE runs        RENAME TO waystation_runs;
ALTER TABLE journal     RENAME TO waystation_journal;
ALTER TABLE frontiers   RENAME TO waystation_frontiers;
ALTER TABLE suspensions RENAME TO waystation_suspensions;
ALTER TABLE workers     RENAME TO waystation_workers;
ALTER TABLE definitions RENAME TO waystation_definitions;

DROP INDEX runs_by_time;
DROP INDEX runs_by_workflow;
DROP INDEX runs_by_resource;
DROP INDEX runs_by_status;
DROP INDEX runs_owned;
DROP INDEX runs_orphaned;
DROP INDEX runs_waiting;

ALTER TABLE waystation_runs ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE waystation_runs ADD COLUMN idempotency_key TEXT;

-- One run for each key of a workflow.
CREATE UNIQUE INDEX waystation_runs_by_key ON waystation_runs (workflow_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

-- Lists. Each index ends in run_no, as every index of a table does: so it is in the order of a page.
CREATE INDEX waystation_runs_by_time     ON waystation_runs (created_at);
CREATE INDEX waystation_runs_by_workflow ON waystation_runs (workflow_id, created_at);
CREATE INDEX waystation_runs_by_resource ON waystation_runs (resource_id, created_at) WHERE resource_id IS NOT NULL;
-- Most runs have succeeded; a list of those is nearly a list of all.
CREATE INDEX waystation_runs_by_status   ON waystation_runs (status, created_at) WHERE status <> 'success';
CREATE INDEX waystation_runs_by_workflow_status ON waystation_runs (workflow_id, status, created_at)
    WHERE status <> 'success';

-- Claims. Each holds only the runs a claim could be for, however many have ended. A suspended run too may have a time
-- at which it goes on.
CREATE INDEX waystation_runs_owned    ON waystation_runs (owner) WHERE owner IS NOT NULL;
CREATE INDEX waystation_runs_orphaned ON waystation_runs (updated_at) WHERE status = 'running' AND owner IS NULL;
CREATE INDEX waystation_runs_asleep   ON waystation_runs (wake_at, workflow_id, version)
    WHERE wake_at IS NOT NULL AND status IN ('waiting', 'suspended');

-- Pruning: what ended, the oldest first.
CREATE INDEX waystation_runs_ended ON waystation_runs (updated_at) WHERE status IN ('success', 'failed', 'cancelled');

CREATE TABLE waystation_schedules (
    schedule_id TEXT    PRIMARY KEY,
    workflow_id TEXT    NOT NULL,
    spec        TEXT    NOT NULL,
    next_at     INTEGER,
    last_at     INTEGER,
    paused      INTEGER NOT NULL
) WITHOUT ROWID;
