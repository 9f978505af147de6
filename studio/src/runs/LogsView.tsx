import { useEffect, useMemo } from 'react';

import type { LogLine } from '../api/types';
import { LogTail } from '../live/logTail';
import { Empty } from '../ui/Empty';
import { Ending } from '../ui/Ending';
import { Failure, Loading } from '../ui/Failure';
import { clockTime, exact } from '../ui/time';
import { useSignal } from '../ui/signal';
import { Lines } from './Lines';

interface Props {
  readonly id: string;
  /** The run goes on, and may log more. */
  readonly isOn: boolean;
  readonly onChoose: (address: string) => void;
}

/** What steps have logged, as it comes. */
export function LogsView({ id, isOn, onChoose }: Props) {
  const tail = useMemo(() => new LogTail(id), [id]);
  useEffect(() => tail.open(() => isOn), [tail, isOn]);
  const { lines, loaded, problem } = useSignal(tail.state);
  if (problem !== null) return <Failure error={problem} />;
  if (!loaded) return <Loading what="the log" />;
  if (lines.length === 0) {
    return (
      <Empty icon="runs" title="Nothing logged" command={'ctx.logger.info("...")'}>
        What steps log is shown here for a while: the last lines since this server was started, of the steps that it ran
        itself.
      </Empty>
    );
  }
  return (
    <Lines name="Log" lines={lines} keyOf={(line) => line.n} className="log-line">
      {(line) => <Line line={line} onChoose={onChoose} />}
    </Lines>
  );
}

function Line({ line, onChoose }: { line: LogLine; onChoose: (address: string) => void }) {
  const at = Date.parse(line.at);
  return (
    <>
      <time dateTime={line.at} title={exact(at)} className="entry-time">
        {clockTime(at)}
      </time>
      <span className={`log-level log-${line.level.toLowerCase()}`}>{line.level.toLowerCase()}</span>
      <button
        type="button"
        className="link-button"
        title={`attempt ${line.attempt}`}
        onClick={() => onChoose(line.address)}
      >
        <Ending text={line.address} />
      </button>
      <span className="chunk-value">{line.message}</span>
    </>
  );
}
