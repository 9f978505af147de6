-- Runs that are driven are found by who drives them: they leave the indexes of the other statuses alone, into which each
-- would be put as it begins, and out of which it would be taken as it ends.

DROP INDEX waystation_runs_by_status;
DROP INDEX waystation_runs_by_workflow_status;
DROP INDEX waystation_runs_owned;

CREATE INDEX waystation_runs_by_status   ON waystation_runs (status, created_at)
    WHERE status <> 'success' AND status <> 'running';
CREATE INDEX waystation_runs_by_workflow_status ON waystation_runs (workflow_id, status, created_at)
    WHERE status <> 'success' AND status <> 'running';
CREATE INDEX waystation_runs_owned    ON waystation_runs (owner, created_at) WHERE status = 'running';
