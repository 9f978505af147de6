import { useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';

import { useSuspensions } from '../api/queries';
import type { Suspension } from '../api/types';
import { Page } from '../app/Page';
import { useShortcuts } from '../app/shortcuts';
import { Empty } from '../ui/Empty';
import { Failure, Loading } from '../ui/Failure';
import { useSignal } from '../ui/signal';
import { mine } from './mine';
import { SuspensionDetail } from './SuspensionDetail';
import { SuspensionList } from './SuspensionList';
import './inbox.css';

const pathOf = (suspension: Suspension | undefined): string =>
  suspension === undefined ? '/inbox' : `/inbox/${encodeURIComponent(suspension.id)}`;

export function InboxPage({ chosen }: { chosen: string }) {
  const { data, error, refetch } = useSuspensions();
  const [workflow, setWorkflow] = useState('');
  const [, go] = useLocation();
  const [sent, setSent] = useState('');
  const ours = useSignal(mine);
  const form = useRef<HTMLDivElement>(null);
  const waiting = (data ?? []).filter((each) => workflow === '' || each.workflow_id === workflow);
  const at = waiting.findIndex((each) => each.id === chosen);
  const shown = useShown(waiting, chosen);
  const isGone = shown !== undefined && data !== undefined && !data.some((each) => each.id === shown.id);

  function move(to: number): void {
    const next = waiting[Math.max(0, Math.min(waiting.length - 1, to))];
    if (next !== undefined) go(pathOf(next), { replace: chosen !== '' });
  }
  function intoForm(): void {
    if (chosen === '') go(pathOf(shown));
    form.current?.querySelector<HTMLElement>('form :is(input, textarea, select):not([disabled])')?.focus();
  }
  useShortcuts([
    { keys: 'j', does: 'Next suspension', run: () => move(at < 0 && chosen === '' ? 1 : at + 1) },
    { keys: 'k', does: 'Previous suspension', run: () => move(at - 1) },
    { keys: 'Enter', does: 'Into the form', run: intoForm },
    {
      keys: 'o',
      does: 'Open the run',
      run: () => shown !== undefined && go(`/runs/${encodeURIComponent(shown.run_id)}`),
    },
  ]);

  function onAnswered(suspension: Suspension): void {
    setSent(`Sent: ${suspension.address} of ${suspension.run_id}. The run goes on.`);
    const index = waiting.findIndex((each) => each.id === suspension.id);
    const rest = waiting.filter((each) => each.id !== suspension.id);
    go(pathOf(rest[Math.min(index, rest.length - 1)]), { replace: true });
    // Out of the form that is no more, so that j, k and Enter go on.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  }
  useEffect(() => {
    if (sent === '') return;
    const timer = setTimeout(() => setSent(''), 6_000);
    return () => clearTimeout(timer);
  }, [sent]);

  if (data === undefined) {
    return (
      <Page title="Inbox">
        {error === null ? <Loading what="the inbox" /> : <Failure error={error} retry={() => void refetch()} />}
      </Page>
    );
  }
  const workflows = [...new Set(data.map((each) => each.workflow_id))].sort();
  return (
    <Page
      title="Inbox"
      fill
      aside={
        <>
          {workflows.length > 1 && (
            <label className="filter">
              <span>Workflow</span>
              <select value={workflow} onChange={(event) => setWorkflow(event.target.value)}>
                <option value="">all</option>
                {workflows.map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            </label>
          )}
          <p className="sent" role="status">
            {sent}
          </p>
        </>
      }
    >
      {shown === undefined ? (
        <Empty icon="inbox" title="Nothing waits for you" command="waystation pending --app module:app">
          When a step suspends its run to ask something, it is here at once. The same list at a terminal:
        </Empty>
      ) : (
        <div className={chosen === '' ? 'inbox' : 'inbox inbox-open'}>
          <SuspensionList waiting={waiting} chosen={shown.id} onChoose={(each) => go(pathOf(each))} />
          <div className="inbox-detail" ref={form}>
            <SuspensionDetail
              key={shown.id}
              suspension={shown}
              isGone={isGone && !ours.has(shown.id)}
              onBack={() => go('/inbox')}
              onAnswered={() => onAnswered(shown)}
            />
          </div>
        </div>
      )}
    </Page>
  );
}

/** The suspension in sight: the chosen one, even when it is gone from the list meanwhile; else the oldest. */
function useShown(waiting: readonly Suspension[], chosen: string): Suspension | undefined {
  const found = chosen === '' ? waiting[0] : waiting.find((each) => each.id === chosen);
  const [last, setLast] = useState<Suspension | undefined>(found);
  if (found !== undefined && found !== last) setLast(found);
  if (found !== undefined) return found;
  const answered = last !== undefined && mine.get().get(last.id) === 'answered';
  if (last !== undefined && !answered && (chosen === '' || last.id === chosen)) return last;
  return waiting[0];
}
