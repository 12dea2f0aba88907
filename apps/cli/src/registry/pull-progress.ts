import type { PlannedBlob, PullEvent } from '@ocirender/registry';
import { amount, barLine } from '../progress/progress-lines.ts';
import type { ProgressMode } from '../progress/progress-mode.ts';
import { type DisplayStream, startTerminalDisplay } from '../progress/terminal-display.ts';
import { printMessage } from '../report/print-message.ts';
import { formatBytes, formatTimeLeft, percent, shortDigest } from '../report/units.ts';

/** Follows a pull's events. */
export interface PullProgress {
  update(event: PullEvent): void;
  /** Writes a line that stays. */
  print(line: string): void;
  /** Ends the display. May be called again. */
  stop(): void;
}

/** Where it goes: a part of `tty.WriteStream`. */
export type PullStream = DisplayStream & {
  readonly isTTY?: boolean | undefined;
  readonly rows?: number | undefined;
};

const LINE_MS = 5000;
/** A rate is known after this time. */
const MIN_RATE_MS = 500;

/**
 * Shows how far a pull is: a bar for each layer on a terminal, lines elsewhere.
 *
 * @param mode - `auto` draws bars on a terminal and writes lines elsewhere
 * @param stream - standard error
 * @param environment - for `TERM` (`dumb` terminals cannot redraw)
 */
export function startPullProgress(
  mode: ProgressMode,
  stream: PullStream,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): PullProgress {
  const state = new PullState();
  const write = (line: string): void => printMessage(line, stream);
  if (mode === 'none') return { update: () => {}, print: write, stop: () => {} };
  if (mode === 'auto' && stream.isTTY === true && environment['TERM'] !== 'dumb') {
    const display = startTerminalDisplay((columns) => state.lines(columns, stream.rows ?? 24), stream);
    return { ...display, update: (event) => state.update(event) };
  }
  const timer = setInterval(() => {
    if (state.blobs.size > 0) write(state.summary());
  }, LINE_MS);
  timer.unref();
  return {
    update(event) {
      state.update(event);
      const ended =
        event.type === 'blob-end' || event.type === 'blob-present'
          ? state.blobs.get(event.digest)
          : undefined;
      if (ended?.kind !== 'layer') return;
      const what = event.type === 'blob-present' ? 'there already' : 'fetched';
      write(
        `layer ${shortDigest(ended.digest)}: ${formatBytes(ended.size)}, ${what} (${percent(state.bytes, state.total)} % of all)`,
      );
    },
    print: write,
    stop: () => clearInterval(timer),
  };
}

interface BlobState {
  readonly digest: string;
  readonly size: number;
  readonly kind: PlannedBlob['kind'];
  bytes: number;
  phase: 'waiting' | 'running' | 'done';
}

/** Kept up to date from a pull's events; knows nothing of terminals. */
export class PullState {
  readonly blobs = new Map<string, BlobState>();
  readonly #now: () => number;
  #began: number;
  /** Bytes that were there, or are fetched again: they say nothing of the network. */
  #given = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#began = now();
  }

  get total(): number {
    return [...this.blobs.values()].reduce((sum, { size }) => sum + size, 0);
  }

  get bytes(): number {
    return [...this.blobs.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  update(event: PullEvent): void {
    if (event.type === 'pull-start') {
      for (const blob of event.blobs) this.blobs.set(blob.digest, { ...blob, bytes: 0, phase: 'waiting' });
      this.#began = this.#now();
      return;
    }
    const blob = 'digest' in event ? this.blobs.get(event.digest) : undefined;
    if (blob === undefined) return;
    switch (event.type) {
      case 'blob-start':
        blob.phase = 'running';
        blob.bytes = event.offset;
        this.#given += event.offset;
        break;
      case 'blob-bytes':
        blob.bytes = event.bytes;
        break;
      case 'blob-present':
        this.#given += blob.size;
        blob.bytes = blob.size;
        blob.phase = 'done';
        break;
      case 'blob-end':
        blob.phase = 'done';
        break;
    }
  }

  /** One line for all blobs. */
  summary(): string {
    return `fetching: ${percent(this.bytes, this.total)} % (${this.#facts().join(', ')})`;
  }

  /** A bar for each layer, where there is room for them, and one for all. */
  lines(columns: number, rows: number): string[] {
    const width = Math.max(1, columns - 1);
    if (this.blobs.size === 0) return ['asking the registry…'.slice(0, width)];
    const layers = [...this.blobs.values()].filter(({ kind }) => kind === 'layer');
    const room = Math.max(1, rows - 3);
    const shown =
      layers.length <= room ? layers : layers.filter(({ phase }) => phase === 'running').slice(0, room);
    return [
      ...shown.map(({ digest, bytes, size }) =>
        barLine(`layer ${shortDigest(digest)}`, bytes, size, [amount(bytes, size)], width),
      ),
      barLine('all', this.bytes, this.total, this.#facts(), width),
    ];
  }

  #facts(): string[] {
    const { bytes, total } = this;
    const facts = [amount(bytes, total)];
    const elapsed = this.#now() - this.#began;
    const fetched = bytes - this.#given;
    if (elapsed < MIN_RATE_MS || fetched <= 0) return facts;
    const rate = (fetched / elapsed) * 1000;
    return [...facts, `${formatBytes(Math.round(rate))}/s`, formatTimeLeft(((total - bytes) / rate) * 1000)];
  }
}
