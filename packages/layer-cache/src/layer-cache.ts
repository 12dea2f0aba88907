import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { type DiagnosticHandler, OcirenderError } from '@ocirender/interface';
import type { HeaderCache, HeaderKey, HeaderRecorder, LayerHeaders, ReadingLimits } from '@ocirender/overlay';
import { decodeHeaders } from './headers/decode-headers.ts';
import { HeaderEncoder } from './headers/encode-headers.ts';
import { openCacheDirectory } from './store/cache-directory.ts';
import { EntryDamaged } from './store/entry-damaged.ts';
import { decodeEntry, encodeEntry } from './store/entry-file.ts';
import { type EntryKey, EntryStore, type StoredEntry } from './store/entry-store.ts';

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Size of the cache unless it is told otherwise: the smaller of these bytes and this share of the disk. */
const DEFAULT_BYTES = 20e9;
const DEFAULT_SHARE = 0.1;
/** Deflate makes at most this of a byte. */
const MAX_RATIO = 1032;
const DIFF_ID = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** How a cache is opened. */
export interface LayerCacheOptions {
  /** Bytes that all entries may take. @defaultValue 20 GB or a tenth of the disk, the smaller */
  readonly maxBytes?: number;
  /** Is told of entries that were damaged, and of what could not be written. */
  readonly diagnose?: DiagnosticHandler;
}

/** What was known and what was not since a {@link LayerCache} was opened. */
export interface CacheUse {
  /** Layers that were found. */
  readonly hits: number;
  /** Layers that were not. */
  readonly misses: number;
}

/** Which entries {@link LayerCache.prune} removes. */
export interface PruneOptions {
  /** Those used least recently, until all others together have at most so many bytes. */
  readonly maxBytes?: number;
  /** Those not used for so many milliseconds. */
  readonly olderThan?: number;
  /** All. */
  readonly all?: boolean;
}

/** What {@link LayerCache.verify} found. */
export interface CacheCheck {
  readonly checked: number;
  /** Those that were damaged, and have been removed. */
  readonly damaged: readonly (EntryKey & { readonly reason: string })[];
}

/**
 * Keeps what was read of layers, by the digest of their uncompressed tar, in a directory that many processes may share. It holds
 * what layers say, and nothing that was decided: a result never depends on what is in it. What is damaged counts as not there.
 */
export class LayerCache implements HeaderCache {
  readonly directory: string;
  readonly #store: EntryStore;
  readonly #maxBytes: number;
  readonly #diagnose: DiagnosticHandler;
  /** Entries of this run, which are never removed to make room. */
  readonly #inUse = new Set<string>();
  #hits = 0;
  #misses = 0;

  private constructor(directory: string, maxBytes: number, diagnose: DiagnosticHandler) {
    this.directory = directory;
    this.#store = new EntryStore(directory);
    this.#maxBytes = maxBytes;
    this.#diagnose = diagnose;
  }

  /**
   * Opens a cache.
   *
   * @param directory - made when there is none
   * @param options - its size, and who is told of damage
   * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be made or read, `ERR_OCIRENDER_USAGE` when others may write to it
   */
  static async open(directory: string, options: LayerCacheOptions = {}): Promise<LayerCache> {
    await openCacheDirectory(directory);
    const maxBytes = options.maxBytes ?? (await defaultSize(directory));
    return new LayerCache(directory, maxBytes, options.diagnose ?? (() => {}));
  }

  /** What was known and what was not so far. */
  get use(): CacheUse {
    return { hits: this.#hits, misses: this.#misses };
  }

  async find(
    { diffId, digest }: HeaderKey,
    limits: ReadingLimits,
    sameBlob: boolean,
  ): Promise<LayerHeaders | undefined> {
    const blob = sameBlob ? digest : undefined;
    const found = DIFF_ID.test(diffId) ? await this.#find(headersOf(diffId), limits, blob) : undefined;
    if (found === undefined) this.#misses++;
    else this.#hits++;
    return found;
  }

  record({ diffId, digest }: HeaderKey, limits: ReadingLimits): HeaderRecorder {
    const key = headersOf(diffId);
    if (!DIFF_ID.test(diffId) || existsSync(this.#store.path(key))) return NO_RECORDER;
    const encoder = new HeaderEncoder();
    return {
      add: (event) => encoder.add(event),
      commit: (tarBytes) => this.#keep(key, encoder, { tarBytes, limits, digest }),
    };
  }

  /** Lists what there is, the most recently used first. */
  async list(): Promise<StoredEntry[]> {
    return (await this.#store.list()).sort((a, b) => b.lastUsed - a.lastUsed);
  }

  /**
   * Removes entries.
   *
   * @param options - which
   * @returns those that were removed
   */
  async prune({ maxBytes, olderThan, all = false }: PruneOptions): Promise<StoredEntry[]> {
    const now = Date.now();
    const removed: StoredEntry[] = [];
    let bytes = 0;
    for (const entry of await this.list()) {
      bytes += entry.bytes;
      const isOld = olderThan !== undefined && now - entry.lastUsed > olderThan;
      const isTooMuch = maxBytes !== undefined && bytes > maxBytes;
      if ((!all && !isOld && !isTooMuch) || this.#inUse.has(entry.path)) continue;
      await this.#store.remove(entry);
      bytes -= entry.bytes;
      removed.push(entry);
    }
    return removed;
  }

  /** Reads every entry, and removes what is damaged. */
  async verify(): Promise<CacheCheck> {
    const damaged: (EntryKey & { reason: string })[] = [];
    const entries = await this.#store.list();
    for (const { kind, diffId } of entries) {
      const reason = await this.#damageOf({ kind, diffId });
      if (reason === undefined) continue;
      damaged.push({ kind, diffId, reason });
      await this.#store.remove({ kind, diffId });
    }
    return { checked: entries.length, damaged };
  }

  async #find(
    key: EntryKey,
    limits: ReadingLimits,
    blob: string | undefined,
  ): Promise<LayerHeaders | undefined> {
    const bytes = await this.#store.read(key);
    if (bytes === undefined) return undefined;
    try {
      const kept = await unpack(key, bytes);
      if (blob !== undefined && kept.digest !== blob) return undefined;
      if (!kept.limits.every(([name, value]) => value <= (limits[name] ?? -1))) return undefined;
      await this.#store.used(key);
      this.#inUse.add(this.#store.path(key));
      return { tarBytes: kept.tarBytes, events: () => decodeHeaders(kept.bytes) };
    } catch (error) {
      if (!(error instanceof EntryDamaged)) throw error;
      this.#diagnose({
        code: 'cache-entry-damaged',
        message: `the cache's entry for the layer ${key.diffId} was damaged and is not used: ${error.message}`,
      });
      await this.#store.remove(key).catch(() => undefined);
      return undefined;
    }
  }

  async #keep(
    key: EntryKey,
    encoder: HeaderEncoder,
    facts: { readonly tarBytes: number; readonly limits: ReadingLimits; readonly digest: string },
  ): Promise<void> {
    try {
      const bytes = encoder.finish();
      const payload = await deflate(bytes, { level: 1 });
      const pieces = encodeEntry({
        description: { ...key, ...facts, entries: encoder.entries, unpackedBytes: bytes.length },
        payload,
      });
      if (pieces.reduce((sum, { length }) => sum + length, 0) > this.#maxBytes) return;
      await this.#store.write(key, pieces);
      this.#inUse.add(this.#store.path(key));
      await this.prune({ maxBytes: this.#maxBytes });
    } catch (error) {
      this.#diagnose({
        code: 'cache-not-written',
        message: `the layer ${key.diffId} could not be put into the cache: ${(error as Error).message}`,
      });
    }
  }

  async #damageOf(key: EntryKey): Promise<string | undefined> {
    const bytes = await this.#store.read(key);
    try {
      if (bytes !== undefined) await unpack(key, bytes);
      return undefined;
    } catch (error) {
      if (error instanceof EntryDamaged) return error.message;
      throw error;
    }
  }
}

const NO_RECORDER: HeaderRecorder = { add: () => {}, commit: () => Promise.resolve() };

function headersOf(diffId: string): EntryKey {
  return { kind: 'headers', diffId };
}

interface KeptHeaders {
  readonly tarBytes: number;
  /** Of the blob that they were read of. */
  readonly digest: unknown;
  readonly limits: readonly (readonly [string, number])[];
  readonly bytes: Buffer;
}

/** Takes an entry apart and looks at all of it: nothing may turn out to be wrong when it is half used. */
async function unpack({ kind, diffId }: EntryKey, file: Buffer): Promise<KeptHeaders> {
  const { description, payload } = decodeEntry(file);
  const { tarBytes, digest, limits, unpackedBytes } = description;
  if (description['kind'] !== kind || description['diffId'] !== diffId)
    throw new EntryDamaged('it is about something else');
  if (!isCount(tarBytes) || !isCount(unpackedBytes) || unpackedBytes > payload.length * MAX_RATIO)
    throw new EntryDamaged('its description has impossible numbers');
  if (typeof limits !== 'object' || limits === null) throw new EntryDamaged('its description has no limits');
  const pairs = Object.entries(limits);
  if (!pairs.every((pair): pair is [string, number] => typeof pair[1] === 'number'))
    throw new EntryDamaged('its description has impossible limits');
  const bytes = await inflate(payload, { maxOutputLength: Math.max(1, unpackedBytes) }).catch(
    (error: unknown) => {
      throw new EntryDamaged(`it cannot be unpacked: ${(error as Error).message}`);
    },
  );
  if (bytes.length !== unpackedBytes) throw new EntryDamaged('it has another length than it says');
  for (const _ of decodeHeaders(bytes));
  return { tarBytes, digest, limits: pairs, bytes };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

async function defaultSize(directory: string): Promise<number> {
  const disk = await statfs(directory).catch((error: unknown) => {
    throw new OcirenderError(
      'ERR_OCIRENDER_IO',
      `the cache ${directory} cannot be looked at: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  });
  return Math.min(DEFAULT_BYTES, disk.blocks * disk.bsize * DEFAULT_SHARE);
}
