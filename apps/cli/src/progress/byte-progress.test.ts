import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startByteProgress } from './byte-progress.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function memory(columns?: number): {
  columns?: number;
  isTTY: boolean;
  text: string;
  write(text: string): void;
} {
  return {
    ...(columns === undefined ? {} : { columns }),
    isTTY: columns !== undefined,
    text: '',
    write(text) {
      this.text += text;
    },
  };
}

test('a bar on a terminal, and nothing is left of it', () => {
  const stream = memory(100);
  const progress = startByteProgress('auto', stream, {});
  vi.advanceTimersByTime(100);
  expect(stream.text).toBe('opening…\n');
  stream.text = '';
  progress.update('comparing contents', 0, 4000);
  vi.advanceTimersByTime(1000);
  progress.update('comparing contents', 1000, 4000);
  vi.advanceTimersByTime(100);
  expect(stream.text).toMatch(
    /comparing contents {13}\[={5} {18}\] {2}25 % {2}1\.0 kB of 4\.0 kB {2}909 B\/s {2}4 s left\n$/,
  );
  progress.print('a note');
  stream.text = '';
  progress.stop();
  progress.stop();
  expect(stream.text).toBe('\r\u001b[1A\u001b[J');
});

test('the layers that are merged add up', () => {
  const stream = memory();
  const progress = startByteProgress('plain', stream, {});
  progress.onMerge({ type: 'start', layers: [], totalBytes: 1000 });
  progress.onMerge({ type: 'phase', phase: 'scan' });
  progress.onMerge({ type: 'layer-bytes', index: 1, bytes: 300 });
  progress.onMerge({ type: 'layer-bytes', index: 0, bytes: 200 });
  progress.onMerge({ type: 'layer-bytes', index: 1, bytes: 350 });
  vi.advanceTimersByTime(5000);
  progress.stop();
  vi.advanceTimersByTime(50_000);
  expect(stream.text).toBe('reading layers: 55 % (550 B of 1.0 kB, 110 B/s, 5 s left)\n');
});

test('nothing where nobody watches', () => {
  for (const [mode, environment, columns] of [
    ['auto', {}, undefined],
    ['auto', { TERM: 'dumb' }, 80],
    ['none', {}, 80],
  ] as const) {
    const stream = memory(columns);
    const progress = startByteProgress(mode, stream, environment);
    progress.update('x', 1, 2);
    vi.advanceTimersByTime(20_000);
    progress.stop();
    expect(stream.text).toBe('');
  }
});
