import type { RunDetail } from '../api/types';
import { AnswerForm } from '../inbox/AnswerForm';
import { Ask } from '../inbox/Ask';
import type { RunModel } from '../journal/model';
import { ErrorView } from '../ui/ErrorView';
import { Icon } from '../ui/icons';
import { Since, Time } from '../ui/Time';
import { Value } from './Value';

interface Props {
  readonly run: RunDetail;
  readonly model: RunModel;
  readonly onChoose: (address: string) => void;
}

/** The run as a whole: what it waits for or what came of it, and what it was given. */
export function RunOverview({ run, model, onChoose }: Props) {
  const { standing } = run;
  const input = model.input ?? run.input;
  return (
    <>
      <h2 className="for-screen-readers">The run</h2>
      {standing.suspensions?.map((suspension) => (
        <section
          className="panel-section panel-ask"
          key={suspension.id}
          aria-label={`Suspension at ${suspension.address}`}
        >
          <h3>
            <Icon name="suspended" /> Waits for an answer
          </h3>
          <p>
            <button type="button" className="link-button" onClick={() => onChoose(suspension.address)}>
              {suspension.address}
            </button>{' '}
            <span className="faint">
              for <Since at={suspension.opened_at} />
            </span>
          </p>
          <Ask suspension={suspension} />
          <AnswerForm suspension={suspension} />
        </section>
      ))}
      {standing.status === 'paused' && standing.next_steps !== undefined && (
        <section className="panel-section">
          <h3>Paused before</h3>
          <ul className="plain-list">
            {standing.next_steps.map((address) => (
              <li key={address}>
                <button type="button" className="link-button" onClick={() => onChoose(address)}>
                  {address}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {standing.error !== undefined && (
        <section className="panel-section">
          <h3>Error</h3>
          <ErrorView error={standing.error} />
          {standing.error.address !== undefined && standing.error.address !== '' && (
            <button type="button" className="link-button" onClick={() => onChoose(standing.error?.address ?? '')}>
              Show the step
            </button>
          )}
        </section>
      )}
      {model.cancel !== null && (
        <section className="panel-section">
          <h3>Cancelled</h3>
          <p>
            <Time at={model.cancel.at} />
            {model.cancel.actor !== '' && ` by ${model.cancel.actor}`}
            {model.cancel.address !== '' && ` by the step ${model.cancel.address}`}
            {model.cancel.reason !== '' && `: ${model.cancel.reason}`}
          </p>
        </section>
      )}
      {standing.undo_errors !== undefined && standing.undo_errors.length > 0 && (
        <section className="panel-section">
          <h3>Errors of undo steps</h3>
          {standing.undo_errors.map((error, index) => (
            <ErrorView key={index} error={error} />
          ))}
        </section>
      )}
      {standing.status === 'success' && <Value title="Result" value={standing.result ?? null} />}
      {run.status === 'pending' ? (
        <p className="panel-section faint">
          It was created and has not been started: it begins when it is given its input.
        </p>
      ) : (
        <Value title="Input" value={input} />
      )}
      {Object.keys(model.state).length > 0 && <Value title="State" value={model.state} />}
      {Object.keys(model.context).length > 0 && <Value title="Request context" value={model.context} />}
    </>
  );
}
