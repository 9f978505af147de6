import { useState } from 'react';

import type { RunDetail } from '../api/types';
import { AnswerForm } from '../inbox/AnswerForm';
import { Ask } from '../inbox/Ask';
import { useMay, whyNot } from '../app/may';
import { UNDO } from '../graph/addresses';
import { statusAt } from '../journal/fold';
import type { Asked, Attempt, RunModel, StepModel } from '../journal/model';
import type { Values } from '../journal/values';
import { useNow } from '../ui/clock';
import { ErrorView } from '../ui/ErrorView';
import { JsonView } from '../ui/JsonView';
import { Status } from '../ui/Status';
import { Time } from '../ui/Time';
import { duration } from '../ui/time';
import { ForkDialog } from './ForkDialog';
import { Value } from './Value';

interface Props {
  readonly run: RunDetail;
  readonly model: RunModel;
  readonly step: StepModel;
  readonly values: Values | null;
  readonly onChoose: (address: string) => void;
}

/** What happened at one step. */
export function StepDetails({ run, model, step, values, onChoose }: Props) {
  const now = useNow();
  const [forking, setForking] = useState(false);
  const mayRun = useMay('run');
  const given = values?.input(step.address);
  const open = run.standing.suspensions?.find((each) => each.address === step.address);
  const undone = model.steps.get(step.address + UNDO);
  const chunks = model.chunks.filter((chunk) => chunk.address === step.address).slice(-50);
  return (
    <>
      <div className="panel-section panel-standing">
        <Status status={statusAt(step, now)} />
        {step.status === 'waiting' && step.retryAt !== undefined && step.retryAt > now && (
          <span className="faint">
            tried again <Time at={step.retryAt} />
          </span>
        )}
        {!step.address.endsWith(UNDO) && (
          <button
            type="button"
            className="button button-small"
            disabled={!mayRun}
            title={whyNot(mayRun, 'run') ?? 'A new run that shares the past of this one, and runs this step again'}
            onClick={() => setForking(true)}
          >
            Fork from here…
          </button>
        )}
      </div>
      {open !== undefined && (
        <section className="panel-section panel-ask">
          <h3>Waits for an answer</h3>
          <Ask suspension={open} />
          <AnswerForm suspension={open} />
        </section>
      )}
      {step.error !== undefined && (
        <section className="panel-section">
          <h3>Error</h3>
          <ErrorView error={step.error} open />
        </section>
      )}
      {given?.known === true && <Value title="Input" value={given.value} />}
      {step.output !== undefined && <Value title="Output" value={step.output} />}
      <Attempts attempts={step.attempts} />
      {undone !== undefined && (
        <section className="panel-section">
          <h3>Undone</h3>
          <p>
            <button type="button" className="link-button" onClick={() => onChoose(undone.address)}>
              {undone.address}
            </button>{' '}
            <Status status={undone.status} />
          </p>
        </section>
      )}
      {step.suspensions.filter((asked) => asked.answer !== undefined || open === undefined).length > 0 && (
        <section className="panel-section">
          <h3>Suspensions</h3>
          {step.suspensions.map((asked) => (
            <AskedView key={asked.seq} asked={asked} />
          ))}
        </section>
      )}
      {step.once.length > 0 && (
        <section className="panel-section">
          <h3>Recorded once</h3>
          {step.once.map((each) => (
            <div key={each.name}>
              <p>
                <code>{each.name}</code> <Time at={each.at} />
              </p>
              <JsonView value={each.value} what={each.name} depth={1} />
            </div>
          ))}
        </section>
      )}
      {chunks.length > 0 && (
        <section className="panel-section">
          <h3>Chunks</h3>
          <pre className="panel-chunks">
            {chunks
              .map((chunk) => (typeof chunk.value === 'string' ? chunk.value : JSON.stringify(chunk.value)))
              .join('\n')}
          </pre>
        </section>
      )}
      {forking && <ForkDialog run={run} model={model} from={step.address} onClose={() => setForking(false)} />}
    </>
  );
}

function Attempts({ attempts }: { attempts: readonly Attempt[] }) {
  const now = useNow();
  if (attempts.length === 0) return null;
  return (
    <section className="panel-section">
      <h3>Attempts</h3>
      <ol className="attempts">
        {attempts.map((each) => (
          <li key={`${each.seq} ${each.outcome}`}>
            <span className="attempt-number">{each.attempt}</span>
            <span className={`attempt-outcome outcome-${each.outcome}`}>{each.outcome}</span>
            <Time at={each.began} />
            {each.began !== null && <span className="faint">{duration((each.ended ?? now) - each.began)}</span>}
            {each.outcome === 'retrying' && each.error !== undefined && <ErrorView error={each.error} />}
          </li>
        ))}
      </ol>
    </section>
  );
}

function AskedView({ asked }: { asked: Asked }) {
  const { answer } = asked;
  return (
    <div className="asked">
      <p>
        Asked <Time at={asked.askedAt} />
        {asked.label !== '' && (
          <>
            {' '}
            as <code>{asked.label}</code>
          </>
        )}
      </p>
      <JsonView value={asked.payload} what="what was asked" depth={1} />
      {answer !== undefined && (
        <>
          <p>
            Answered <Time at={answer.at} />
            {answer.actor !== '' && ` by ${answer.actor}`}
            {answer.channel !== '' && <span className="faint"> ({answer.channel})</span>}
          </p>
          <JsonView value={answer.data} what="the answer" depth={1} />
        </>
      )}
    </div>
  );
}
