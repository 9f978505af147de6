import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { api } from '../api/calls';
import { keys, queries } from '../api/queries';
import type { RunDetail } from '../api/types';
import { useMay, whyNot } from '../app/may';
import type { RunLive } from '../live/runLive';
import { Failure } from '../ui/Failure';
import { CancelDialog } from './CancelDialog';
import { DeleteDialog } from './DeleteDialog';
import { ForkDialog } from './ForkDialog';
import { StartRunDialog } from './StartRunDialog';

type Asking = 'cancel' | 'fork' | 'delete' | 'start' | null;

const ENDED = ['success', 'failed', 'cancelled'];

/** What can be done with a run as it stands. */
export function RunActions({ run, live }: { run: RunDetail; live: RunLive }) {
  const { model } = live.fold;
  const [asking, setAsking] = useState<Asking>(null);
  const mayRun = useMay('run');
  const mayDelete = useMay('admin');
  const act = useMutation({
    mutationFn: (call: () => Promise<RunDetail>) => call(),
    onSuccess: (detail) => queries.setQueryData(keys.run(run.run_id), detail),
    onError: () => queries.invalidateQueries({ queryKey: keys.run(run.run_id) }),
  });
  const ended = ENDED.includes(run.status);
  const off = { disabled: !mayRun || act.isPending, title: whyNot(mayRun, 'run') };
  const close = () => setAsking(null);

  return (
    <div className="run-actions">
      <div className="run-buttons" role="group" aria-label="Actions">
        {run.status === 'pending' && (
          <button type="button" className="button button-main" {...off} onClick={() => setAsking('start')}>
            Start…
          </button>
        )}
        {run.status === 'paused' && (
          <>
            <button
              type="button"
              className="button button-main"
              {...off}
              onClick={() => act.mutate(() => api.proceed(run.run_id, true))}
            >
              Next step
            </button>
            <button
              type="button"
              className="button"
              {...off}
              onClick={() => act.mutate(() => api.proceed(run.run_id, false))}
            >
              Proceed freely
            </button>
          </>
        )}
        {(run.status === 'running' || run.status === 'waiting') && (
          <button
            type="button"
            className="button"
            {...off}
            title={off.title ?? 'Take the run over, if the process that drove it is gone'}
            onClick={() => act.mutate(() => api.restart(run.run_id))}
          >
            Restart
          </button>
        )}
        {model.steps.size > 0 && (
          <button type="button" className="button" {...off} onClick={() => setAsking('fork')}>
            Fork…
          </button>
        )}
        {!ended && (
          <button type="button" className="button" {...off} onClick={() => setAsking('cancel')}>
            Cancel…
          </button>
        )}
        {ended && mayDelete && (
          <button type="button" className="button" onClick={() => setAsking('delete')}>
            Delete…
          </button>
        )}
      </div>
      {act.error !== null && <Failure error={act.error} />}
      {asking === 'cancel' && <CancelDialog run={run} onClose={close} />}
      {asking === 'fork' && <ForkDialog run={run} model={model} onClose={close} />}
      {asking === 'delete' && <DeleteDialog run={run} live={live} onClose={close} />}
      {asking === 'start' && <StartRunDialog run={run} onClose={close} />}
    </div>
  );
}
