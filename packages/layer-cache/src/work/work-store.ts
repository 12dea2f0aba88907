import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readRange } from '@ocirender/interface';
import type { KnownWork, LayerKey, WorkRecording } from '@ocirender/overlay';
import type { CheckedStore } from '../store/checked-store.ts';
import { EntryDamaged } from '../store/entry-damaged.ts';
import type { EntryKey } from '../store/entry-store.ts';
import { KnownLayerWork } from './known-layer-work.ts';
import { LayerWorkRecording } from './layer-work-recording.ts';
import { openWorkFile, type WorkFile } from './work-file.ts';

/** Word for the kind of entry. */
export const WORK_KIND = 'work';

/**
 * Files of one layer and work: an image that shows contents which those before have hidden adds a file, and does not write
 * everything again. Beyond these, what else comes takes the place of the last. All are open while an image is converted.
 */
const MAX_FILES = 4;

/** Bytes that are checked at a time. */
const CHECKED_BYTES = 1024 * 1024;

const NO_RECORDING: WorkRecording = {
  append: () => {},
  end: () => {},
  note: () => {},
  settle: () => Promise.resolve(),
  commit: () => Promise.resolve(),
  discard: () => Promise.resolve(),
};

/** Keeps what sinks make of contents, layer by layer. */
export class WorkStore {
  readonly #store: CheckedStore;

  /** @param store - of all entries */
  constructor(store: CheckedStore) {
    this.#store = store;
  }

  /** See `LayerMemory.findWork`. */
  async find({ diffId, digest }: LayerKey, work: string, sameBlob: boolean): Promise<KnownWork | undefined> {
    const files: WorkFile[] = [];
    for (const key of keysOf(diffId, work)) {
      const file = await this.#store.use(key, (path) => openWorkFile(key, path));
      if (file === undefined) continue;
      // Two names of work may begin with the same digits.
      if (file.description['work'] === work && (!sameBlob || file.description['digest'] === digest)) {
        files.push(file);
        await this.#store.used(key);
      } else await file.file.close();
    }
    if (files.length === 0) return undefined;
    return new KnownLayerWork(files, ({ key }, damage) => this.#store.drop(key, damage));
  }

  /** See `LayerMemory.recordWork`. */
  record({ diffId, digest }: LayerKey, work: string): WorkRecording {
    const keys = keysOf(diffId, work);
    if (this.#store.path(keys[0]!) === undefined) return NO_RECORDING;
    const [key] = keys as [EntryKey];
    return new LayerWorkRecording({
      maxBytes: this.#store.maxBytes,
      keepEmpty: !existsSync(this.#store.path(key)!),
      description: { kind: WORK_KIND, diffId, digest, work },
      temporaryPath: () => this.#store.temporaryPath(key),
      publish: (temporary, size) => {
        const free = keys.find((candidate) => !existsSync(this.#store.path(candidate)!));
        return this.#store.publish(temporary, free ?? keys.at(-1)!, size);
      },
      failed: (error) => this.#store.notWritten(key, error),
    });
  }

  /**
   * Reads an entry, and removes it when it is damaged.
   *
   * @param key - which
   * @returns what is wrong with it
   */
  damageOf(key: EntryKey): Promise<string | undefined> {
    return this.#store.check(key, async (path) => {
      const file = await openWorkFile(key, path);
      try {
        if (file !== undefined) checkBytes(file);
      } finally {
        await file?.file.close();
      }
    });
  }
}

/** Reads the bytes of all items. */
function checkBytes({ file: { fd }, index }: WorkFile): void {
  const buffer = Buffer.allocUnsafeSlow(CHECKED_BYTES);
  for (let item = 0; item < index.count; item++) {
    if (!readRange({ fd, ...index.range(item) }, buffer, () => {}))
      throw new EntryDamaged('the checksum of its bytes is wrong');
  }
}

/** Which format's sinks have made an entry. */
export function formatOf({ variant }: EntryKey): string | undefined {
  return variant?.replace(/-[0-9a-f]{16}-\d+$/, '');
}

function keysOf(diffId: string, work: string): EntryKey[] {
  const format = /^[a-z0-9-]+/.exec(work)?.[0] ?? 'other';
  const hash = createHash('sha256').update(work).digest('hex').slice(0, 16);
  return Array.from({ length: MAX_FILES }, (_, number) => ({
    kind: WORK_KIND,
    diffId,
    variant: `${format}-${hash}-${number}`,
  }));
}
