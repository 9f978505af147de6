import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';

import { api } from '../api/calls';
import type { AskedAndAnswered, History, Suspension } from '../api/types';
import { brief } from '../journal/words';
import { millis } from '../journal/times';
import { Copy } from '../ui/Copy';
import { JsonView } from '../ui/JsonView';
import { Time } from '../ui/Time';
import { readDraft } from './drafts';

/** A suspension that does not wait any more: who answered it and how, and what one had typed, to be copied. */
export function Gone({ suspension, refusal = '' }: { suspension: Suspension; refusal?: string }) {
  const { run_id, address } = suspension;
  const { data: history } = useQuery({
    queryKey: ['history-of-answer', suspension.id],
    queryFn: () => api.history(run_id),
    staleTime: 0,
  });
  const found = history === undefined ? undefined : answerIn(history, suspension);
  const draft = readDraft(suspension.id);
  const hasDraft = draft !== undefined && brief(draft) !== '{}';
  return (
    <div className="notice notice-warn gone" role="alert">
      <div>
        {found?.answered_at != null ? (
          <p>
            <strong>{found.actor === '' ? 'Someone else' : found.actor} answered this first</strong>,{' '}
            <Time at={found.answered_at} />
            {found.channel !== '' && <span className="faint"> by {found.channel}</span>}. One answer counts, and yours
            was not {refusal === '' ? 'sent' : 'taken'}.
          </p>
        ) : (
          <p>
            <strong>This does not wait any more.</strong>{' '}
            {refusal !== '' ? refusal : 'It was answered, or its run was cancelled.'}
          </p>
        )}
        {found?.answered_at != null && (
          <>
            <p className="field-label">The answer that counts</p>
            <JsonView value={found.answer} what="the answer that counts" depth={2} />
          </>
        )}
        {hasDraft && (
          <>
            <p className="field-label">What you had typed</p>
            <JsonView value={draft} what="what you had typed" depth={2} />
          </>
        )}
        <p className="gone-foot">
          {hasDraft && (
            <Copy text={JSON.stringify(draft, null, 2)} what="what you had typed" label="Copy what you typed" />
          )}
          <Link href={`/runs/${encodeURIComponent(run_id)}?at=${encodeURIComponent(address)}`}>See the run</Link>
        </p>
      </div>
    </div>
  );
}

/** What became of this suspension: the one of its step that was asked when it was opened. */
function answerIn(history: History, suspension: Suspension): AskedAndAnswered | undefined {
  const asked = history.steps.find((step) => step.address === suspension.address)?.suspensions ?? [];
  const opened = millis(suspension.opened_at);
  return asked.find((each) => millis(each.asked_at) === opened) ?? asked.at(-1);
}
