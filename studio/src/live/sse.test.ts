import { describe, expect, it } from 'vitest';

import { SseReader } from './sse';

const TEXT =
  ': waystation\r\nretry: 1000\r\n\r\nid: 3.0\r\nevent: step-started\r\ndata: {"a":\r\ndata: 1}\r\n\r\n: ping\r\n\r\ndata: x\n\n';
const MESSAGES = [
  { id: '3.0', event: 'step-started', data: '{"a":\n1}' },
  { id: '3.0', event: 'message', data: 'x' },
];

describe('a stream of server-sent events', () => {
  it('is read as the standard tells it', () => {
    expect(new SseReader().feed(TEXT)).toEqual(MESSAGES);
  });

  it('is read the same, wherever it is cut', () => {
    for (let at = 0; at <= TEXT.length; at += 1) {
      const reader = new SseReader();
      expect([...reader.feed(TEXT.slice(0, at)), ...reader.feed(TEXT.slice(at))], `cut at ${at}`).toEqual(MESSAGES);
    }
    const reader = new SseReader();
    expect(Array.from(TEXT, (letter) => reader.feed(letter)).flat()).toEqual(MESSAGES);
  });

  it('says nothing of what is not complete', () => {
    const reader = new SseReader();
    expect(reader.feed('data: x\n')).toEqual([]);
    expect(reader.feed('\n')).toEqual([{ id: '', event: 'message', data: 'x' }]);
  });
});
