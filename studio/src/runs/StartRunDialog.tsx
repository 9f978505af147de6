import { api } from '../api/calls';
import { keys, queries, useWorkflow } from '../api/queries';
import type { Json, RunDetail } from '../api/types';
import { SchemaForm } from '../forms/SchemaForm';
import { Dialog } from '../ui/Dialog';
import { Failure, Loading } from '../ui/Failure';

/** Starts a run that was created and not started. */
export function StartRunDialog({ run, onClose }: { run: RunDetail; onClose: () => void }) {
  const { data: workflow, error } = useWorkflow(run.workflow_id, run.version);

  async function start(input: Json): Promise<void> {
    queries.setQueryData(keys.run(run.run_id), await api.startRun(run.run_id, input));
    onClose();
  }

  return (
    <Dialog title={`Start ${run.run_id}`} onClose={onClose}>
      {workflow === undefined && error === null && <Loading what="the form" />}
      {error !== null && <Failure error={error} />}
      {workflow !== undefined && (
        <SchemaForm schema={workflow.input.schema} submit="Start" onSubmit={start} focusFirst />
      )}
    </Dialog>
  );
}
