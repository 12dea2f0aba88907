import type { CacheUse } from '@ocirender/layer-cache';
import type { RegistryEvent } from '@ocirender/registry';
import type { CacheFlags } from '../cache/cache-flags.ts';
import { openCache } from '../cache/open-cache.ts';
import { watchInterrupts } from '../convert/interrupt.ts';
import { SOURCE_LIMIT_FLAGS } from '../convert/limit-flags.ts';
import { readLimits } from '../convert/limit-values.ts';
import { mergeSettings } from '../convert/merge-settings.ts';
import { type ByteProgress, startByteProgress } from '../progress/byte-progress.ts';
import { registryEventLine } from '../registry/registry-event-line.ts';
import { registrySettings } from '../registry/registry-settings.ts';
import { diagnosticLine } from '../report/diagnostic-line.ts';
import type { OpenSettings } from './open-image.ts';
import type { ReadFlags } from './read-flags.ts';

/** A command that reads images while it runs. */
export interface Reading {
  /** How to open images. */
  readonly settings: OpenSettings & { readonly signal: AbortSignal };
  readonly progress: ByteProgress;
}

/**
 * Runs what a command does with images: with progress, and so that a signal ends it with the status of that signal.
 *
 * @param flags - the command's flags
 * @param run - what it does
 * @returns what `run` gives
 */
export async function withReading<T>(
  flags: ReadFlags & Partial<CacheFlags>,
  run: (reading: Reading) => Promise<T>,
): Promise<T> {
  const merge = mergeSettings(flags);
  const registry = await registrySettings(flags, process.stdin);
  const progress = startByteProgress(flags.progress, process.stderr);
  const interrupt = watchInterrupts(() => progress.stop());
  try {
    const cache = await openCache(flags, (diagnostic) => progress.print(diagnosticLine(diagnostic)));
    const result = await run({
      settings: {
        ...merge,
        ...(cache === undefined ? {} : { cache }),
        source: {
          limits: readLimits(flags, SOURCE_LIMIT_FLAGS),
          registry: { ...registry, onEvent: (event) => printEvent(event, progress) },
          ...(flags['shared-blobs'] === undefined ? {} : { sharedBlobs: flags['shared-blobs'] }),
          ...(flags.spool === undefined ? {} : { spool: flags.spool }),
        },
        signal: interrupt.signal,
        onProgress: (event) => progress.onMerge(event),
        ...(flags.verbose
          ? { onDiagnostic: (diagnostic) => progress.print(diagnosticLine(diagnostic)) }
          : {}),
      },
      progress,
    });
    if (cache !== undefined && flags.verbose) progress.print(useLine(cache.use));
    return result;
  } catch (error) {
    if (interrupt.exitCode !== undefined) process.exitCode = interrupt.exitCode;
    throw error;
  } finally {
    progress.stop();
    interrupt.dispose();
  }
}

function useLine({ hits, misses }: CacheUse): string {
  return `cache: ${hits} of ${hits + misses} layers were known`;
}

function printEvent(event: RegistryEvent, progress: ByteProgress): void {
  const line = registryEventLine(event);
  if (line !== undefined) progress.print(line);
}
