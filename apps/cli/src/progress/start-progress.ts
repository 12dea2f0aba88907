import type { ProgressEvent } from '@ocirender/core';
import { printMessage } from '../report/print-message.ts';
import { startDebugLog } from './debug-log.ts';
import { startPlainDisplay } from './plain-display.ts';
import { progressLines } from './progress-lines.ts';
import type { ProgressMode } from './progress-mode.ts';
import { ProgressState } from './progress-state.ts';
import { type DisplayStream, startTerminalDisplay } from './terminal-display.ts';

/** Everything that follows a conversion's events. */
export interface Progress {
  onProgress(event: ProgressEvent): void;
  /** Writes a line that stays. */
  print(line: string): void;
  /** Ends the display; the stream's cursor is at the start of a line then. */
  stop(): void;
}

/**
 * Starts showing progress.
 *
 * @param mode - `auto` draws bars on a terminal and writes lines elsewhere
 * @param stream - standard error
 * @param environment - for `TERM` (`dumb` terminals cannot redraw)
 * @returns the listener for a conversion's events
 */
export function startProgress(
  mode: ProgressMode,
  stream: DisplayStream & { readonly isTTY?: boolean | undefined },
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Progress {
  const debugLog = startDebugLog();
  if (mode === 'none') {
    return {
      onProgress: (event) => debugLog?.update(event),
      print: (line) => printMessage(line, stream),
      stop: () => debugLog?.end(),
    };
  }
  const state = new ProgressState();
  // Bars and a debug log on one terminal would tear each other apart.
  const redraws =
    mode === 'auto' && stream.isTTY === true && environment['TERM'] !== 'dumb' && debugLog === undefined;
  const plain = redraws ? undefined : startPlainDisplay(state, stream);
  const display = plain ?? startTerminalDisplay((columns) => progressLines(state, columns), stream);
  return {
    onProgress(event) {
      state.update(event);
      plain?.update(event);
      debugLog?.update(event);
    },
    print: (line) => display.print(line),
    stop() {
      display.stop();
      debugLog?.end();
    },
  };
}
