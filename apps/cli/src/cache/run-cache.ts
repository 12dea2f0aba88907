import { OcirenderError } from '@ocirender/interface';
import type { CacheCheck, ListedEntry } from '@ocirender/layer-cache';
import { parseDuration } from '../registry/parse-duration.ts';
import { printLines } from '../report/print-lines.ts';
import { formatBytes, shortDigest } from '../report/units.ts';
import { cacheSize, openManagedCache } from './open-cache.ts';

/** One entry, as `--json` prints it. */
export interface CacheEntryJson {
  readonly kind: string;
  /** Of what the sinks of one format made. */
  readonly format?: string;
  readonly diffId: string;
  readonly bytes: number;
  /** ISO 8601. */
  readonly written: string;
  readonly lastUsed: string;
  readonly uses: number;
}

/** What a command of the cache prints for `--json`. */
export interface CacheListing {
  readonly directory: string;
  /** Of the entries that are listed. */
  readonly bytes: number;
  readonly entries: readonly CacheEntryJson[];
}

/** Which entries `cache prune` removes, as written. */
export interface PruneFlags {
  readonly 'max-size': string | undefined;
  readonly 'older-than': string | undefined;
  readonly all: boolean;
}

/**
 * Lists the cache.
 *
 * @param given - what `--cache` says
 * @param json - print nothing
 */
export async function runCacheList(given: string | undefined, json: boolean): Promise<CacheListing> {
  const cache = await openManagedCache(given);
  const listing = listingOf(cache.directory, await cache.list());
  if (!json) await printLines([...table(listing), `${total(listing)} in ${cache.directory}`]);
  return listing;
}

/**
 * Removes entries.
 *
 * @param given - what `--cache` says
 * @param flags - which
 * @param json - print nothing
 * @returns what was removed
 */
export async function runCachePrune(
  given: string | undefined,
  flags: PruneFlags,
  json: boolean,
): Promise<CacheListing> {
  const { 'max-size': maxSize, 'older-than': olderThan, all } = flags;
  if (maxSize === undefined && olderThan === undefined && !all) {
    throw new OcirenderError('ERR_OCIRENDER_USAGE', 'which entries? Nothing was removed', {
      hint: 'Give --max-size SIZE, --older-than TIME or --all.',
    });
  }
  const options = {
    all,
    ...(maxSize === undefined ? {} : { maxBytes: cacheSize(maxSize, '--max-size') }),
    ...(olderThan === undefined ? {} : { olderThan: age(olderThan) }),
  };
  const cache = await openManagedCache(given);
  const removed = listingOf(cache.directory, await cache.prune(options));
  if (!json) await printLines([`${total(removed)} removed from ${cache.directory}`]);
  return removed;
}

/**
 * Checks every entry, and removes those that are damaged.
 *
 * @param given - what `--cache` says
 * @param json - print nothing
 */
export async function runCacheVerify(given: string | undefined, json: boolean): Promise<CacheCheck> {
  const cache = await openManagedCache(given);
  const check = await cache.verify();
  const { checked, damaged } = check;
  if (!json) {
    await printLines([
      ...damaged.map(({ kind, diffId, reason }) => `${kind} of ${diffId}: ${reason}; removed`),
      `${checked} checked, ${damaged.length} damaged`,
    ]);
  }
  return check;
}

function listingOf(directory: string, entries: readonly ListedEntry[]): CacheListing {
  return {
    directory,
    bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
    entries: entries.map(({ kind, format, diffId, bytes, written, lastUsed, uses }) => ({
      kind,
      ...(format === undefined ? {} : { format }),
      diffId,
      bytes,
      written: new Date(written).toISOString(),
      lastUsed: new Date(lastUsed).toISOString(),
      uses,
    })),
  };
}

function* table({ entries }: CacheListing): Generator<string> {
  if (entries.length > 0) yield 'LAYER         KEPT                SIZE   USES  LAST USED';
  for (const { kind, format, diffId, bytes, lastUsed, uses } of entries) {
    const time = lastUsed.replace('T', ' ').replace(/\.\d+Z$/, '');
    const kept = format === undefined ? kind : `${format} ${kind}`;
    const columns = [shortDigest(diffId), kept.padEnd(14), formatBytes(bytes).padStart(9)];
    yield `${columns.join('  ')}  ${String(uses).padStart(5)}  ${time}`;
  }
}

function total({ bytes, entries }: CacheListing): string {
  return `${entries.length} ${entries.length === 1 ? 'entry' : 'entries'}, ${formatBytes(bytes)}`;
}

/** Days, besides what other times are written in. */
function age(text: string): number {
  const days = /^(\d+(?:\.\d+)?)d$/.exec(text);
  const milliseconds = days === null ? parseDuration(text) : Number(days[1]) * 24 * 3600 * 1000;
  if (milliseconds !== undefined) return milliseconds;
  throw new OcirenderError('ERR_OCIRENDER_USAGE', `--older-than: ${JSON.stringify(text)} is not a time`, {
    hint: 'Give days, hours or minutes: 30d, 12h, 90m.',
  });
}
