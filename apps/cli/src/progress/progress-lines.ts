import type { Phase } from '@ocirender/core';
import { formatBytes, formatTimeLeft, percent, shortDigest } from '../report/units.ts';
import type { ProgressState } from './progress-state.ts';

/** What a phase does, in words. */
export const PHASE_WORDS: Readonly<Record<Phase, string>> = {
  scan: 'reading layers',
  replay: 'merging layers',
  settle: 'reading what was skipped',
  place: 'writing contents',
  finish: 'writing metadata',
};

/** Below this width a bar says less than the numbers beside it. */
const MIN_BAR = 8;
const MAX_BAR = 40;

/**
 * Draws the progress for a terminal: one line for the layer that is being read, one for all of them.
 *
 * @param state - how far the conversion is
 * @param columns - the terminal's width
 * @returns lines of at most `columns - 1` characters, so that the cursor never wraps
 */
export function progressLines(state: ProgressState, columns: number): string[] {
  const width = Math.max(1, columns - 1);
  if (!state.reading) return [`${PHASE_WORDS[state.phase]}…`.slice(0, width)];
  const lines: string[] = [];
  const layer = state.current === undefined ? undefined : state.layers[state.current];
  if (layer !== undefined && state.current !== undefined) {
    const label = `layer ${state.current + 1}/${state.layers.length} ${shortDigest(layer.digest)}`;
    lines.push(barLine(label, layer.bytes, layer.size, [amount(layer.bytes, layer.size)], width));
  }
  const facts = [amount(state.bytes, state.totalBytes)];
  if (state.rate !== undefined) facts.push(`${formatBytes(Math.round(state.rate))}/s`);
  if (state.left !== undefined) facts.push(formatTimeLeft(state.left));
  lines.push(barLine(PHASE_WORDS[state.phase], state.bytes, state.totalBytes, facts, width));
  return lines;
}

/**
 * Writes how much of something is done.
 *
 * @param bytes - how much is done
 * @param total - of how much
 * @returns for example `1.5 MB of 3.0 MB`
 */
export function amount(bytes: number, total: number): string {
  return `${formatBytes(bytes)} of ${formatBytes(total)}`;
}

/**
 * Lays out label, bar, percentage and facts; gives up facts, then the bar, then the label where room is short.
 *
 * @param label - what is going on
 * @param bytes - how much is done
 * @param total - of how much
 * @param facts - the most important first
 * @param width - most characters
 * @returns one line
 */
export function barLine(
  label: string,
  bytes: number,
  total: number,
  facts: readonly string[],
  width: number,
): string {
  const share = `${String(percent(bytes, total)).padStart(3)} %`;
  const padded = label.padEnd(30);
  for (let count = facts.length; count >= 0; count--) {
    const tail = [share, ...facts.slice(0, count)].join('  ');
    const room = width - padded.length - tail.length - 4;
    if (room >= MIN_BAR) return `${padded} ${bar(bytes, total, Math.min(room, MAX_BAR))} ${tail}`;
  }
  const short = `${label} ${share}`;
  return (short.length <= width ? short : share.trim()).slice(0, width);
}

function bar(bytes: number, total: number, width: number): string {
  const filled = total <= 0 ? width : Math.min(width, Math.floor((bytes / total) * width));
  return `[${'='.repeat(filled)}${' '.repeat(width - filled)}]`;
}
