import type { Json, JournalEntry } from '../api/types';
import { errorIn, numberIn, recordIn, textIn, textsIn, timeIn } from './entries';
import { duration } from '../ui/time';

/** What a journal entry says, in a line. */
export function entryWords(entry: JournalEntry): string {
  const took = (): string => duration(timeIn(entry, 'at') - timeIn(entry, 'began'));
  switch (entry.kind) {
    case 'run-created':
      return textIn(entry, 'forked_from') === '' ? '' : `forked from ${textIn(entry, 'forked_from')}`;
    case 'run-started':
      return brief(entry.input);
    case 'run-proceeded':
      return entry.per_step === true ? 'by one step' : 'freely';
    case 'cancel-requested':
      return [by(entry), textIn(entry, 'reason')].filter((part) => part !== '').join(': ');
    case 'step-succeeded':
    case 'step-bailed':
      return `attempt ${numberIn(entry, 'attempt')}, ${took()}: ${brief(entry.output)}`;
    case 'step-failed':
    case 'step-retrying':
      return `attempt ${numberIn(entry, 'attempt')}, ${took()}: ${errorIn(entry).type}: ${errorIn(entry).message}`;
    case 'step-suspended':
      return brief(entry.payload);
    case 'step-output':
      return brief(entry.chunks);
    case 'suspension-answered':
      return [by(entry), brief(entry.data)].filter((part) => part !== '').join(': ');
    case 'once-recorded':
      return `${textIn(entry, 'name')}: ${brief(entry.value)}`;
    case 'branch-taken':
      return textsIn(entry, 'taken').join(', ') || 'none';
    case 'foreach-begun':
      return `${numberIn(entry, 'count')} items, ${numberIn(entry, 'concurrency')} at once`;
    case 'loop-decided':
      return `after turn ${numberIn(entry, 'turn')}: ${entry.again === true ? 'again' : 'done'}`;
    case 'mapped':
    case 'event-defaulted':
      return brief(entry.output);
    case 'event-received':
      return `${textIn(entry, 'name')}: ${brief(entry.data)}`;
    case 'sleep-begun':
    case 'event-awaited':
      return `until ${new Date(timeIn(entry, 'until')).toISOString()}`;
    case 'node-failed':
    case 'event-timed-out':
    case 'run-failed':
      return `${errorIn(entry).type}: ${errorIn(entry).message}`;
    case 'state-replaced':
      return Object.keys(recordIn(entry, 'changes')).join(', ');
    default:
      return '';
  }
}

function by(entry: JournalEntry): string {
  const [actor, channel] = [textIn(entry, 'actor'), textIn(entry, 'channel')];
  if (actor === '') return channel === '' ? '' : `by ${channel}`;
  return channel === '' ? `by ${actor}` : `by ${actor} (${channel})`;
}

export function brief(value: Json | undefined, longest = 160): string {
  if (value === undefined) return '';
  const text = JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
