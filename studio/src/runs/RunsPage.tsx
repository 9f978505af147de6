import { useEffect, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';

import { Page } from '../app/Page';
import { Empty } from '../ui/Empty';
import { Failure, Loading } from '../ui/Failure';
import { useSignal } from '../ui/signal';
import { FilterBar } from './FilterBar';
import { isFiltered, NO_FILTERS, readFilters, writeFilters, type Filters } from './filters';
import { RunList } from './runList';
import { RunTable } from './RunTable';
import './runs.css';

export function RunsPage() {
  const search = useSearch();
  const [, go] = useLocation();
  const filters = useMemo(() => readFilters(search), [search]);
  const list = useMemo(() => new RunList(filters), [filters]);
  useEffect(() => list.open(), [list]);
  const state = useSignal(list.state);

  function setFilters(next: Filters): void {
    const text = writeFilters(next);
    go(text === '' ? '/runs' : `/runs?${text}`, { replace: true });
  }

  return (
    <Page title="Runs" fill>
      <FilterBar filters={filters} onChange={setFilters} />
      {state.problem !== null && <Failure error={state.problem} retry={() => list.reload()} />}
      {state.rows.length > 0 && <RunTable rows={state.rows} state={state} onEnd={() => list.loadMore()} />}
      {state.rows.length === 0 && !state.loaded && state.problem === null && <Loading what="runs" />}
      {state.rows.length === 0 && state.loaded && (
        <NoRuns filtered={isFiltered(filters)} onClear={() => setFilters(NO_FILTERS)} />
      )}
    </Page>
  );
}

function NoRuns({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  if (filtered) {
    return (
      <Empty icon="runs" title="No run fits">
        <button type="button" className="button" onClick={onClear}>
          Show all runs
        </button>
      </Empty>
    );
  }
  return (
    <Empty icon="runs" title="No runs yet" command="waystation run WORKFLOW --app module:app --input '{}'">
      Start one from a workflow’s page, or at a terminal:
    </Empty>
  );
}
