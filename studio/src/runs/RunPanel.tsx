import { useMemo } from 'react';

import type { RunDetail } from '../api/types';
import { nodeKey } from '../graph/addresses';
import type { WorkflowDescription } from '../graph/description';
import { NodeFacts } from '../graph/NodeFacts';
import { placesOf } from '../graph/places';
import type { RunModel } from '../journal/model';
import { Values } from '../journal/values';
import { openWaits } from '../journal/waits';
import { Icon } from '../ui/icons';
import { Instances } from './Instances';
import { NodeDetails } from './NodeDetails';
import { RunOverview } from './RunOverview';
import { StepDetails } from './StepDetails';

interface Props {
  readonly run: RunDetail;
  readonly model: RunModel;
  readonly version: number;
  readonly workflow: WorkflowDescription | undefined;
  readonly chosen: string;
  readonly onChoose: (address: string) => void;
}

/** Beside the views: the run as a whole, or the step or node that is chosen. */
export function RunPanel({ run, model, version, workflow, chosen, onChoose }: Props) {
  const places = useMemo(() => (workflow === undefined ? null : placesOf(workflow)), [workflow]);
  if (chosen === '') {
    return (
      <aside className="run-panel" aria-label="The run">
        <RunOverview run={run} model={model} onChoose={onChoose} />
      </aside>
    );
  }
  const key = nodeKey(chosen);
  const place = places?.get(key);
  const waits = places === null || place?.node.kind !== 'wait' ? [] : openWaits(places, model);
  const addresses = [
    ...instancesOf(model, key),
    ...waits.filter((each) => each.key === key).map((each) => each.address),
  ];
  const address = addresses.includes(chosen) ? chosen : addresses.length === 1 ? (addresses[0] ?? '') : '';
  const step = model.steps.get(address);
  const node = model.nodes.get(address) ?? waits.find((each) => each.address === address);
  const values = places === null ? null : new Values(places, model);
  const kind = place?.node.kind ?? 'step';

  return (
    <aside className="run-panel" aria-label={`${kind} ${chosen}`} data-version={version}>
      <header className="panel-head">
        <Icon name={kind} />
        <h2>
          <code>{address === '' ? chosen : address}</code>
        </h2>
        <button
          type="button"
          className="icon-button"
          aria-label="Back to the run"
          title="Back to the run"
          onClick={() => onChoose('')}
        >
          <Icon name="close" />
        </button>
      </header>
      {addresses.length > 1 && <Instances addresses={addresses} model={model} chosen={address} onChoose={onChoose} />}
      {step !== undefined && <StepDetails run={run} model={model} step={step} values={values} onChoose={onChoose} />}
      {node !== undefined && <NodeDetails run={run} node={node} place={place} values={values} onChoose={onChoose} />}
      {addresses.length === 0 && (
        <p className="panel-empty faint">Not reached{model.endedAt === null ? ' yet' : ''}.</p>
      )}
      {place !== undefined && (
        <details className="panel-section" open={addresses.length === 0}>
          <summary>Definition</summary>
          <NodeFacts node={place.node} />
        </details>
      )}
    </aside>
  );
}

/** Where in the run a node of the graph was instantiated. */
function instancesOf(model: RunModel, key: string): string[] {
  const found: string[] = [];
  for (const step of model.steps.values()) if (step.key === key) found.push(step.address);
  for (const node of model.nodes.values()) if (node.key === key) found.push(node.address);
  return found;
}
