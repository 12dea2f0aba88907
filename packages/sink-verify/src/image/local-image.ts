import {
  type ByteString,
  displayPath,
  FormatError,
  type ImageNode,
  type ImageSource,
  isOcirenderError,
  LimitError,
  type TimeRange,
  throwIfAborted,
  type WalkedName,
} from '@ocirender/interface';
import { type CompareLimits, DEFAULT_COMPARE_LIMITS } from '../compare/limits.ts';
import type { ComparedImage, DigestBatch, DigestOptions } from './compared-image.ts';
import { digestFiles } from './digest-files.ts';

type Children = Awaited<ReturnType<ImageSource['children']>>;

/** Names in a batch. */
const BATCH = 2048;

/** An image that is open in this thread. */
export class LocalImage implements ComparedImage {
  readonly #source: ImageSource;
  readonly #pathBytes: number;
  readonly #files = new Map<number, ImageNode>();

  /**
   * @param source - the image; whoever opened it closes it
   * @param limits - on the length of its paths
   */
  constructor(source: ImageSource, limits: Partial<CompareLimits> = {}) {
    this.#source = source;
    this.#pathBytes = limits.pathBytes ?? DEFAULT_COMPARE_LIMITS.pathBytes;
  }

  get format(): string {
    return this.#source.format;
  }

  get times(): TimeRange {
    return this.#source.times;
  }

  async *names(signal?: AbortSignal): AsyncGenerator<readonly WalkedName[]> {
    const source = this.#source;
    const root = await this.#list(source.root);
    let batch: WalkedName[] = [{ path: '', node: source.root, ...root.problem }];
    const open: { prefix: ByteString; names: Children; next: number }[] = [
      { prefix: '', names: root.names, next: 0 },
    ];
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const pair = top.names[top.next++];
      if (pair === undefined) {
        open.pop();
        continue;
      }
      // Directories that lie deep within each other could make paths of any length of little data.
      if (top.prefix.length + pair[0].length > this.#pathBytes) {
        throw new LimitError(
          'pathBytes',
          this.#pathBytes,
          `a path begins with ${displayPath(top.prefix.slice(0, 64))}…`,
        );
      }
      const path = top.prefix + pair[0];
      const node = pair[1];
      if (node.type === 'directory') {
        const { names, problem } = await this.#list(node);
        batch.push({ path, node, ...problem });
        open.push({ prefix: `${path}/`, names, next: 0 });
      } else {
        batch.push({ path, node });
        if (node.type === 'file') this.#files.set(node.id, node);
      }
      if (batch.length < BATCH) continue;
      throwIfAborted(signal);
      yield batch;
      batch = [];
    }
    yield batch;
  }

  /** Lists a directory; one that this user may not read has a problem instead, and the comparison goes on. */
  async #list(directory: ImageNode): Promise<{ names: Children; problem?: { readonly unreadable: string } }> {
    try {
      return { names: await this.#source.children(directory) };
    } catch (error) {
      const cause = isOcirenderError(error) ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
      if (cause?.code !== 'EACCES' && cause?.code !== 'EPERM') throw error;
      return { names: [], problem: { unreadable: cause.code } };
    }
  }

  digests(ids: Float64Array<ArrayBuffer>, options: DigestOptions = {}): AsyncIterable<DigestBatch> {
    const nodes = [...ids].map((id) => {
      const node = this.#files.get(id);
      if (node === undefined) throw new FormatError(`no regular file has the number ${id}`, 0);
      return node;
    });
    return digestFiles(this.#source, nodes, options);
  }

  source(): Promise<ImageSource | undefined> {
    return Promise.resolve(this.#source);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
