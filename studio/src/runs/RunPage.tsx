import { useMemo, useState } from 'react';
import { useLocation, useSearch } from 'wouter';

import { useRun, useWorkflow } from '../api/queries';
import { useTitle } from '../app/Page';
import { useShortcuts } from '../app/shortcuts';
import { coloursOf } from '../graph/colour';
import { GraphView } from '../graph/GraphView';
import { nodeKey } from '../graph/addresses';
import { useNow } from '../ui/clock';
import { Empty } from '../ui/Empty';
import { Failure, Loading } from '../ui/Failure';
import { Problem } from '../api/problem';
import { Tabs, type Tab } from '../ui/Tabs';
import { ChunksView } from './ChunksView';
import { JournalView } from './JournalView';
import { LogsView } from './LogsView';
import { RunHead } from './RunHead';
import { RunPanel } from './RunPanel';
import { Timeline } from './Timeline';
import { useRunLive } from './useRunLive';
import './run.css';

type View = 'graph' | 'timeline' | 'chunks' | 'journal' | 'logs';
const VIEWS: readonly View[] = ['graph', 'timeline', 'chunks', 'journal', 'logs'];

export function RunPage({ id }: { id: string }) {
  useTitle(id);
  const { data: run, error, refetch } = useRun(id);
  const { live, state } = useRunLive(id);
  const workflow = useWorkflow(run?.workflow_id ?? '', run?.version ?? '');
  const search = useSearch();
  const [, go] = useLocation();
  const [view, setView] = useState<View>(() => viewIn(search));
  const chosen = new URLSearchParams(search).get('at') ?? '';
  const model = live.fold.model;

  function choose(address: string, next: View = view): void {
    const parameters = new URLSearchParams();
    if (next !== 'graph') parameters.set('view', next);
    if (address !== '') parameters.set('at', address);
    const text = parameters.toString();
    go(`/runs/${encodeURIComponent(id)}${text === '' ? '' : `?${text}`}`, { replace: true });
  }
  function show(next: View): void {
    setView(next);
    choose(chosen, next);
  }
  useShortcuts(
    VIEWS.map((each, index) => ({ keys: String(index + 1), does: `Show the ${each}`, run: () => show(each) })),
  );

  if (state.gone || (error instanceof Problem && error.status === 404)) return <NoRun id={id} />;
  if (run === undefined) {
    return error === null ? <Loading what="the run" /> : <Failure error={error} retry={() => void refetch()} />;
  }
  const tabs: Tab<View>[] = [
    { name: 'graph', title: 'Graph' },
    { name: 'timeline', title: 'Timeline' },
    { name: 'chunks', title: 'Chunks', ...(model.chunks.length > 0 ? { note: model.chunks.length } : {}) },
    { name: 'journal', title: 'Journal', ...(model.lastSeq > 0 ? { note: model.lastSeq } : {}) },
    { name: 'logs', title: 'Logs' },
  ];
  return (
    <div className="page page-fill run-page">
      <RunHead run={run} live={live} />
      {state.problem !== null && <Failure error={state.problem} retry={() => live.retry()} />}
      <div className={chosen === '' ? 'run-body' : 'run-body run-body-chosen'}>
        <Tabs label="Views of the run" tabs={tabs} chosen={view} onChoose={show}>
          {view === 'graph' && (
            <RunGraph
              workflow={workflow.data}
              error={workflow.error}
              model={model}
              version={state.version}
              ready={state.loaded}
              chosen={nodeKey(chosen)}
              onChoose={choose}
            />
          )}
          {view === 'timeline' && <Timeline model={model} version={state.version} chosen={chosen} onChoose={choose} />}
          {view === 'chunks' && <ChunksView chunks={model.chunks} onChoose={choose} />}
          {view === 'logs' && <LogsView id={id} isOn={model.endedAt === null} onChoose={choose} />}
          {view === 'journal' && (
            <JournalView id={id} entries={live.entries} version={state.version} onChoose={choose} />
          )}
        </Tabs>
        <RunPanel
          run={run}
          model={model}
          version={state.version}
          workflow={workflow.data}
          chosen={chosen}
          onChoose={choose}
        />
      </div>
    </div>
  );
}

interface GraphProps {
  readonly workflow: ReturnType<typeof useWorkflow>['data'];
  readonly error: unknown;
  readonly model: Parameters<typeof coloursOf>[1];
  readonly version: number;
  readonly ready: boolean;
  readonly chosen: string;
  readonly onChoose: (key: string) => void;
}

function RunGraph({ workflow, error, model, version, ready, chosen, onChoose }: GraphProps) {
  const now = useNow();
  // An attempt to come begins by time alone. Else the clock changes nothing.
  const waits = [...model.steps.values()].some((step) => step.retryAt !== undefined && step.status === 'waiting');
  const clock = waits ? now : 0;
  const colours = useMemo(
    () => (workflow === undefined ? null : coloursOf(workflow, model, clock)),
    // The model is changed in place: its version tells that it has.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [workflow, model, version, clock],
  );
  if (workflow === undefined) {
    return error === null ? (
      <Loading what="the graph" />
    ) : (
      <Empty icon="branch" title="This server does not know the workflow">
        So there is no graph of it; the journal and the timeline are here all the same.
      </Empty>
    );
  }
  return <GraphView workflow={workflow} colours={colours} ready={ready} chosen={chosen} onChoose={onChoose} />;
}

function NoRun({ id }: { id: string }) {
  return (
    <Empty icon="runs" title="There is no such run">
      No run has the id <code>{id}</code>. It may have been deleted.
    </Empty>
  );
}

function viewIn(search: string): View {
  const view = new URLSearchParams(search).get('view');
  return VIEWS.find((each) => each === view) ?? 'graph';
}
