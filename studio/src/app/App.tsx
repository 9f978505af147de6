import { QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense, useEffect } from 'react';
import { Redirect, Route, Router, Switch } from 'wouter';

import { queries } from '../api/queries';
import { ROOT } from '../api/root';
import { session } from '../api/session';
import { startAllRuns } from '../live/allRuns';
import { InboxPage } from '../inbox/InboxPage';
import { RunsPage } from '../runs/RunsPage';
import { SchedulesPage } from '../schedules/SchedulesPage';
import { Empty } from '../ui/Empty';
import { Loading } from '../ui/Failure';
import { useSignal } from '../ui/signal';
import { Page } from './Page';
import { Shell } from './Shell';
import { SignIn } from './SignIn';

// The graph's library comes with the pages that draw one.
const RunPage = lazy(async () => ({ default: (await import('../runs/RunPage')).RunPage }));
const WorkflowsPage = lazy(async () => ({ default: (await import('../workflows/WorkflowsPage')).WorkflowsPage }));

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <Router base={ROOT.replace(/\/$/, '')}>
        <SignedIn />
      </Router>
    </QueryClientProvider>
  );
}

function SignedIn() {
  const state = useSignal(session.state);
  useEffect(() => (state === 'open' ? startAllRuns() : undefined), [state]);
  if (state === 'signed-out') return <SignIn />;
  return (
    <Shell>
      <Suspense fallback={<Loading what="the page" />}>
        <Switch>
          <Route path="/">
            <Redirect to="/inbox" replace />
          </Route>
          <Route path="/inbox/:suspension?">{() => <InboxPage chosen={named()} />}</Route>
          <Route path="/runs">
            <RunsPage />
          </Route>
          <Route path="/runs/:id">{() => <RunPage key={named()} id={named()} />}</Route>
          <Route path="/workflows/:id?">{() => <WorkflowsPage chosen={named()} />}</Route>
          <Route path="/schedules">
            <SchedulesPage />
          </Route>
          <Route>
            <Page title="Not found">
              <Empty icon="branch" title="There is no such page">
                The way goes on from the list at the side.
              </Empty>
            </Page>
          </Route>
        </Switch>
      </Suspense>
    </Shell>
  );
}

/**
 * What the path names within its page: a run, a suspension. Not the router's parameter: the router decodes a path as a
 * whole, so that an @ stays %40, and an id with a % in it becomes another.
 */
function named(): string {
  const [, part = ''] = window.location.pathname.slice(ROOT.length).split('/');
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
