import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';

import { api } from '../api/calls';
import { keys, queries, useSchedules } from '../api/queries';
import type { Schedule } from '../api/types';
import { useMay, whyNot } from '../app/may';
import { Page } from '../app/Page';
import { Empty } from '../ui/Empty';
import { Failure, Loading } from '../ui/Failure';
import { Time } from '../ui/Time';
import './schedules.css';

export function SchedulesPage() {
  const { data, error, refetch } = useSchedules();
  return (
    <Page title="Schedules">
      {data === undefined && error === null && <Loading what="schedules" />}
      {data === undefined && error !== null && <Failure error={error} retry={() => void refetch()} />}
      {data?.length === 0 && (
        <Empty
          icon="schedules"
          title="No schedules"
          command='workflow("nightly", ..., schedule=Cron("0 2 * * *", tz="Europe/Berlin"))'
        >
          A workflow that has a schedule starts by itself:
        </Empty>
      )}
      {data !== undefined && data.length > 0 && (
        <table className="schedules">
          <caption className="for-screen-readers">Schedules</caption>
          <thead>
            <tr>
              <th scope="col">Workflow</th>
              <th scope="col">When</th>
              <th scope="col">Next</th>
              <th scope="col">Last</th>
              <th scope="col">
                <span className="for-screen-readers">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {data.map((each) => (
              <Row key={each.id} schedule={each} />
            ))}
          </tbody>
        </table>
      )}
    </Page>
  );
}

function Row({ schedule }: { schedule: Schedule }) {
  const { id, workflow_id, cron, tz, paused } = schedule;
  const mayPause = useMay('admin');
  const mayRun = useMay('run');
  const [started, setStarted] = useState('');
  const act = useMutation({
    mutationFn: (call: () => Promise<unknown>) => call(),
    onSettled: () => queries.invalidateQueries({ queryKey: keys.schedules }),
  });

  async function runNow(): Promise<void> {
    setStarted((await api.runSchedule(id)).run_id);
  }

  return (
    <>
      <tr className={paused ? 'is-paused' : ''}>
        <th scope="row">
          <Link href={`/workflows/${encodeURIComponent(workflow_id)}`}>{workflow_id}</Link>
          {id !== workflow_id && <span className="faint schedule-id">{id}</span>}
        </th>
        <td data-title="When">
          <code>{cron}</code> <span className="faint">{tz}</span>
        </td>
        <td data-title="Next">
          {paused ? <span className="paused-word">paused</span> : <Time at={schedule.next_at} none="never" />}
        </td>
        <td data-title="Last">
          <Time at={schedule.last_at} none="not yet" />
        </td>
        <td className="schedule-actions">
          <button
            type="button"
            className="button button-small"
            disabled={!mayPause || act.isPending}
            title={whyNot(mayPause, 'admin')}
            aria-label={`${paused ? 'Resume' : 'Pause'} ${id}`}
            onClick={() => act.mutate(() => (paused ? api.resumeSchedule(id) : api.pauseSchedule(id)))}
          >
            {paused ? 'Resume' : 'Pause'}
          </button>
          <button
            type="button"
            className="button button-small"
            disabled={!mayRun || act.isPending}
            title={whyNot(mayRun, 'run')}
            aria-label={`Run now: ${id}`}
            onClick={() => act.mutate(runNow)}
          >
            Run now
          </button>
        </td>
      </tr>
      {(act.error !== null || started !== '') && (
        <tr className="schedule-note">
          <td colSpan={5}>
            {act.error !== null && <Failure error={act.error} />}
            {started !== '' && (
              <p role="status">
                Started <Link href={`/runs/${encodeURIComponent(started)}`}>{started}</Link>.
              </p>
            )}
          </td>
        </tr>
      )}
    </>
  );
}
