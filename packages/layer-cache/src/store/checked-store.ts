import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { DiagnosticHandler } from '@ocirender/interface';
import { EntryDamaged } from './entry-damaged.ts';
import { decodeEntry, encodeEntry } from './entry-file.ts';
import type { EntryKey, EntryStore, StoredEntry } from './entry-store.ts';

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Deflate makes at most this of a byte. */
const MAX_RATIO = 1032;
/** Share of the limit by which the entries of one run may exceed it for a while. */
const SLACK = 0.01;
const DIFF_ID = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** What an entry says about itself besides what it is under. */
export type Description = Readonly<Record<string, unknown>>;

/** Reads an entry's bytes; throws {@link EntryDamaged} when they cannot be what was written. */
export type Decoder<T> = (bytes: Buffer, description: Description) => T;

/** Which entries {@link CheckedStore.prune} removes. */
export interface PruneOptions {
  /** Those used least recently, until all others together have at most so many bytes. */
  readonly maxBytes?: number;
  /** Those not used for so many milliseconds. */
  readonly olderThan?: number;
  /** All. */
  readonly all?: boolean;
}

/** Entries that are checked as they are read. One that is damaged is reported and removed, and counts as not there. */
export class CheckedStore {
  readonly #entries: EntryStore;
  readonly #maxBytes: number;
  readonly #diagnose: DiagnosticHandler;
  /** Entries of this run, which are never removed to make room. */
  readonly #inUse = new Set<string>();
  /** Entries that are damaged and cannot be removed. */
  readonly #damaged = new Set<string>();
  /** Bytes written since all entries were looked at. */
  #unlooked = Number.POSITIVE_INFINITY;

  /**
   * @param entries - the files
   * @param maxBytes - that all may take
   * @param diagnose - is told of damage, and of what could not be written
   */
  constructor(entries: EntryStore, maxBytes: number, diagnose: DiagnosticHandler) {
    this.#entries = entries;
    this.#maxBytes = maxBytes;
    this.#diagnose = diagnose;
  }

  /** Where an entry is, or would be; undefined for what is no digest. */
  path(key: EntryKey): string | undefined {
    return DIFF_ID.test(key.diffId) ? this.#entries.path(key) : undefined;
  }

  /**
   * Reads an entry. Never throws.
   *
   * @param key - which
   * @param decode - all of its bytes: nothing may turn out to be wrong when it is half used
   * @returns undefined when it is not there, or damaged
   */
  load<T>(key: EntryKey, decode: Decoder<T>): Promise<T | undefined> {
    return this.use(key, () => this.#unpack(key, decode));
  }

  /**
   * Reads an entry in a way of its own. Never throws.
   *
   * @param key - which
   * @param read - gives undefined when it is not there; throws {@link EntryDamaged}
   * @returns undefined when it is not there, or damaged
   */
  async use<T>(key: EntryKey, read: (path: string) => Promise<T | undefined>): Promise<T | undefined> {
    const path = this.path(key);
    if (path === undefined || this.#damaged.has(path)) return undefined;
    try {
      const value = await read(path);
      if (value !== undefined) this.#inUse.add(path);
      return value;
    } catch (error) {
      if (!(error instanceof EntryDamaged)) throw error;
      await this.drop(key, error.message);
      return undefined;
    }
  }

  /**
   * Reports an entry that turned out to be damaged, and removes it. Never throws.
   *
   * @param key - which; it is not found again by this run, even if it cannot be removed
   * @param damage - what is wrong with it
   */
  async drop(key: EntryKey, damage: string): Promise<void> {
    this.#diagnose({
      code: 'cache-entry-damaged',
      message: `the cache's entry for the layer ${key.diffId} was damaged and is not used: ${damage}`,
    });
    await this.#entries.remove(key).catch(() => this.#damaged.add(this.#entries.path(key)));
  }

  /** Counts a use of an entry. */
  async used(key: EntryKey): Promise<void> {
    await this.#entries.used(key);
  }

  /**
   * Writes an entry, and makes room for it. Never throws.
   *
   * @param key - which
   * @param description - what else is known of it
   * @param bytes - of the entry
   */
  async save(key: EntryKey, description: Description, bytes: Buffer): Promise<void> {
    const path = this.path(key);
    if (path === undefined) return;
    try {
      const payload = await deflate(bytes, { level: 1 });
      const pieces = encodeEntry({
        description: { ...key, ...description, unpackedBytes: bytes.length },
        payload,
      });
      const size = pieces.reduce((sum, { length }) => sum + length, 0);
      if (size > this.#maxBytes) return;
      await this.#entries.write(key, pieces);
      this.#damaged.delete(path);
      this.#inUse.add(path);
      await this.#makeRoom(size);
    } catch (error) {
      this.notWritten(key, error);
    }
  }

  /** Bytes that all entries may take: one alone cannot take more. */
  get maxBytes(): number {
    return this.#maxBytes;
  }

  /**
   * Makes a name under which an entry can be written before it is {@link publish}ed.
   *
   * @throws system errors
   */
  temporaryPath(key: EntryKey): Promise<string> {
    return this.#entries.temporaryPath(key);
  }

  /**
   * Gives an entry its name, and makes room for it, also by removing what this run has published before.
   *
   * @param temporary - where it is, whole and on the disk
   * @param size - its bytes
   * @throws system errors
   */
  async publish(temporary: string, key: EntryKey, size: number): Promise<void> {
    await this.#entries.publish(temporary, key);
    this.#damaged.delete(this.#entries.path(key));
    await this.#makeRoom(size);
  }

  /** Reports that an entry could not be written. */
  notWritten(key: EntryKey, error: unknown): void {
    this.#diagnose({
      code: 'cache-not-written',
      message: `the layer ${key.diffId} could not be put into the cache: ${(error as Error).message}`,
    });
  }

  /** Keeps the limit. To look at all entries takes a while where there are many: not after each one that is written. */
  async #makeRoom(written: number): Promise<void> {
    this.#unlooked += written;
    if (this.#unlooked < this.#maxBytes * SLACK) return;
    this.#unlooked = 0;
    await this.prune({ maxBytes: this.#maxBytes });
  }

  /** Lists what there is, the most recently used first. */
  async list(): Promise<StoredEntry[]> {
    return (await this.#entries.list()).sort((a, b) => b.lastUsed - a.lastUsed);
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
      await this.#entries.remove(entry);
      bytes -= entry.bytes;
      removed.push(entry);
    }
    return removed;
  }

  /**
   * Reads an entry, and removes it when it is damaged.
   *
   * @param key - which
   * @param decode - its bytes
   * @returns what is wrong with it
   */
  damageOf(key: EntryKey, decode: Decoder<unknown>): Promise<string | undefined> {
    return this.check(key, () => this.#unpack(key, decode));
  }

  /**
   * Reads an entry in a way of its own, and removes it when it is damaged.
   *
   * @param key - which
   * @param read - throws {@link EntryDamaged}
   * @returns what is wrong with it
   */
  async check(key: EntryKey, read: (path: string) => Promise<unknown>): Promise<string | undefined> {
    try {
      await read(this.#entries.path(key));
      return undefined;
    } catch (error) {
      if (!(error instanceof EntryDamaged)) throw error;
      await this.#entries.remove(key);
      return error.message;
    }
  }

  async #unpack<T>(key: EntryKey, decode: Decoder<T>): Promise<T | undefined> {
    const file = await this.#entries.read(key);
    return file === undefined ? undefined : unpack(key, file, decode);
  }
}

async function unpack<T>({ kind, diffId }: EntryKey, file: Buffer, decode: Decoder<T>): Promise<T> {
  const { description, payload } = decodeEntry(file);
  if (description['kind'] !== kind || description['diffId'] !== diffId)
    throw new EntryDamaged('it is about something else');
  const length = description['unpackedBytes'];
  if (!isCount(length) || length > payload.length * MAX_RATIO)
    throw new EntryDamaged('its description has impossible numbers');
  const bytes = await inflate(payload, { maxOutputLength: Math.max(1, length) }).catch((error: unknown) => {
    throw new EntryDamaged(`it cannot be unpacked: ${(error as Error).message}`);
  });
  if (bytes.length !== length) throw new EntryDamaged('it has another length than it says');
  return decode(bytes, description);
}

/** Whether a value of a description is a number of things. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
