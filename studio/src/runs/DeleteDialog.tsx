import { useMutation } from '@tanstack/react-query';
import { useLocation } from 'wouter';

import { api } from '../api/calls';
import type { RunDetail } from '../api/types';
import type { RunLive } from '../live/runLive';
import { Dialog } from '../ui/Dialog';
import { Failure } from '../ui/Failure';

interface Props {
  readonly run: RunDetail;
  readonly live: RunLive;
  readonly onClose: () => void;
}

export function DeleteDialog({ run, live, onClose }: Props) {
  const [, go] = useLocation();
  const remove = useMutation({
    mutationFn: () => api.deleteRun(run.run_id),
    // The page stays until the answer comes; what it would ask meanwhile may find nothing.
    onMutate: () => live.close(),
    onError: () => live.open(),
    onSuccess: () => go('/runs'),
  });
  return (
    <Dialog title="Delete the run" onClose={onClose}>
      <p>
        <code>{run.run_id}</code> and its journal are removed for good.
      </p>
      {remove.error !== null && <Failure error={remove.error} />}
      <div className="dialog-foot">
        <button type="button" className="button" onClick={onClose}>
          Keep it
        </button>
        <button type="button" className="button button-bad" disabled={remove.isPending} onClick={() => remove.mutate()}>
          Delete the run
        </button>
      </div>
    </Dialog>
  );
}
