import { setTimeout as wait } from 'node:timers/promises';
import { abortedError, type Image, type Layer, OcirenderError } from '@ocirender/interface';
import { abortable } from './abortable.ts';
import { LineShare } from './line-share.ts';
import { SpooledBlob } from './spooled-blob.ts';

/** How often a layer that must wait for the line asks again, in ms. */
const PAUSE = 30;

/** How layers are fetched ahead. */
export interface PrefetchOptions {
  /** How many layers arrive at the same time. @defaultValue 3 */
  readonly concurrency?: number;
  /** Directory for temporary files. @defaultValue the system's temporary directory */
  readonly spool?: string;
  /** Ends the fetching. */
  readonly signal?: AbortSignal;
  /** Is told of each layer's bytes as they arrive: those of layer `index` (0 for the oldest). */
  readonly onArrived?: (index: number, bytes: number) => void;
}

/**
 * Makes an image whose layers are fetched newest first, some at a time, each once, into temporary files without a name.
 * Where the line is full, the layer that is being read gets most of it.
 * Opened layers are read while they still arrive, and again from the file. Fetching begins when the first layer is
 * opened; the first failure ends it all. A layer that was passed over ({@link Layer.pass}) before that is fetched when it is opened.
 *
 * @param image - whose layers are slow to open (a registry's); closed together with the result
 * @param options - how many at a time, and where to
 * @returns the image; must be closed. Its temporary files take no more room than its layers' stored sizes.
 * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` for an impossible concurrency
 */
export function prefetchLayers(
  image: Image,
  options: PrefetchOptions = {},
): Image & { close(): Promise<void> } {
  const { concurrency = 3 } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 64) {
    throw new OcirenderError(
      'ERR_OCIRENDER_USAGE',
      `concurrency must be a whole number from 1 to 64, not ${concurrency}`,
    );
  }
  const queue = new FetchQueue(image.layers, concurrency, options);
  return {
    ...image,
    layers: image.layers.map(({ openFile: _openFile, ...layer }) => ({
      ...layer,
      open: (openOptions) => queue.open(layer.digest, openOptions?.signal),
      pass: () => queue.pass(layer.digest),
    })),
    close: async () => {
      await queue.close();
      await image.close?.();
    },
  };
}

/** One blob to fetch, and the layers that it is. */
interface Fetch {
  readonly layer: Layer;
  readonly indexes: number[];
  readonly blob: SpooledBlob;
}

/** Fetches the distinct layers of an image in order. */
class FetchQueue {
  readonly #blobs = new Map<string, Fetch>();
  readonly #concurrency: number;
  readonly #options: PrefetchOptions;
  readonly #stop = new AbortController();
  readonly #line = new LineShare();
  /** Those that are fetched only if they are opened. */
  readonly #passed = new Set<string>();
  #workers: Promise<void>[] | undefined;

  constructor(layers: readonly Layer[], concurrency: number, options: PrefetchOptions) {
    this.#concurrency = concurrency;
    this.#options = options;
    for (let index = layers.length - 1; index >= 0; index--) {
      const layer = layers[index]!;
      const known = this.#blobs.get(layer.digest);
      if (known !== undefined) known.indexes.push(index);
      else this.#blobs.set(layer.digest, { layer, indexes: [index], blob: new SpooledBlob(options.spool) });
    }
  }

  open(digest: string, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    this.#start();
    const fetch = this.#blobs.get(digest)!;
    if (this.#passed.delete(digest)) this.#workers!.push(this.#work([fetch].values()));
    return this.#read(fetch.blob, signal);
  }

  /** Leaves a layer out until it is opened, unless it is being fetched. */
  pass(digest: string): void {
    if (this.#workers === undefined) this.#passed.add(digest);
  }

  async *#read(blob: SpooledBlob, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    this.#line.first(blob);
    yield* blob.read(signal);
  }

  /** Passes on what arrives, as fast as the line may be used for it. */
  async *#paced(source: AsyncIterable<Uint8Array>, blob: SpooledBlob): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      yield chunk;
      while (!this.#stop.signal.aborted && !this.#line.mayTake(blob)) await wait(PAUSE);
    }
  }

  async close(): Promise<void> {
    this.#end(new OcirenderError('ERR_OCIRENDER_USAGE', 'the image has been closed'));
    await Promise.all(this.#workers ?? []);
    await Promise.all([...this.#blobs.values()].map(({ blob }) => blob.close()));
  }

  #start(): void {
    if (this.#workers !== undefined) return;
    const { signal } = this.#options;
    const aborted = (): void => this.#end(abortedError(signal?.reason));
    if (signal?.aborted === true) aborted();
    signal?.addEventListener('abort', aborted, { once: true, signal: this.#stop.signal });
    const queue = [...this.#blobs.values()].filter(({ layer }) => !this.#passed.has(layer.digest)).values();
    this.#workers = Array.from({ length: this.#concurrency }, () => this.#work(queue));
  }

  async #work(queue: Iterator<Fetch>): Promise<void> {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      const { layer, indexes, blob } = next.value;
      if (this.#stop.signal.aborted) return;
      const { onArrived } = this.#options;
      const source = abortable(layer.open({ signal: this.#stop.signal }), this.#stop.signal);
      const isThere = await blob.fill(this.#paced(source, blob), (bytes) => {
        for (const index of indexes) onArrived?.(index, bytes);
      });
      if (!isThere && !this.#stop.signal.aborted) {
        // One layer less is no image: what else arrives is of no use.
        this.#end(blob.error);
      }
    }
  }

  #end(error: unknown): void {
    for (const { blob } of this.#blobs.values()) blob.fail(error);
    this.#stop.abort(error);
  }
}
