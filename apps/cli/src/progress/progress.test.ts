import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startPlainDisplay } from './plain-display.ts';
import { progressLines } from './progress-lines.ts';
import { ProgressState } from './progress-state.ts';
import { startProgress } from './start-progress.ts';
import { startTerminalDisplay } from './terminal-display.ts';

const LAYERS = [
  { digest: 'sha256:aaaaaaaaaaaaaaaa', size: 3000 },
  { digest: 'sha256:bbbbbbbbbbbbbbbb', size: 1000 },
];
const START = { type: 'start', layers: LAYERS, totalBytes: 4000 } as const;

let now = 0;
beforeEach(() => {
  now = 0;
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** The newest layer read, the other one half way, two seconds in. */
function halfway(): ProgressState {
  const state = new ProgressState(() => now);
  state.update(START);
  state.update({ type: 'phase', phase: 'scan' });
  state.update({ type: 'layer-start', index: 1, digest: LAYERS[1]!.digest });
  state.update({ type: 'layer-bytes', index: 1, bytes: 900 });
  state.update({
    type: 'layer-end',
    index: 1,
    digest: LAYERS[1]!.digest,
    entries: 4,
    milliseconds: 20,
    fromCache: false,
  });
  state.update({ type: 'layer-start', index: 0, digest: LAYERS[0]!.digest });
  now = 2000;
  state.update({ type: 'layer-bytes', index: 0, bytes: 1500 });
  return state;
}

function memory(columns?: number): {
  columns?: number | undefined;
  isTTY: boolean;
  text: string;
  write(text: string): void;
} {
  return {
    columns,
    isTTY: columns !== undefined,
    text: '',
    write(text) {
      this.text += text;
    },
  };
}

test('the state adds up bytes, rate and time left', () => {
  const { bytes, totalBytes, rate, left, current } = halfway();
  expect({ bytes, totalBytes, rate, left, current }).toEqual({
    bytes: 2500,
    totalBytes: 4000,
    rate: 1250,
    left: 1200,
    current: 0,
  });
});

test('a second pass begins at 0; a settle phase does not disturb the counts', () => {
  const state = halfway();
  state.update({ type: 'phase', phase: 'settle' });
  state.update({ type: 'layer-bytes', index: 0, bytes: 10 });
  expect(state.bytes).toBe(2500);
  state.update({ type: 'phase', phase: 'place' });
  expect([state.bytes, state.rate, state.current]).toEqual([0, undefined, undefined]);
});

test('events about unknown layers are harmless', () => {
  const state = halfway();
  state.update({ type: 'layer-start', index: 7, digest: 'sha256:cc' });
  state.update({ type: 'layer-bytes', index: 7, bytes: 10 });
  expect(state.bytes).toBe(2500);
  expect(progressLines(state, 80)).toHaveLength(1);
});

test('two bars on a wide terminal', () => {
  expect(progressLines(halfway(), 120)).toEqual([
    `layer 1/2 aaaaaaaaaaaa         [${'='.repeat(20)}${' '.repeat(20)}]  50 %  1.5 kB of 3.0 kB`,
    `reading layers                 [${'='.repeat(25)}${' '.repeat(15)}]  62 %  2.5 kB of 4.0 kB  1.3 kB/s  2 s left`,
  ]);
});

test('facts go first, then the bar, then the label, and no line ever wraps', () => {
  const state = halfway();
  expect(progressLines(state, 60)[1]).toBe('reading layers                 [============        ]  62 %');
  expect(progressLines(state, 30)[1]).toBe('reading layers  62 %');
  expect(progressLines(state, 12)[1]).toBe('62 %');
  for (let columns = 1; columns < 200; columns++) {
    for (const line of progressLines(state, columns))
      expect(line.length).toBeLessThanOrEqual(Math.max(1, columns - 1));
  }
});

test('phases without reading have a word', () => {
  const state = halfway();
  state.update({ type: 'phase', phase: 'finish' });
  expect(progressLines(state, 80)).toEqual(['writing metadata…']);
});

test('the terminal display redraws in place and leaves nothing behind', () => {
  const stream = memory(80);
  const display = startTerminalDisplay((columns) => progressLines(halfway(), columns), stream);
  vi.advanceTimersByTime(100);
  expect(stream.text.split('\n')).toHaveLength(3);
  stream.text = '';
  display.print('a note');
  expect(stream.text.startsWith('\r\u001b[2A\u001b[Ja note\n')).toBe(true);
  stream.text = '';
  display.stop();
  display.stop();
  vi.advanceTimersByTime(1000);
  expect(stream.text).toBe('\r\u001b[2A\u001b[J');
  stream.text = '';
  display.print('afterwards');
  expect(stream.text).toBe('afterwards\n');
});

test('the plain display writes a line now and then and for each layer', () => {
  const stream = memory();
  const state = halfway();
  const display = startPlainDisplay(state, stream);
  display.update({
    type: 'layer-end',
    index: 1,
    digest: LAYERS[1]!.digest,
    entries: 4,
    milliseconds: 20,
    fromCache: false,
  });
  vi.advanceTimersByTime(5000);
  display.stop();
  vi.advanceTimersByTime(60_000);
  expect(stream.text.split('\n')).toEqual([
    'layer 2/2 bbbbbbbbbbbb: 1.0 kB, 4 entries, 20 ms (62 % of all)',
    'reading layers: 62 % (2.5 kB of 4.0 kB, 1.3 kB/s, 2 s left)',
    '',
  ]);
});

test.each([
  ['auto', 80, {}, true],
  ['auto', 80, { TERM: 'dumb' }, false],
  ['auto', undefined, {}, false],
  ['plain', 80, {}, false],
  ['none', 80, {}, false],
] as const)('--progress %s on %s columns with %o redraws: %s', (mode, columns, environment, redraws) => {
  const stream = memory(columns);
  const progress = startProgress(mode, stream, environment);
  progress.onProgress(START);
  progress.onProgress({ type: 'phase', phase: 'scan' });
  progress.onProgress({
    type: 'layer-end',
    index: 1,
    digest: LAYERS[1]!.digest,
    entries: 4,
    milliseconds: 20,
    fromCache: false,
  });
  vi.advanceTimersByTime(200);
  progress.stop();
  expect(stream.text.includes('\u001b')).toBe(redraws);
  expect(stream.text === '').toBe(mode === 'none');
});
