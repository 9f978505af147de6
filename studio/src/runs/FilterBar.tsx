import { useEffect, useId, useRef, useState } from 'react';

import { useWorkflows } from '../api/queries';
import { RUN_STATUSES, type RunStatus } from '../api/types';
import { useShortcuts } from '../app/shortcuts';
import { Icon } from '../ui/icons';
import { isFiltered, NO_FILTERS, SINCE, type Filters } from './filters';

interface Props {
  readonly filters: Filters;
  readonly onChange: (filters: Filters) => void;
}

export function FilterBar({ filters, onChange }: Props) {
  const workflows = useWorkflows().data ?? [];
  const ids = [...new Set([...workflows.map((each) => each.workflow_id), filters.workflow])].filter((id) => id !== '');
  const first = useRef<HTMLSelectElement>(null);
  useShortcuts([{ keys: '/', does: 'Filter the list', run: () => first.current?.focus() }]);

  function toggle(status: RunStatus): void {
    const on = filters.status.includes(status);
    const chosen = on ? filters.status.filter((each) => each !== status) : [...filters.status, status];
    onChange({ ...filters, status: chosen });
  }

  return (
    <form className="filters" role="search" aria-label="Filter runs" onSubmit={(event) => event.preventDefault()}>
      <label className="filter">
        <span>Workflow</span>
        <select
          ref={first}
          value={filters.workflow}
          onChange={(event) => onChange({ ...filters, workflow: event.target.value })}
        >
          <option value="">all</option>
          {ids.map((id) => (
            <option key={id}>{id}</option>
          ))}
        </select>
      </label>
      <ResourceFilter
        key={filters.resource}
        resource={filters.resource}
        onChange={(resource) => onChange({ ...filters, resource })}
      />
      <label className="filter">
        <span>Created in</span>
        <select value={filters.since} onChange={(event) => onChange({ ...filters, since: event.target.value })}>
          {SINCE.map(([hours, words]) => (
            <option key={hours} value={hours}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <fieldset className="filter-statuses">
        <legend className="for-screen-readers">Status</legend>
        {RUN_STATUSES.map((status) => (
          <button
            key={status}
            type="button"
            className={`chip status-${status}`}
            aria-pressed={filters.status.includes(status)}
            onClick={() => toggle(status)}
          >
            <Icon name={status} size={13} />
            {status}
          </button>
        ))}
        {isFiltered(filters) && (
          <button type="button" className="link-button" onClick={() => onChange(NO_FILTERS)}>
            clear
          </button>
        )}
      </fieldset>
    </form>
  );
}

/** A resource is looked for when its name has been typed, not at each letter. */
function ResourceFilter({ resource, onChange }: { resource: string; onChange: (resource: string) => void }) {
  const [typed, setTyped] = useState(resource);
  const id = useId();
  const changed = useRef(onChange);
  useEffect(() => {
    changed.current = onChange;
  });
  useEffect(() => {
    if (typed === resource) return;
    const timer = setTimeout(() => changed.current(typed.trim()), 500);
    return () => clearTimeout(timer);
  }, [typed, resource]);

  return (
    <label className="filter" htmlFor={id}>
      <span>Resource</span>
      <input id={id} type="search" value={typed} placeholder="any" onChange={(event) => setTyped(event.target.value)} />
    </label>
  );
}
