import { useMutation } from '@tanstack/react-query';
import { useLocation } from 'wouter';

import { api } from '../api/calls';
import type { RunDetail } from '../api/types';
import { Dialog } from '../ui/Dialog';
import { Failure } from '../ui/Failure';

export function DeleteDialog({ run, onClose }: { run: RunDetail; onClose: () => void }) {
  const [, go] = useLocation();
  const remove = useMutation({
    mutationFn: () => api.deleteRun(run.run_id),
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
