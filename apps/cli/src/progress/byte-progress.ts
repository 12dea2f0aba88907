import type { ProgressEvent } from '@ocirender/core';
import { printMessage } from '../report/print-message.ts';
import { formatBytes, formatTimeLeft, percent } from '../report/units.ts';
import { amount, barLine } from './progress-lines.ts';
import type { ProgressMode } from './progress-mode.ts';
import { type DisplayStream, startTerminalDisplay } from './terminal-display.ts';

/** Shows how many bytes of something are done. */
export interface ByteProgress {
  /** Says what is going on, and how far it is; another label starts the clock again. */
  update(label: string, bytes: number, totalBytes: number): void;
  /** Takes the events of layers that are merged. */
  onMerge(event: ProgressEvent): void;
  /** Writes a line that stays. */
  print(line: string): void;
  /** Ends the display; the stream's cursor is at the start of a line then. */
  stop(): void;
}

const LINE_MS = 5000;

/**
 * Starts showing progress: a bar on a terminal; a line every few seconds for `plain`; nothing else.
 *
 * @param mode - what `--progress` says
 * @param stream - standard error
 * @param environment - for `TERM` (`dumb` terminals cannot redraw)
 */
export function startByteProgress(
  mode: ProgressMode,
  stream: DisplayStream & { readonly isTTY?: boolean | undefined },
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ByteProgress {
  const state = new ByteState();
  const merge = new MergeState(state);
  const redraws = mode === 'auto' && stream.isTTY === true && environment['TERM'] !== 'dumb';
  const display = redraws ? startTerminalDisplay((columns) => state.lines(columns), stream) : undefined;
  const timer = mode === 'plain' ? setInterval(() => printMessage(state.line(), stream), LINE_MS) : undefined;
  timer?.unref();
  return {
    update: (label, bytes, totalBytes) => state.update(label, bytes, totalBytes),
    onMerge: (event) => merge.update(event),
    print: (line) => (display === undefined ? printMessage(line, stream) : display.print(line)),
    stop() {
      display?.stop();
      clearInterval(timer);
    },
  };
}

class ByteState {
  #label = 'opening';
  #bytes = 0;
  #total = 0;
  #since = performance.now();

  update(label: string, bytes: number, total: number): void {
    if (label !== this.#label) this.#since = performance.now();
    this.#label = label;
    this.#bytes = bytes;
    this.#total = total;
  }

  lines(columns: number): string[] {
    const width = Math.max(1, columns - 1);
    if (this.#total === 0) return [`${this.#label}…`.slice(0, width)];
    return [barLine(this.#label, this.#bytes, this.#total, this.#facts(), width)];
  }

  line(): string {
    if (this.#total === 0) return `${this.#label}…`;
    return `${this.#label}: ${percent(this.#bytes, this.#total)} % (${this.#facts().join(', ')})`;
  }

  #facts(): string[] {
    const elapsed = performance.now() - this.#since;
    const rate = this.#bytes / Math.max(1, elapsed);
    return [
      amount(this.#bytes, this.#total),
      ...(rate > 0 && elapsed > 250
        ? [
            `${formatBytes(Math.round(rate * 1000))}/s`,
            formatTimeLeft(Math.max(0, this.#total - this.#bytes) / rate),
          ]
        : []),
    ];
  }
}

class MergeState {
  readonly #state: ByteState;
  #layers: number[] = [];
  #total = 0;

  constructor(state: ByteState) {
    this.#state = state;
  }

  update(event: ProgressEvent): void {
    if (event.type === 'start') this.#total = event.totalBytes;
    else if (event.type === 'phase' && event.phase === 'scan') this.#layers = [];
    else if (event.type === 'layer-bytes') {
      this.#layers[event.index] = event.bytes;
      const bytes = this.#layers.reduce((sum, layer) => sum + layer, 0);
      this.#state.update('reading layers', bytes, this.#total);
    }
  }
}
