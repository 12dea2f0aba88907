import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { type DiagnosticHandler, OcirenderError } from '@ocirender/interface';
import type {
  ContentDigests,
  HeaderRecorder,
  KnownWork,
  LayerHeaders,
  LayerKey,
  LayerMemory,
  ReadingLimits,
  WorkRecording,
} from '@ocirender/overlay';
import { DigestList } from './digests/digest-list.ts';
import { HeaderEncoder } from './headers/encode-headers.ts';
import { readKeptHeaders } from './headers/kept-headers.ts';
import { openCacheDirectory } from './store/cache-directory.ts';
import { CheckedStore, type Decoder, type PruneOptions } from './store/checked-store.ts';
import { type EntryKey, EntryStore, type StoredEntry } from './store/entry-store.ts';
import { formatOf, WORK_KIND, WorkStore } from './work/work-store.ts';

/** Size of the cache unless it is told otherwise: the smaller of these bytes and this share of the disk. */
const DEFAULT_BYTES = 20e9;
const DEFAULT_SHARE = 0.1;

/** How a cache is opened. */
export interface LayerCacheOptions {
  /** Bytes that all entries may take. @defaultValue 20 GB or a tenth of the disk, the smaller */
  readonly maxBytes?: number;
  /** Is told of entries that were damaged, and of what could not be written. */
  readonly diagnose?: DiagnosticHandler;
}

/** What was known and what was not since a {@link LayerCache} was opened. */
export interface CacheUse {
  /** Layers whose headers were found. */
  readonly hits: number;
  /** Layers whose headers were not. */
  readonly misses: number;
}

/** An entry, as {@link LayerCache.list} gives it. */
export interface ListedEntry extends StoredEntry {
  /** Which format's sinks have made it: `squashfs`. */
  readonly format?: string;
}

/** What {@link LayerCache.verify} found. */
export interface CacheCheck {
  readonly checked: number;
  /** Those that were damaged, and have been removed. */
  readonly damaged: readonly (EntryKey & { readonly reason: string })[];
}

/** What is kept, and how it is read. */
const KINDS = {
  headers: readKeptHeaders,
  digests: (bytes, { digest }) => ({ digest, list: DigestList.decode(bytes) }),
} satisfies Record<string, Decoder<unknown>>;

/**
 * Keeps what was read of layers, by the digest of their uncompressed tar, in a directory that many processes may share. It holds
 * what layers say, and nothing that was decided: a result never depends on what is in it. What is damaged counts as not there.
 */
export class LayerCache implements LayerMemory {
  readonly directory: string;
  readonly #store: CheckedStore;
  readonly #work: WorkStore;
  #hits = 0;
  #misses = 0;

  private constructor(directory: string, store: CheckedStore) {
    this.directory = directory;
    this.#store = store;
    this.#work = new WorkStore(store);
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
    const diagnose = options.diagnose ?? (() => {});
    return new LayerCache(directory, new CheckedStore(new EntryStore(directory), maxBytes, diagnose));
  }

  /** What was known and what was not so far. */
  get use(): CacheUse {
    return { hits: this.#hits, misses: this.#misses };
  }

  async findHeaders(
    { diffId, digest }: LayerKey,
    limits: ReadingLimits,
    sameBlob: boolean,
  ): Promise<LayerHeaders | undefined> {
    const key: EntryKey = { kind: 'headers', diffId };
    const kept = await this.#store.load(key, KINDS.headers);
    const fits =
      kept?.limits.every(([name, value]) => value <= (limits[name] ?? -1)) === true &&
      (!sameBlob || kept.digest === digest);
    if (kept === undefined || !fits) {
      this.#misses++;
      return undefined;
    }
    this.#hits++;
    await this.#store.used(key);
    return kept;
  }

  recordHeaders({ diffId, digest }: LayerKey, limits: ReadingLimits): HeaderRecorder {
    const key: EntryKey = { kind: 'headers', diffId };
    const path = this.#store.path(key);
    if (path === undefined || existsSync(path)) return NO_RECORDER;
    const encoder = new HeaderEncoder();
    return {
      add: (event) => encoder.add(event),
      commit: (tarBytes) => this.#store.save(key, { digest, tarBytes, limits }, encoder.finish()),
    };
  }

  async findDigests({ diffId, digest }: LayerKey, sameBlob: boolean): Promise<ContentDigests | undefined> {
    const key: EntryKey = { kind: 'digests', diffId };
    const kept = await this.#store.load(key, KINDS.digests);
    if (kept === undefined || (sameBlob && kept.digest !== digest)) return undefined;
    await this.#store.used(key);
    return kept.list;
  }

  async keepDigests({ diffId, digest }: LayerKey, digests: ReadonlyMap<number, string>): Promise<void> {
    const key: EntryKey = { kind: 'digests', diffId };
    const kept = await this.#store.load(key, KINDS.digests);
    const list = kept?.list ?? new DigestList();
    const before = list.size;
    list.add(digests);
    if (kept === undefined || list.size > before) await this.#store.save(key, { digest }, list.encode());
  }

  findWork(key: LayerKey, work: string, sameBlob: boolean): Promise<KnownWork | undefined> {
    return this.#work.find(key, work, sameBlob);
  }

  recordWork(key: LayerKey, work: string): WorkRecording {
    return this.#work.record(key, work);
  }

  /** Lists what there is, the most recently used first. */
  async list(): Promise<ListedEntry[]> {
    return (await this.#store.list()).map(listed);
  }

  /**
   * Removes entries.
   *
   * @param options - which
   * @returns those that were removed
   */
  async prune(options: PruneOptions): Promise<ListedEntry[]> {
    return (await this.#store.prune(options)).map(listed);
  }

  /** Reads every entry, and removes what is damaged. */
  async verify(): Promise<CacheCheck> {
    const damaged: (EntryKey & { reason: string })[] = [];
    const entries = await this.#store.list();
    for (const { kind, diffId, variant } of entries) {
      const key: EntryKey = { kind, diffId, ...(variant === undefined ? {} : { variant }) };
      const reason = await this.#damageOf(key);
      if (reason !== undefined) damaged.push({ ...key, reason });
    }
    return { checked: entries.length, damaged };
  }

  #damageOf(key: EntryKey): Promise<string | undefined> {
    if (key.kind === WORK_KIND) return this.#work.damageOf(key);
    // Of a kind that only a later version knows, no more than the seal can be checked.
    const decode: Decoder<unknown> = Object.hasOwn(KINDS, key.kind)
      ? KINDS[key.kind as keyof typeof KINDS]
      : () => {};
    return this.#store.damageOf(key, decode);
  }
}

function listed(entry: StoredEntry): ListedEntry {
  const format = entry.kind === WORK_KIND ? formatOf(entry) : undefined;
  return format === undefined ? entry : { ...entry, format };
}

const NO_RECORDER: HeaderRecorder = { add: () => {}, commit: () => Promise.resolve() };

async function defaultSize(directory: string): Promise<number> {
  const disk = await statfs(directory).catch((error: unknown) => {
    throw new OcirenderError(
      'ERR_OCIRENDER_IO',
      `the cache ${directory} cannot be looked at: ${(error as Error).message}`,
      { cause: error },
    );
  });
  return Math.min(DEFAULT_BYTES, disk.blocks * disk.bsize * DEFAULT_SHARE);
}
