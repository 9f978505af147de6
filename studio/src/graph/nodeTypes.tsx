import type { NodeProps } from '@xyflow/react';
import { memo, useContext, type FocusEvent, type MouseEvent } from 'react';

import { Icon } from '../ui/icons';
import { duration } from '../ui/time';
import { Anchors } from './Anchors';
import type { NodeColour } from './colour';
import { valueText, type GraphNode } from './description';
import type { BoxData, FlowNode } from './flow';
import { Hands } from './hands';

type BoxNode = Extract<FlowNode, { type?: 'card' | 'frame' }>;
type TerminalNode = Extract<FlowNode, { type?: 'terminal' }>;

const Card = memo(function Card({ data }: NodeProps<BoxNode>) {
  const { box, colour, undo, isChosen } = data;
  const hands = useContext(Hands);
  const { node, key } = box;
  const status = colour?.status ?? 'idle';
  return (
    <>
      <Anchors />
      <Label text={box.label} />
      <div className={`card card-${node.kind} status-${status}${isChosen ? ' is-chosen' : ''}`}>
        <button
          type="button"
          className="card-face nopan"
          aria-pressed={isChosen}
          data-key={key}
          onFocus={(event) => isByKeyboard(event) && hands.reach(key)}
          onClick={() => hands.choose(key)}
        >
          <Icon name={node.kind === 'step' && node.suspend !== null ? 'suspended' : node.kind} />
          <span className="for-screen-readers">{node.kind} </span>
          <span className="card-words">
            <span className="card-id">{node.id}</span>
            <span className="card-note">
              <Mark colour={colour} />
              <span>{noteOf(node, colour)}</span>
            </span>
          </span>
        </button>
        {box.foldable && <Fold open={false} data={data} />}
        {node.kind === 'step' && node.undo !== null && (
          <span className={`undo-chip status-${undo?.status ?? 'idle'}`}>
            <Icon name="undo" size={12} />
            {node.undo.id}
          </span>
        )}
      </div>
    </>
  );
});

const Frame = memo(function Frame({ data }: NodeProps<BoxNode>) {
  const { box, colour, isChosen } = data;
  const hands = useContext(Hands);
  const { node, key } = box;
  return (
    <>
      <Anchors frame />
      <Label text={box.label} />
      <div className={`frame frame-${node.kind} status-${colour?.status ?? 'idle'}${isChosen ? ' is-chosen' : ''}`}>
        <div className="frame-head">
          <button
            type="button"
            className="frame-face nopan"
            aria-pressed={isChosen}
            data-key={key}
            onFocus={(event) => isByKeyboard(event) && hands.reach(key)}
            onClick={() => hands.choose(key)}
          >
            <Icon name={node.kind} />
            <span className="for-screen-readers">{node.kind} </span>
            <span className="card-id">{node.id}</span>
            {(colour === null || colour.status === 'idle') && <span className="card-note">{noteOf(node, colour)}</span>}
            {node.kind === 'loop' && colour?.turns !== undefined && (
              <span className="card-note">turn {colour.turns}</span>
            )}
            <Mark colour={colour} />
          </button>
          {box.foldable && <Fold open data={data} />}
        </div>
        {colour?.progress !== undefined && (
          <progress
            className="frame-progress"
            max={colour.progress.total}
            value={colour.progress.done}
            aria-label={`Items of ${node.id} done`}
          />
        )}
      </div>
    </>
  );
});

function Terminal({ data }: NodeProps<TerminalNode>) {
  return (
    <div className="terminal" title={data.terminal.key === '>start' ? 'input' : 'output'}>
      <Anchors />
      <span>{data.terminal.text}</span>
    </div>
  );
}

export const nodeTypes = { card: Card, frame: Frame, terminal: Terminal };

/** What is pressed stays where it is: it would go from under the pointer before it is let go. */
const isByKeyboard = (event: FocusEvent<HTMLElement>): boolean => event.currentTarget.matches(':focus-visible');

function Label({ text }: { text: string }) {
  return text === '' ? null : (
    <div className="card-label" title={text}>
      {text}
    </div>
  );
}

function Fold({ open, data }: { open: boolean; data: BoxData }) {
  const { node, key } = data.box;
  const hands = useContext(Hands);
  function onClick(event: MouseEvent): void {
    event.stopPropagation();
    hands.toggle(key);
  }
  return (
    <button
      type="button"
      className="fold nopan"
      aria-expanded={open}
      aria-label={`${open ? 'Close' : 'Open'} ${node.id}`}
      title={open ? 'Close the nested workflow' : 'Open the nested workflow'}
      onClick={onClick}
    >
      <Icon name="chevron" size={14} />
    </button>
  );
}

/** How it stands: an icon and, where it ran several times, how many of them stand so. */
function Mark({ colour }: { colour: NodeColour | null }) {
  if (colour === null || colour.status === 'idle') return null;
  const { status, counts, total, progress } = colour;
  const count = status === 'skipped' ? undefined : counts[status];
  return (
    <span className={`mark-status status-${status}`}>
      {progress !== undefined && <span>{`${progress.done}/${progress.total}`}</span>}
      {progress === undefined && total > 1 && <span>{count === total ? `×${total}` : `${count ?? 0}/${total}`}</span>}
      <Icon name={status} size={14} />
      <span className="mark-word">{status}</span>
    </span>
  );
}

function noteOf(node: GraphNode, colour: NodeColour | null): string {
  switch (node.kind) {
    case 'step':
      if (colour !== null && colour.attempts > 1 && colour.total === 1) return `${colour.attempts} attempts`;
      return node.description.split('\n')[0] ?? '';
    case 'workflow':
      return node.description === '' ? 'workflow' : (node.description.split('\n')[0] ?? '');
    case 'parallel':
      return node.allow_failure ? 'parallel, may fail' : 'parallel';
    case 'branch':
      return 'branch';
    case 'switch':
      return node.key === null ? 'switch' : `switch by ${node.key}`;
    case 'foreach': {
      const atOnce = typeof node.concurrency === 'number' ? `, ${node.concurrency} at once` : '';
      return `each item${atOnce}`;
    }
    case 'loop': {
      return `${node.until ? 'until' : 'while'} ${node.condition ?? 'a condition'}`;
    }
    case 'map':
      return node.function ?? (node.sources === null ? 'map' : `map of ${Object.keys(node.sources).join(', ')}`);
    case 'sleep':
      if (typeof node.seconds === 'number') return `sleeps ${duration(node.seconds * 1_000)}`;
      return node.seconds === null ? `sleeps until ${valueText(node.until)}` : `sleeps for ${valueText(node.seconds)}`;
    case 'wait':
      return `waits for event ${node.event}`;
  }
}
