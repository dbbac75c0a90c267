import { describe, expect, test } from 'vitest';
import { colorsWhere } from '../../../src/diagnostic/colors.ts';
import { logProgress, terminalProgress } from '../../../src/download/progress.ts';
import type { Progress } from '../../../src/download/progress.ts';

const start: Progress = { kind: 'start', name: 'installer', url: 'https://example.org/f?token=secret' };
const received = (bytes: number, total: number | undefined = 80_000_000): Progress => ({
  kind: 'received',
  name: 'installer',
  bytes,
  total,
});
const note: Progress = { kind: 'note', name: 'installer', text: 'the server answered 500; trying again' };
const done: Progress = { kind: 'done', name: 'installer', bytes: 80_000_000, fromCache: false };
const cached: Progress = { kind: 'done', name: 'installer', bytes: 80_000_000, fromCache: true };

/** Sends events to a sink, half a second apart unless `step` (in ms) is given; gives what the sink wrote. */
function play(sink: typeof logProgress, events: Progress[], options: { colour?: boolean; step?: number } = {}): string {
  let text = '';
  let time = 0;
  const show = sink({
    write: (more) => void (text += more),
    colors: colorsWhere(options.colour ?? false),
    now: () => time,
  });
  for (const event of events) {
    show(event);
    time += options.step ?? 500;
  }
  return text;
}

const terminal = (columns: number): typeof logProgress => {
  return (options) => terminalProgress({ ...options, columns: () => columns });
};

describe('in a log', () => {
  test('a few lines: start, quarters, done', () => {
    const megabytes = Array.from({ length: 81 }, (_, i) => received(i * 1_000_000));
    expect(play(logProgress, [start, ...megabytes, done], { step: 50 })).toBe(
      'installer: downloading https://example.org/f?…\n' +
        'installer: 25 %, 20.0 of 80.0 MB\n' +
        'installer: 50 %, 40.0 of 80.0 MB\n' +
        'installer: 75 %, 60.0 of 80.0 MB\n' +
        'installer: 80.0 MB in 4.1 s, digest verified\n',
    );
  });

  test('no quarters where the length is unknown', () => {
    expect(play(logProgress, [start, received(1, NaN), received(2, 0), done]).split('\n')).toHaveLength(3);
  });

  test('notes, and the cache', () => {
    expect(play(logProgress, [note, cached])).toBe(
      'installer: the server answered 500; trying again\ninstaller: 80.0 MB from the cache, digest verified\n',
    );
  });

  test('nothing that a server says as a command', () => {
    const hostile: Progress = { ...note, text: '\r::error::x\x1b[2J' };
    for (const sink of [logProgress, terminal(80)]) expect(play(sink, [hostile])).not.toMatch(/\r::|\x1b\[2/);
  });

  test('colour only where asked for', () => {
    expect(play(logProgress, [start, note, done])).not.toContain('\x1b');
    expect(play(logProgress, [note], { colour: true })).toContain('\x1b[33m');
  });
});

describe('on a terminal', () => {
  test('one line, drawn again in place', () => {
    const text = play(terminal(80), [start, received(0), received(20_000_000), received(80_000_000), done]);
    expect(text.split('\r').map((line) => line.replace('\x1b[K', ''))).toEqual([
      '',
      'installer: connecting',
      'installer  0 %  0.0 of 80.0 MB  0.0 MB/s',
      'installer  25 %  20.0 of 80.0 MB  20.0 MB/s',
      'installer  100 %  80.0 of 80.0 MB  53.3 MB/s',
      'installer: 80.0 MB in 2.0 s, digest verified\n',
    ]);
  });

  test('never wider than the terminal', () => {
    const text = play(terminal(20), [start, received(20_000_000)]);
    for (const line of text.split('\r')) expect(line.replace('\x1b[K', '').length).toBeLessThan(20);
  });

  test('not more often than an eye can follow', () => {
    const many = Array.from({ length: 1000 }, (_, i) => received(i * 1000));
    expect(play(terminal(80), many, { step: 1 }).match(/%/g)).toHaveLength(10);
  });

  test('a note is on a line of its own; a failure leaves none behind', () => {
    const text = play(terminal(80), [start, received(1), note, received(2), { kind: 'failed', name: 'installer' }]);
    expect(text).toContain('\r\x1b[Kinstaller: the server answered 500; trying again\n');
    expect(text.endsWith('\r\x1b[K')).toBe(true);
  });
});
