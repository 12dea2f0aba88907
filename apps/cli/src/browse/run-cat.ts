import { expandHoles, ImageReader, OcirenderError } from '@ocirender/interface';
import type { CacheFlags } from '../cache/cache-flags.ts';
import type { PluginLike } from '../plugins/catalog.ts';
import { readReaderCatalog } from '../readers/catalog.ts';
import { openSpec } from '../readers/open-image.ts';
import type { ReadFlags } from '../readers/read-flags.ts';
import { withReading } from '../readers/reading.ts';
import { printBytes } from '../report/print-bytes.ts';
import { findPath } from './path-argument.ts';

/** What the command line says. */
export interface CatRequest {
  readonly image: string;
  readonly path: string;
  readonly flags: ReadFlags & CacheFlags;
  readonly plugins: readonly PluginLike[];
}

/**
 * Writes a file of an image to standard output.
 *
 * @param request - the parsed command line
 * @throws {OcirenderError} usage errors, and whatever reading the image throws
 */
export function runCat(request: CatRequest): Promise<void> {
  return withReading(request.flags, async ({ settings, progress }) => {
    const catalog = readReaderCatalog(request.plugins);
    const reader = new ImageReader(await openSpec(request.image, catalog, { ...settings, digests: false }));
    try {
      const { node } = await findPath(reader, request.path, { follow: true });
      if (node.type !== 'file') {
        throw new OcirenderError(
          'ERR_OCIRENDER_NOT_FOUND',
          `${request.path} is not a regular file: it is a ${node.type}`,
        );
      }
      progress.stop();
      await printBytes(expandHoles(reader.source.content(node, { signal: settings.signal })));
    } finally {
      await reader.close();
    }
  });
}
