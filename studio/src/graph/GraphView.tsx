import { Controls, MiniMap, ReactFlow, ReactFlowProvider, useReactFlow } from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { useEffect, useMemo, useRef, useState } from 'react';

import type { Colours } from './colour';
import type { WorkflowDescription } from './description';
import { edgesOf, nodesOf, type FlowNode } from './flow';
import { edgeTypes } from './TrackEdge';
import { Hands } from './hands';
import { CARD, layoutOf, nestedOf, type Box, type Layout } from './layout';
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
  /** Brings a box into sight, if it is not. */
  const showBox = useRef<(key: string) => void>(() => undefined);
  const hands = useMemo(
    () => ({
      choose: (key: string) => latest.current(key),
      reach: (key: string) => showBox.current(key),
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
  useEffect(() => {
    showBox.current = (key) => {
      const area = size.current;
      const box = layout.boxes.find((each) => each.key === key);
      if (area === null || box === undefined) return;
      // The browser may have scrolled to what was focused; here one moves by the view alone.
      for (const each of area.querySelectorAll('.react-flow, .react-flow__renderer')) each.scrollTo(0, 0);
      const { x, y, zoom } = flow.getViewport();
      const { width, height } = area.getBoundingClientRect();
      const [left, top] = [box.x * zoom + x, box.y * zoom + y];
      const moved = {
        x: x + shiftInto(left, Math.min(box.width, CARD.width) * zoom, width),
        y: y + shiftInto(top, Math.min(box.height, CARD.height) * zoom, height),
      };
      if (moved.x !== x || moved.y !== y) void flow.setViewport({ ...moved, zoom });
    };
  });
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const area = size.current?.getBoundingClientRect();
    if (shown || area === undefined || area.width === 0) return;
    void flow.setViewport(firstView(layout, colours, area)).then(() => setShown(true));
  }, [flow, layout, colours, shown]);
  useEffect(() => {
    if (shown) showBox.current(chosen);
  }, [shown, chosen]);

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

/** How far what lies at `from` has to be moved to lie between 0 and `room`, with some space around it. */
function shiftInto(from: number, length: number, room: number): number {
  if (from >= 0 && from + length <= room) return 0;
  const space = Math.max(0, Math.min(90, (room - length) / 2));
  return from < 0 ? space - from : room - space - length - from;
}

/** The whole graph where it can be read so; else the place that the run has come to, or the beginning. */
function firstView(layout: Layout, colours: Colours | null, area: DOMRect): { x: number; y: number; zoom: number } {
  const { width, height } = layout;
  const margin = 28;
  const across = (area.width - 2 * margin) / width;
  const down = (area.height - 2 * margin) / height;
  const whole = Math.min(across, down, 1);
  if (whole >= 0.6) return { x: (area.width - width * whole) / 2, y: (area.height - height * whole) / 2, zoom: whole };
  const zoom = Math.min(1, Math.max(across, 0.75));
  const at = colours === null ? undefined : placeOf(layout, colours);
  if (at === undefined) return { x: (area.width - width * zoom) / 2, y: margin, zoom };
  const x = across >= zoom ? (area.width - width * zoom) / 2 : area.width / 2 - (at.x + at.width / 2) * zoom;
  return { x, y: Math.min(margin, area.height / 2 - (at.y + at.height / 2) * zoom), zoom };
}

/** The card at which the run is, or at which it failed. */
function placeOf(layout: Layout, colours: Colours): Box | undefined {
  const cards = layout.boxes.filter((box) => !box.framed);
  for (const status of ['suspended', 'running', 'waiting', 'failed'] as const) {
    const found = cards.findLast((box) => colours.get(box.key)?.status === status);
    if (found !== undefined) return found;
  }
  return undefined;
}
