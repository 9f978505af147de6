import type { JournalEntry, StepStatus } from '../api/types';
import { nodeKey } from '../graph/addresses';
import { errorIn, jsonIn, listIn, numberIn, recordIn, textIn, textsIn, timeIn } from './entries';
import { emptyRun, type Attempt, type NodeModel, type Outcome, type RunModel, type StepModel } from './model';

/**
 * Makes what happened in a run of its journal, entry by entry. The same rules as `core/history.py`, and the attempts
 * one by one. The model is changed in place, so that a run of 100,000 entries is folded once: `version` tells watchers.
 */
export class JournalFold {
  readonly model: RunModel = emptyRun();
  version = 0;

  /** Take in the entries that follow. What was taken already is passed over, so pages may overlap. */
  take(entries: readonly JournalEntry[]): void {
    for (const entry of entries) {
      if (entry.seq <= this.model.lastSeq) continue;
      this.#tell(entry);
      this.model.lastSeq = entry.seq;
    }
    this.version += 1;
  }

  /**
   * A stream tells that an attempt has begun, set off by entry `seq`; the journal has nothing of it until it ends.
   * Which of the two is heard first does not matter. Numbers of attempts do not tell: they begin anew after an answer.
   */
  begun(address: string, attempt: number, at: number, seq: number): void {
    if (this.model.endedAt !== null) return;
    const step = this.#step(address);
    if (step.attempts.some((each) => each.seq > seq || each.outcome === 'running')) return;
    step.attempts.push({ seq, attempt, began: at, ended: null, outcome: 'running' });
    step.status = 'running';
    this.version += 1;
  }

  #step(address: string): StepModel {
    let step = this.model.steps.get(address);
    if (step === undefined) {
      const key = nodeKey(address);
      step = { address, key, status: 'running', attempts: [], suspensions: [], once: [], chunks: 0 };
      this.model.steps.set(address, step);
    }
    return step;
  }

  #node(entry: JournalEntry, status: StepStatus): NodeModel {
    const address = textIn(entry, 'address');
    const at = timeIn(entry, 'at');
    let node = this.model.nodes.get(address);
    if (node === undefined) {
      node = { address, key: nodeKey(address), status, began: at, at };
      this.model.nodes.set(address, node);
    }
    node.status = status;
    node.at = at;
    return node;
  }

  #tell(entry: JournalEntry): void {
    const model = this.model;
    switch (entry.kind) {
      case 'run-created':
        model.createdAt = timeIn(entry, 'at');
        model.forkedFrom = textIn(entry, 'forked_from');
        break;
      case 'run-started':
        model.startedAt = timeIn(entry, 'at');
        model.input = jsonIn(entry, 'input');
        model.context = recordIn(entry, 'context');
        model.state = recordIn(entry, 'state');
        break;
      case 'cancel-requested':
        model.cancel = {
          at: timeIn(entry, 'at'),
          reason: textIn(entry, 'reason'),
          actor: textIn(entry, 'actor'),
          channel: textIn(entry, 'channel'),
          address: textIn(entry, 'address'),
        };
        break;
      case 'undo-begun':
        model.undoBegan = timeIn(entry, 'at');
        break;
      case 'state-replaced':
        model.state = { ...model.state, ...recordIn(entry, 'changes') };
        break;
      case 'input-replaced':
        model.replacedInputs.set(textIn(entry, 'address'), jsonIn(entry, 'value'));
        break;
      case 'run-succeeded':
      case 'run-failed':
      case 'run-cancelled':
        this.#end(entry);
        break;
      default:
        if (entry.kind.startsWith('step-') || entry.kind === 'suspension-answered' || entry.kind === 'once-recorded') {
          this.#tellStep(entry);
        } else this.#tellNode(entry);
    }
  }

  #end(entry: JournalEntry): void {
    const model = this.model;
    model.endedAt = timeIn(entry, 'at');
    model.ended = entry.kind === 'run-succeeded' ? 'success' : entry.kind === 'run-failed' ? 'failed' : 'cancelled';
    if (entry.kind === 'run-failed') model.error = errorIn(entry);
    // What was under way then was given up: the run ended around it.
    for (const step of model.steps.values()) {
      step.status = asEnded(step.status);
      step.attempts = step.attempts.map((each) =>
        each.outcome === 'running' ? { ...each, outcome: 'cancelled', ended: model.endedAt } : each,
      );
    }
    for (const node of model.nodes.values()) node.status = asEnded(node.status);
  }

  #tellStep(entry: JournalEntry): void {
    const step = this.#step(textIn(entry, 'address'));
    const at = timeIn(entry, 'at');
    switch (entry.kind) {
      case 'once-recorded':
        step.once.push({ name: textIn(entry, 'name'), value: jsonIn(entry, 'value'), at });
        break;
      case 'step-output':
        for (const value of listIn(entry, 'chunks')) {
          const { address } = step;
          this.model.chunks.push({ seq: entry.seq, at, address, attempt: numberIn(entry, 'attempt'), value });
          step.chunks += 1;
        }
        break;
      case 'suspension-answered': {
        step.status = 'running';
        const seq = numberIn(entry, 'suspension');
        const asked = step.suspensions.find((each) => each.seq === seq);
        const [data, actor, channel] = [jsonIn(entry, 'data'), textIn(entry, 'actor'), textIn(entry, 'channel')];
        if (asked !== undefined) asked.answer = { at, data, actor, channel };
        this.model.context = { ...this.model.context, ...recordIn(entry, 'context') };
        break;
      }
      default:
        this.#tellAttempt(step, entry, at);
    }
  }

  #tellAttempt(step: StepModel, entry: JournalEntry, at: number): void {
    const state = recordIn(entry, 'state');
    if (Object.keys(state).length > 0) this.model.state = { ...this.model.state, ...state };
    const ended = (outcome: Outcome, more: Partial<Attempt> = {}): void => {
      const { seq } = entry;
      step.attempts = step.attempts.filter((each) => each.outcome !== 'running' || each.seq > seq);
      const attempt = numberIn(entry, 'attempt');
      step.attempts.push({ seq, attempt, began: timeIn(entry, 'began'), ended: at, outcome, ...more });
      step.attempts.sort((one, other) => one.seq - other.seq);
    };
    switch (entry.kind) {
      case 'step-succeeded':
      case 'step-bailed':
        ended(entry.kind === 'step-bailed' ? 'bailed' : 'success');
        step.status = 'success';
        step.output = jsonIn(entry, 'output');
        break;
      case 'step-failed':
        step.error = errorIn(entry);
        step.status = 'failed';
        ended('failed', { error: step.error });
        break;
      case 'step-cancelled':
        ended('cancelled');
        step.status = 'cancelled';
        break;
      case 'step-retrying':
        step.retryAt = timeIn(entry, 'retry_at');
        step.status = 'waiting';
        ended('retrying', { error: errorIn(entry), retryAt: step.retryAt });
        break;
      case 'step-suspended':
        step.status = 'suspended';
        ended('suspended');
        step.suspensions.push({
          seq: entry.seq,
          label: textIn(entry, 'label'),
          payload: jsonIn(entry, 'payload'),
          askedAt: at,
        });
        break;
      default:
    }
  }

  #tellNode(entry: JournalEntry): void {
    switch (entry.kind) {
      case 'branch-taken':
        this.#node(entry, 'success').taken = textsIn(entry, 'taken');
        break;
      case 'foreach-begun':
        this.#node(entry, 'success').count = numberIn(entry, 'count');
        break;
      case 'loop-decided':
        this.#node(entry, entry.again === true ? 'running' : 'success').count = numberIn(entry, 'turn');
        break;
      case 'mapped':
      case 'event-defaulted':
        this.#node(entry, 'success').output = jsonIn(entry, 'output');
        break;
      case 'sleep-begun':
      case 'event-awaited':
        this.#node(entry, 'waiting').until = timeIn(entry, 'until');
        break;
      case 'sleep-ended':
        this.#node(entry, 'success');
        break;
      case 'event-received':
        this.#events.set(entry.seq, entry);
        break;
      case 'event-matched': {
        const event = this.#events.get(numberIn(entry, 'event'));
        this.#node(entry, 'success').output = event === undefined ? null : jsonIn(event, 'data');
        break;
      }
      case 'node-failed':
      case 'event-timed-out':
        // At no address it is the run's own output that does not fit: told by the end of the run.
        if (textIn(entry, 'address') !== '') this.#node(entry, 'failed').error = errorIn(entry);
        break;
      default: // an entry that changes nothing to be seen here, or of a newer server
    }
  }

  readonly #events = new Map<number, JournalEntry>();
}

function asEnded(status: StepStatus): StepStatus {
  return status === 'success' || status === 'failed' ? status : 'cancelled';
}

/** How a step stands by the clock: an attempt that is tried again begins by time alone. */
export function statusAt(step: StepModel, now: number): StepStatus {
  return step.status === 'waiting' && step.retryAt !== undefined && step.retryAt <= now ? 'running' : step.status;
}
