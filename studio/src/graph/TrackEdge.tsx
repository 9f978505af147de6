import { getSmoothStepPath, type EdgeProps } from '@xyflow/react';

import type { FlowEdge } from './flow';

/** The line from one station to the next. */
function TrackEdge({ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, data }: EdgeProps<FlowEdge>) {
  const straight = Math.abs(sourceX - targetX) < 1;
  const [path] = straight
    ? [`M${sourceX},${sourceY}V${targetY}`]
    : getSmoothStepPath({
        sourceX,
        sourceY,
        targetX,
        targetY,
        sourcePosition,
        targetPosition,
        borderRadius: 10,
        offset: 8,
      });
  const state = data?.travelled === true ? 'track-travelled' : data?.quiet === true ? 'track-quiet' : '';
  return <path className={`track ${state}`} d={path} fill="none" />;
}

export const edgeTypes = { track: TrackEdge };
