-- Flow: versions, idempotent starts, suspended runs that wake by themselves, pruning, schedules.

ALTER TABLE runs ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN idempotency_key TEXT;

-- One run for each key of a workflow.
CREATE UNIQUE INDEX runs_by_key ON runs (workflow_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Lists of one workflow and status. As in runs_by_status: those that succeeded are nearly all there are.
CREATE INDEX runs_by_workflow_status ON runs (workflow_id, status, created_at) WHERE status <> 'success';

-- Claims: a suspended run too may have a time at which it goes on.
DROP INDEX runs_waiting;
CREATE INDEX runs_asleep ON runs (wake_at, workflow_id, version)
    WHERE wake_at IS NOT NULL AND status IN ('waiting', 'suspended');

-- Pruning: what ended, the oldest first.
CREATE INDEX runs_ended ON runs (updated_at) WHERE status IN ('success', 'failed', 'cancelled');

CREATE TABLE schedules (
    schedule_id TEXT    PRIMARY KEY,
    workflow_id TEXT    NOT NULL,
    spec        TEXT    NOT NULL,
    next_at     INTEGER,
    last_at     INTEGER,
    paused      INTEGER NOT NULL
) WITHOUT ROWID;
