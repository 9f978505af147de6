import { ControlButton, Controls, MiniMap, ReactFlow, ReactFlowProvider, useReactFlow, useStore } from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { useEffect, useMemo, useRef, useState } from 'react';

import { Icon } from '../ui/icons';
import type { Colours } from './colour';
import type { WorkflowDescription } from './description';
import { edgesOf, nodesOf, type FlowNode } from './flow';
import { edgeTypes } from './TrackEdge';
import { Hands } from './hands';
import { CARD, layoutOf, nestedOf } from './layout';
import { nodeTypes } from './nodeTypes';
import { firstView, placeOf, shiftInto, viewOf, wholeView, type Area, type View } from './views';
import './graph.css';
import './controls.css';

interface Props {
  readonly workflow: WorkflowDescription;
  /** Of a run; null: the graph alone. */
  readonly colours: Colours | null;
  /** What is known of the run is there: so it can be told where to look first. */
  readonly ready?: boolean;
  readonly chosen: string;
  readonly onChoose: (key: string) => void;
}

/** Nested workflows of graphs up to this size are open at first. */
const OPEN_UP_TO = 60;
/** From so far away, nothing can be read: colours tell. */
const FAR = 0.35;
/** So far one can move away from the graph, and not lose it. */
const MARGIN = 600;

export function GraphView(props: Props) {
  return (
    <ReactFlowProvider>
      <Graph {...props} />
    </ReactFlowProvider>
  );
}

function Graph({ workflow, colours, ready = true, chosen, onChoose }: Props) {
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

  const isFar = useStore((store) => store.transform[2] < FAR);
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
    if (shown || !ready || area === undefined || area.width === 0) return;
    void flow.setViewport(firstView(layout, colours, area)).then(() => setShown(true));
  }, [flow, layout, colours, ready, shown]);
  useEffect(() => {
    if (shown) showBox.current(chosen);
  }, [shown, chosen]);

  const place = placeOf(layout, colours);
  function look(from: (area: Area) => View): void {
    const area = size.current?.getBoundingClientRect();
    if (area !== undefined) void flow.setViewport(from(area));
  }

  return (
    <div
      className={isFar ? 'graph graph-far' : 'graph'}
      ref={size}
      role="region"
      aria-label={`Graph of ${workflow.id}`}
    >
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
          translateExtent={[
            [-MARGIN, -MARGIN],
            [layout.width + MARGIN, layout.height + MARGIN],
          ]}
          zoomOnDoubleClick={false}
          proOptions={{ hideAttribution: true }}
          onPaneClick={() => onChoose('')}
        >
          <Controls showInteractive={false} showFitView={false} position="bottom-left">
            <ControlButton
              title="Show the whole graph"
              aria-label="Show the whole graph"
              onClick={() => look((area) => wholeView(layout, area))}
            >
              <Icon name="whole" size={14} />
            </ControlButton>
            {place !== undefined && (
              <ControlButton
                title="Where the run is"
                aria-label="Show where the run is"
                onClick={() => look((area) => viewOf(layout, place, area))}
              >
                <Icon name="locate" size={14} />
              </ControlButton>
            )}
          </Controls>
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
