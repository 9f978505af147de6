import { Icon } from './icons';
import type { RunStatus, StepStatus } from '../api/types';

export type AnyStatus = RunStatus | StepStatus | 'skipped';

/** A status by colour, icon and word. */
export function Status({ status, quiet = false }: { status: AnyStatus; quiet?: boolean }) {
  return (
    <span className={`status status-${status}${quiet ? ' status-quiet' : ''}`}>
      <Icon name={status} size={14} />
      {status}
    </span>
  );
}
