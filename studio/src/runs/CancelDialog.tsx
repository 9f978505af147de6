import { useMutation } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { api } from '../api/calls';
import { keys, queries } from '../api/queries';
import type { RunDetail } from '../api/types';
import { Dialog } from '../ui/Dialog';
import { Failure } from '../ui/Failure';

export function CancelDialog({ run, onClose }: { run: RunDetail; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const field = useId();
  const cancel = useMutation({
    mutationFn: () => api.cancel(run.run_id, reason.trim()),
    onSuccess: (detail) => {
      queries.setQueryData(keys.run(run.run_id), detail);
      onClose();
    },
  });
  return (
    <Dialog title="Cancel the run" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          cancel.mutate();
        }}
      >
        <p>Nothing new begins, and what waits is given up. Then the undo steps of what it completed run.</p>
        <label htmlFor={field} className="field-label">
          Reason <span className="faint">optional; it is recorded</span>
        </label>
        <input id={field} value={reason} onChange={(event) => setReason(event.target.value)} />
        {cancel.error !== null && <Failure error={cancel.error} />}
        <div className="dialog-foot">
          <button type="button" className="button" onClick={onClose}>
            Keep it
          </button>
          <button type="submit" className="button button-bad" disabled={cancel.isPending}>
            {cancel.isPending ? 'Cancelling…' : 'Cancel the run'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
