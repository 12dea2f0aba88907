import type { Image } from '@ocirender/interface';
import { openSource } from '@ocirender/sources';
import type { OpenSettings } from '../readers/open-image.ts';

/**
 * Opens an OCI image to look at its documents; no layer is read.
 *
 * @param reference - how `openSource` knows it
 * @param settings - platform, and how images are opened that are elsewhere
 * @returns the image, to be closed
 */
export function openOci(reference: string, { platform, signal, source }: OpenSettings): Promise<Image> {
  return openSource(reference, {
    ...source,
    ...(signal === undefined ? {} : { signal }),
    ...(platform === undefined ? {} : { platform }),
  });
}
