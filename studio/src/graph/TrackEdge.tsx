import type { EdgeProps } from '@xyflow/react';

import type { FlowEdge } from './flow';
import { pathOf, wayOf } from './track';

/** The line from one station to the next. */
function TrackEdge({ sourceX, sourceY, targetX, targetY, data }: EdgeProps<FlowEdge>) {
  const way = wayOf({ x: sourceX, y: sourceY }, { x: targetX, y: targetY }, data?.lane ?? null);
  const state = data?.travelled === true ? 'track-travelled' : data?.quiet === true ? 'track-quiet' : '';
  return <path className={`track ${state}`} d={pathOf(way)} fill="none" />;
}

export const edgeTypes = { track: TrackEdge };
