import type { DiagnosticHandler, Image } from '@ocirender/interface';
import { openSource } from '@ocirender/sources';
import type { ConvertOptions } from './options.ts';
import type { ProgressHandler } from './progress.ts';

/**
 * Gives the image of a conversion.
 *
 * @param options - names it, or holds it
 * @param diagnose - is told of deviations
 * @returns the image, and how to close what was opened here: an image that the caller gave stays open
 */
export async function imageOf(
  options: ConvertOptions,
  diagnose: DiagnosticHandler,
): Promise<{ readonly image: Image; readonly close: () => Promise<void> }> {
  if (typeof options.image !== 'string') return { image: options.image, close: () => Promise.resolve() };
  const image = await openSource(options.image, {
    ...options.source,
    diagnose,
    ...(options.platform === undefined ? {} : { platform: options.platform }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...arrivals(options.onProgress),
  });
  return { image, close: async () => image.close?.() };
}

function arrivals(onProgress: ProgressHandler | undefined): {
  readonly onArrived?: (index: number, bytes: number) => void;
} {
  if (onProgress === undefined) return {};
  return { onArrived: (index, bytes) => onProgress({ type: 'layer-arrived', index, bytes }) };
}
