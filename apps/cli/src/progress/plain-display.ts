import type { ProgressEvent } from '@ocirender/core';
import { printMessage } from '../report/print-message.ts';
import { formatBytes, formatDuration, formatTimeLeft, percent, shortDigest } from '../report/units.ts';
import { PHASE_WORDS } from './progress-lines.ts';
import type { ProgressState } from './progress-state.ts';
import type { DisplayStream, ProgressDisplay } from './terminal-display.ts';

const LINE_MS = 5000;

/** A display that also looks at single events. */
export interface PlainDisplay extends ProgressDisplay {
  /** Takes an event that `state` has seen already. */
  update(event: ProgressEvent): void;
}

/**
 * Shows progress where nothing can be redrawn (pipes, logs): a line when a layer ends, and every few seconds.
 *
 * @param state - what to show
 * @param stream - where to
 * @returns the running display
 */
export function startPlainDisplay(state: ProgressState, stream: DisplayStream): PlainDisplay {
  const print = (line: string): void => printMessage(line, stream);

  const tick = (): void => {
    if (!state.reading) {
      print(`${PHASE_WORDS[state.phase]}…`);
      return;
    }
    const done = percent(state.bytes, state.totalBytes);
    const rate = state.rate === undefined ? '' : `, ${formatBytes(Math.round(state.rate))}/s`;
    const left = state.left === undefined ? '' : `, ${formatTimeLeft(state.left)}`;
    const amount = `${formatBytes(state.bytes)} of ${formatBytes(state.totalBytes)}`;
    print(`${PHASE_WORDS[state.phase]}: ${done} % (${amount}${rate}${left})`);
  };

  const timer = setInterval(tick, LINE_MS);
  timer.unref();

  return {
    print,
    update(event) {
      if (event.type !== 'layer-end' || !state.reading) return;
      const layer = `layer ${event.index + 1}/${state.layers.length} ${shortDigest(event.digest)}`;
      const size = event.fromCache ? 'from the cache' : formatBytes(state.layers[event.index]?.size ?? 0);
      const done = percent(state.bytes, state.totalBytes);
      print(
        `${layer}: ${size}, ${event.entries} entries, ${formatDuration(event.milliseconds)} (${done} % of all)`,
      );
    },
    stop: () => clearInterval(timer),
  };
}
