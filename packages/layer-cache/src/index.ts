/**
 * Keeps what was read of the layers of container images, so that a layer is not read, and not downloaded, twice.
 *
 * @packageDocumentation
 */
export type { CacheCheck, CacheUse, LayerCacheOptions, ListedEntry } from './layer-cache.ts';
export { LayerCache } from './layer-cache.ts';
export { defaultCacheDirectory } from './store/cache-directory.ts';
export type { PruneOptions } from './store/checked-store.ts';
export type { EntryKey, StoredEntry } from './store/entry-store.ts';
