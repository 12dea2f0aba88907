import { createHash, type Hash } from 'node:crypto';
import type { Layer } from '@ocirender/interface';
import { decompress } from '../decompress.ts';
import { diffIdAlgorithm, type LayerInput, type LayerInputOptions } from './layer-input.ts';
import { StoredBytes } from './stored-bytes.ts';

/** Reads a layer in the calling thread: for small ones, which are done before a thread has begun. */
export class LocalInput implements LayerInput {
  readonly #stored: StoredBytes;
  readonly #tar: AsyncIterator<Uint8Array>;
  readonly #algorithm: string | undefined;
  readonly #hash: Hash | undefined;

  constructor(layer: Layer, options: LayerInputOptions) {
    const { limits, signal, diagnose, onBytes } = options;
    this.#stored = new StoredBytes(layer.open(signal === undefined ? {} : { signal }), onBytes);
    this.#tar = decompress(this.#stored.chunks(true), {
      ...(layer.mediaType === undefined ? {} : { mediaType: layer.mediaType }),
      ...(signal === undefined ? {} : { signal }),
      limits,
      diagnose,
      layer: layer.digest,
    })[Symbol.asyncIterator]();
    this.#algorithm = diffIdAlgorithm(layer);
    this.#hash = this.#algorithm === undefined ? undefined : createHash(this.#algorithm);
  }

  async next(): Promise<Uint8Array | undefined> {
    const next = await this.#tar.next();
    if (next.done === true) return undefined;
    this.#hash?.update(next.value);
    return next.value;
  }

  drainStored(most: number): Promise<void> {
    return this.#stored.drain(most);
  }

  tarDigest(): Promise<string | undefined> {
    return Promise.resolve(this.#hash && `${this.#algorithm}:${this.#hash.digest('hex')}`);
  }

  async close(): Promise<void> {
    await this.#tar.return?.().catch(() => undefined);
    await this.#stored.close();
  }
}
