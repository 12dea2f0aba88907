import { type DiagnosticHandler, OcirenderError, parseSize } from '@ocirender/interface';
import type { LayerCache, LayerCacheOptions } from '@ocirender/layer-cache';
import type { CacheFlags } from './cache-flags.ts';

/**
 * Opens the cache that the command line asks for.
 *
 * @param flags - `--cache` and `--cache-size`
 * @param diagnose - is told of entries that are damaged or cannot be written
 * @returns undefined without `--cache`
 * @throws {OcirenderError} usage errors; what opening throws
 */
export async function openCache(
  flags: Partial<CacheFlags>,
  diagnose: DiagnosticHandler,
): Promise<LayerCache | undefined> {
  if (flags.cache === undefined) return undefined;
  const size = flags['cache-size'];
  return openAt(flags.cache, {
    diagnose,
    ...(size === undefined ? {} : { maxBytes: cacheSize(size, '--cache-size') }),
  });
}

/**
 * Opens the cache that a command manages.
 *
 * @param directory - what `--cache` says
 */
export function openManagedCache(directory: string | undefined): Promise<LayerCache> {
  return openAt(directory, {});
}

/** Opens a directory, or where the cache is unless it is told otherwise. */
async function openAt(directory: string | undefined, options: LayerCacheOptions): Promise<LayerCache> {
  const { defaultCacheDirectory, LayerCache } = await import('@ocirender/layer-cache');
  return LayerCache.open(directory || defaultCacheDirectory(process.env), options);
}

/**
 * Reads a number of bytes.
 *
 * @param text - as written
 * @param flag - whose value it is
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE`
 */
export function cacheSize(text: string, flag: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined) return bytes;
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `${flag}: ${JSON.stringify(text)} is not a size`, {
    hint: 'Give bytes, with K, M, G or T for powers of 1024.',
  });
}
