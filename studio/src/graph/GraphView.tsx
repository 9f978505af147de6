import {
  Background,
  BackgroundVariant,
  Controls,
  MiniMap,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { useEffect, useMemo, useRef, useState } from 'react';

import type { Colours } from './colour';
import type { WorkflowDescription } from './description';
import { edgesOf, nodesOf, type FlowNode } from './flow';
import { edgeTypes } from './TrackEdge';
import { Hands } from './hands';
import { layoutOf, nestedOf } from './layout';
import { nodeTypes } from './nodeTypes';
import './graph.css';

interface Props {
  readonly workflow: WorkflowDescription;
  /** Of a run; null: the graph alone. */
  readonly colours: Colours | null;
  readonly chosen: string;
  readonly onChoose: (key: string) => void;
}

/** Nested workflows of graphs up to this size are open at first. */
const OPEN_UP_TO = 60;

export function GraphView(props: Props) {
  return (
    <ReactFlowProvider>
      <Graph {...props} />
    </ReactFlowProvider>
  );
}

function Graph({ workflow, colours, chosen, onChoose }: Props) {
  const nested = useMemo(() => nestedOf(workflow), [workflow]);
  const openAtFirst = nested.nodes <= OPEN_UP_TO;
  /** The nested workflows that are not as they were at first. */
  const [turned, setTurned] = useState<ReadonlySet<string>>(new Set());
  const layout = useMemo(
    () => layoutOf(workflow, (key) => openAtFirst !== turned.has(key)),
    [workflow, openAtFirst, turned],
  );
  // The same for every drawing: else each node would be drawn anew whenever the page is.
  const latest = useRef(onChoose);
  useEffect(() => {
    latest.current = onChoose;
  });
  const hands = useMemo(
    () => ({
      choose: (key: string) => latest.current(key),
      toggle: (key: string) => {
        setTurned((now) => {
          const next = new Set(now);
          if (!next.delete(key)) next.add(key);
          return next;
        });
      },
    }),
    [],
  );
  const nodes = useMemo(() => nodesOf(layout, colours, chosen), [layout, colours, chosen]);
  const edges = useMemo(() => edgesOf(layout, colours), [layout, colours]);
  const flow = useReactFlow();

  const size = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (shown) return;
    const area = size.current?.getBoundingClientRect();
    if (area === undefined || area.width === 0) return;
    void flow.setViewport(firstView(layout.width, layout.height, area));
    setShown(true);
  }, [flow, layout, shown]);

  return (
    <div className="graph" ref={size} role="region" aria-label={`Graph of ${workflow.id}`}>
      <Hands value={hands}>
        <ReactFlow<FlowNode>
          nodes={nodes}
          edges={edges}
          nodeTypes={nodeTypes}
          edgeTypes={edgeTypes}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          onlyRenderVisibleElements={nested.nodes > 80}
          minZoom={0.08}
          maxZoom={1.6}
          panOnScroll
          zoomOnDoubleClick={false}
          proOptions={{ hideAttribution: true }}
          onPaneClick={() => onChoose('')}
        >
          <Background variant={BackgroundVariant.Dots} gap={22} size={1.2} />
          <Controls showInteractive={false} position="bottom-left" />
          {nested.nodes > 25 && (
            <MiniMap pannable zoomable ariaLabel="Overview of the graph" nodeClassName={classInMap} />
          )}
        </ReactFlow>
      </Hands>
    </div>
  );
}

function classInMap(node: FlowNode): string {
  return node.type === 'frame' ? 'map-frame' : `map-card status-${node.data.colour?.status ?? 'idle'}`;
}

/** The whole graph where it can be read so; else its beginning, at a size that can. */
function firstView(width: number, height: number, area: DOMRect): { x: number; y: number; zoom: number } {
  const margin = 28;
  const across = (area.width - 2 * margin) / width;
  const down = (area.height - 2 * margin) / height;
  const whole = Math.min(across, down, 1);
  if (whole >= 0.6) return { x: (area.width - width * whole) / 2, y: (area.height - height * whole) / 2, zoom: whole };
  const zoom = Math.min(1, Math.max(across, 0.5));
  return { x: (area.width - width * zoom) / 2, y: margin, zoom };
}
