import { useRef, useState } from 'react';

import { api } from '../api/calls';
import { Problem } from '../api/problem';
import { keys, queries } from '../api/queries';
import { freshKey } from '../api/request';
import type { Json, Suspension } from '../api/types';
import { useMay } from '../app/may';
import { SchemaForm } from '../forms/SchemaForm';
import { keepDraft, readDraft } from './drafts';
import { Gone } from './Gone';
import { mark } from './mine';

interface Props {
  readonly suspension: Suspension;
  readonly onAnswered?: () => void;
}

/** Refusals that say that there is nothing to be answered any more. */
const TOO_LATE = ['already_answered', 'not_suspended', 'run_ended', 'run_not_active', 'run_not_found'];

/** The form made of the resume schema, and what becomes of it: sent, wrong somewhere, or too late. */
export function AnswerForm({ suspension, onAnswered }: Props) {
  const [refused, setRefused] = useState<Problem | null>(null);
  const may = useMay('answer');
  /** An answer whose fate is not known is sent again as the same one. */
  const sent = useRef<{ text: string; key: string } | null>(null);
  const { id, run_id } = suspension;

  async function answer(data: Json): Promise<void> {
    const text = JSON.stringify(data);
    if (sent.current?.text !== text) sent.current = { text, key: freshKey() };
    mark(id, 'sending');
    try {
      const run = await api.resume(run_id, id, data, sent.current.key);
      mark(id, 'answered');
      keepDraft(id, undefined);
      queries.setQueryData(keys.run(run_id), run);
      queries.setQueryData(keys.suspensions, (now: Suspension[] | undefined) => now?.filter((each) => each.id !== id));
      void queries.invalidateQueries({ queryKey: keys.suspensions });
      onAnswered?.();
    } catch (problem) {
      mark(id, null);
      if (!(problem instanceof Problem) || !TOO_LATE.includes(problem.code)) throw problem;
      keepDraft(id, data);
      setRefused(problem);
      void queries.invalidateQueries({ queryKey: keys.suspensions });
    }
  }

  if (refused !== null) return <Gone suspension={suspension} refusal={refused.message} />;
  if (!may)
    return <p className="notice">Your token does not have the scope answer: you can read this, and not answer it.</p>;
  const draft = readDraft(id);
  return (
    <SchemaForm
      schema={suspension.answer_schema}
      submit="Send answer"
      onSubmit={answer}
      onChange={(data) => keepDraft(id, data)}
      {...(draft === undefined ? {} : { initial: draft })}
    />
  );
}
