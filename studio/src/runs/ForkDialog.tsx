import { useId, useMemo, useState } from 'react';
import { useLocation } from 'wouter';

import { api } from '../api/calls';
import { useWorkflow } from '../api/queries';
import type { Json, RunDetail } from '../api/types';
import { JsonField } from '../forms/JsonField';
import { SchemaForm } from '../forms/SchemaForm';
import { UNDO, nodeKey } from '../graph/addresses';
import { placesOf } from '../graph/places';
import type { RunModel } from '../journal/model';
import { Values } from '../journal/values';
import { Dialog } from '../ui/Dialog';
import { Failure } from '../ui/Failure';

interface Props {
  readonly run: RunDetail;
  readonly model: RunModel;
  readonly from?: string;
  readonly onClose: () => void;
}

/** A new run that shares this one's past up to a step. */
export function ForkDialog({ run, model, from = '', onClose }: Props) {
  const steps = [...model.steps.keys()].filter((address) => !address.endsWith(UNDO));
  const [step, setStep] = useState(steps.includes(from) ? from : (steps.at(-1) ?? ''));
  const [otherInput, setOtherInput] = useState(false);
  const [state, setState] = useState<Json | undefined>();
  const [runId, setRunId] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [, go] = useLocation();
  const ids = { step: useId(), run: useId() };
  const { data: workflow } = useWorkflow(run.workflow_id, run.version);
  const places = useMemo(() => (workflow === undefined ? null : placesOf(workflow)), [workflow]);
  const node = places?.get(nodeKey(step))?.node;
  const given = places === null ? { known: false as const } : new Values(places, model).input(step);

  async function fork(input?: Json): Promise<void> {
    setBusy(true);
    setError(null);
    try {
      const forked = await api.fork(run.run_id, {
        from_step: step,
        ...(input === undefined ? {} : { input }),
        ...(state === undefined ? {} : { state }),
        ...(runId.trim() === '' ? {} : { run_id: runId.trim() }),
      });
      go(`/runs/${encodeURIComponent(forked.run_id)}`);
    } catch (problem) {
      if (input !== undefined) throw problem; // the form shows it, where it belongs
      setError(problem);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dialog title="Fork the run" onClose={onClose} wide>
      <p>A new run shares this run’s past up to a step, and runs that step again. This run stays as it is.</p>
      <label htmlFor={ids.step} className="field-label">
        From step
      </label>
      <select id={ids.step} value={step} onChange={(event) => setStep(event.target.value)}>
        {steps.map((address) => (
          <option key={address}>{address}</option>
        ))}
      </select>
      <label htmlFor={ids.run} className="field-label">
        Id of the new run <span className="faint">optional</span>
      </label>
      <input id={ids.run} value={runId} placeholder="made up" onChange={(event) => setRunId(event.target.value)} />
      <details className="more-options">
        <summary>Other run state</summary>
        <JsonField label="Changes of the run state, by key" value={model.state} onChange={setState} />
      </details>
      <label className="check">
        <input type="checkbox" checked={otherInput} onChange={(event) => setOtherInput(event.target.checked)} />
        Give the step another input
      </label>
      {otherInput && node?.kind === 'step' && (
        <SchemaForm
          key={step}
          schema={node.input.schema}
          submit="Fork"
          onSubmit={fork}
          {...(given.known ? { initial: given.value } : {})}
        />
      )}
      {error !== null && <Failure error={error} />}
      {!otherInput && (
        <div className="dialog-foot">
          <button type="button" className="button" onClick={onClose}>
            Close
          </button>
          <button type="button" className="button button-main" disabled={busy} onClick={() => void fork()}>
            {busy ? 'Forking…' : 'Fork'}
          </button>
        </div>
      )}
    </Dialog>
  );
}
