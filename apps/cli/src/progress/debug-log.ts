import type { ProgressEvent } from '@ocirender/core';
import debug from 'debug';
import { formatBytes, formatDuration } from '../report/units.ts';

/** Logs a conversion's events. */
export interface DebugLog {
  update(event: ProgressEvent): void;
  /** Logs how long the last phase took. */
  end(): void;
}

const STEP = 0.1;

/**
 * Logs phases, layers and their timings to stderr when `DEBUG=ocirender:*` (or `ocirender:layer`,
 * `ocirender:phase`) asks for it.
 *
 * @returns the log, or undefined when nobody listens
 */
export function startDebugLog(): DebugLog | undefined {
  const logLayer = debug('ocirender:layer');
  const logPhase = debug('ocirender:phase');
  if (!logLayer.enabled && !logPhase.enabled) return undefined;
  let sizes: readonly number[] = [];
  let nextShare = STEP;
  let phase = '';
  let phaseStarted = performance.now();
  const end = (): void => {
    if (phase !== '') logPhase('%s took %s', phase, formatDuration(performance.now() - phaseStarted));
    phase = '';
  };
  const update = (event: ProgressEvent): void => {
    switch (event.type) {
      case 'start':
        sizes = event.layers.map((layer) => layer.size);
        logPhase('%d layers, %s', event.layers.length, formatBytes(event.totalBytes));
        break;
      case 'phase':
        end();
        logPhase('%s begins', event.phase);
        phase = event.phase;
        phaseStarted = performance.now();
        break;
      case 'layer-start':
        nextShare = STEP;
        logLayer('%d begins: %s, %s', event.index + 1, event.digest, formatBytes(sizes[event.index] ?? 0));
        break;
      case 'layer-bytes': {
        const share = event.bytes / Math.max(1, sizes[event.index] ?? 0);
        if (share < nextShare) break;
        nextShare = (Math.floor(share / STEP) + 1) * STEP;
        logLayer('%d: %s read, %d %%', event.index + 1, formatBytes(event.bytes), Math.floor(share * 100));
        break;
      }
      case 'layer-end':
        logLayer(
          '%d ends: %d entries, %s',
          event.index + 1,
          event.entries,
          formatDuration(event.milliseconds),
        );
        break;
    }
  };
  return { update, end };
}
