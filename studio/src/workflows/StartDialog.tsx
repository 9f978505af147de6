import { useId, useRef, useState } from 'react';
import { useLocation } from 'wouter';

import { api } from '../api/calls';
import { freshKey } from '../api/request';
import type { Json } from '../api/types';
import { SchemaForm } from '../forms/SchemaForm';
import type { WorkflowDescription } from '../graph/description';
import { Dialog } from '../ui/Dialog';

/** Starts a run: the form is made of the input's JSON Schema. */
export function StartDialog({ workflow, onClose }: { workflow: WorkflowDescription; onClose: () => void }) {
  const [runId, setRunId] = useState('');
  const [resource, setResource] = useState('');
  const [perStep, setPerStep] = useState(false);
  const [, go] = useLocation();
  const ids = { run: useId(), resource: useId() };
  /** A start whose fate is not known is sent again as the same one. */
  const sent = useRef<{ text: string; key: string } | null>(null);

  async function start(input: Json): Promise<void> {
    const options = {
      input,
      ...(workflow.version === '' ? {} : { version: workflow.version }),
      ...(runId.trim() === '' ? {} : { run_id: runId.trim() }),
      ...(resource.trim() === '' ? {} : { resource_id: resource.trim() }),
      ...(perStep ? { per_step: true } : {}),
    };
    const text = JSON.stringify(options);
    if (sent.current?.text !== text) sent.current = { text, key: freshKey() };
    const run = await api.start(workflow.id, options, sent.current.key);
    go(`/runs/${encodeURIComponent(run.run_id)}`);
  }

  return (
    <Dialog title={`Start ${workflow.id}`} onClose={onClose} wide>
      <SchemaForm schema={workflow.input.schema} submit="Start the run" onSubmit={start} focusFirst>
        <details className="more-options">
          <summary>Options</summary>
          <div className="option-fields">
            <div>
              <label htmlFor={ids.run} className="field-label">
                Id of the run <span className="faint">optional</span>
              </label>
              <input
                id={ids.run}
                value={runId}
                placeholder="made up"
                onChange={(event) => setRunId(event.target.value)}
              />
            </div>
            <div>
              <label htmlFor={ids.resource} className="field-label">
                Resource <span className="faint">optional</span>
              </label>
              <input id={ids.resource} value={resource} onChange={(event) => setResource(event.target.value)} />
            </div>
          </div>
          <label className="check">
            <input type="checkbox" checked={perStep} onChange={(event) => setPerStep(event.target.checked)} />
            Step by step: pause after each step
          </label>
        </details>
      </SchemaForm>
    </Dialog>
  );
}
