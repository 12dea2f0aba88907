import { InputThreads } from '@ocirender/decompress';
import type { Content, Inode, Layer } from '@ocirender/interface';
import { contentOf } from './content-source.ts';
import { DEFAULT_LIMITS, type MergeLimits } from './limits.ts';
import { FileNode } from './nodes.ts';
import { readLayer } from './read-layer.ts';

/** Where a content is: which layer, and which of its members. */
export interface ContentPlace {
  /** Index in the manifest, 0 for the oldest. */
  readonly layer: number;
  /** Index of the archive member, 0 for the first. */
  readonly record: number;
}

/**
 * Says where the content of a merged file is.
 *
 * @param inode - of a tree that `mergeLayers` gave
 * @returns undefined for what has no content
 */
export function contentPlace(inode: Inode): ContentPlace | undefined {
  return inode instanceof FileNode && inode.size > 0
    ? { layer: inode.layer, record: inode.record }
    : undefined;
}

/** What {@link readContents} needs. */
export interface ReadContentsOptions {
  readonly limits: MergeLimits;
  readonly threads: InputThreads;
  /** Whether the layer was read before: a wrong diff_id that was let pass then passes again. */
  readonly isChecked: boolean;
  readonly signal?: AbortSignal;
  /** Called with the number of stored bytes read so far. */
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Reads contents of one layer, in archive order.
 *
 * @param layer - the layer
 * @param wanted - by the index of the archive member: whatever the caller knows it by
 * @param options - limits and handlers
 * @param take - is given each, one at a time
 * @throws {OcirenderError} whatever is wrong with the layer
 */
export async function readContents<T>(
  layer: Layer,
  wanted: ReadonlyMap<number, T>,
  options: ReadContentsOptions,
  take: (item: T, content: Content) => void | Promise<void>,
): Promise<void> {
  const { limits, threads, isChecked, signal, onBytes } = options;
  await readLayer(
    layer,
    {
      limits,
      threads,
      maxOutputBytes: limits.totalBytes,
      lenient: isChecked,
      ...(signal === undefined ? {} : { signal }),
      // What there is to say about the layer was said when its headers were read.
      diagnose: () => {},
      ...(onBytes === undefined ? {} : { onBytes }),
    },
    async (stream) => {
      let record = -1;
      for (;;) {
        const event = stream.poll();
        if (event === undefined) {
          if (!(await stream.fill())) break;
          continue;
        }
        if (event.type !== 'entry') continue;
        const item = wanted.get(++record);
        if (item === undefined) continue;
        const source = contentOf(stream, event.entry);
        const taken = take(item, source instanceof Promise ? await source : source);
        if (taken !== undefined) await taken;
      }
    },
  );
}

/** Reads contents of an image that was merged before, layer by layer. */
export class ContentReader {
  readonly #threads = new InputThreads();
  readonly #limits: MergeLimits;
  readonly #signal: AbortSignal | undefined;

  /**
   * @param limits - those that differ from the defaults
   * @param signal - ends the reading
   */
  constructor(limits: Partial<MergeLimits>, signal: AbortSignal | undefined) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#signal = signal;
  }

  /**
   * Reads contents of one layer, in archive order, and the layer to its end, which checks its digests.
   *
   * @param layer - the layer
   * @param wanted - by the index of the archive member: whatever the caller knows it by
   * @param isChecked - whether the layer was read before: a wrong diff_id that was let pass then passes again
   * @param take - is given each, one at a time; may throw to stop
   * @throws {OcirenderError} whatever is wrong with the layer; what `take` throws
   */
  async readLayer<T>(
    layer: Layer,
    wanted: ReadonlyMap<number, T>,
    isChecked: boolean,
    take: (item: T, content: Content) => Promise<void>,
  ): Promise<void> {
    const signal = this.#signal;
    const options = { limits: this.#limits, threads: this.#threads, isChecked };
    await readContents(layer, wanted, { ...options, ...(signal === undefined ? {} : { signal }) }, take);
  }

  /** Ends the threads; nothing may be read any more. */
  async end(): Promise<void> {
    await this.#threads.end();
  }
}
