import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { abortedError, type Layer, OcirenderError, throwIfAborted } from '@ocirender/interface';
import { verifyingStream } from '@ocirender/oci-layout';
import { abortable, SpooledBlob } from '@ocirender/sources';
import { ioError } from '../io-error.ts';

/** What is known of a layer before its bytes are there. */
export interface LayerMetadata {
  /** Digest of the stored bytes: `sha256:…` or `sha512:…`. */
  readonly digest: string;
  /** Stored size in bytes; checked when it is given. */
  readonly size?: number;
  /** As the manifest spells it; without it the compression is told from the bytes. */
  readonly mediaType?: string;
  /** Digest of the uncompressed tar; checked when it is given. */
  readonly diffId?: string;
}

/** A layer's stored bytes: the path of a file that stays until the conversion is done, or a stream (Node's, too). */
export type LayerData = string | AsyncIterable<Uint8Array>;

const CHUNK = 512 * 1024;

/** The place of a layer that is still to come. */
export class LayerSlot {
  readonly layer: Layer;
  readonly #metadata: LayerMetadata;
  readonly #what: string;
  readonly #spool: string | undefined;
  readonly #signal: AbortSignal;
  readonly #onArrived: (bytes: number) => void;
  #path: string | undefined;
  #blob: SpooledBlob | undefined;
  #filling: Promise<unknown> = Promise.resolve();
  #wake: (() => void)[] = [];

  /**
   * @param metadata - of the layer
   * @param spool - directory for what comes as a stream
   * @param signal - ends the taking of bytes
   * @param onArrived - is told how many bytes of a stream are there
   */
  constructor(
    metadata: LayerMetadata,
    spool: string | undefined,
    signal: AbortSignal,
    onArrived: (bytes: number) => void,
  ) {
    const { digest, size = 0, mediaType, diffId } = metadata;
    this.#metadata = metadata;
    this.#what = `layer ${digest}`;
    this.#spool = spool;
    this.#signal = signal;
    this.#onArrived = onArrived;
    this.layer = {
      digest,
      size,
      ...(mediaType === undefined ? {} : { mediaType }),
      ...(diffId === undefined ? {} : { diffId }),
      open: (options) => this.#open(options?.signal),
    };
  }

  /** Whether the bytes, or the stream of them, are there. */
  get delivered(): boolean {
    return this.#path !== undefined || this.#blob !== undefined;
  }

  /**
   * Takes the layer: a stream is read at once, a path when its turn has come.
   *
   * @param data - path or stream
   */
  deliver(data: LayerData): void {
    if (typeof data === 'string') this.#path = data;
    else {
      this.#blob = new SpooledBlob(this.#spool);
      const verified = verifyingStream(
        readable(abortable(data, this.#signal), this.#what),
        this.#metadata,
        this.#what,
      );
      this.#filling = this.#blob.fill(verified, this.#onArrived);
    }
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  /** Gives back what is held. The signal must have been aborted, or the bytes be complete. */
  async close(): Promise<void> {
    await this.#blob?.close();
    await this.#filling;
  }

  async *#open(signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    while (!this.delivered) await this.#delivery(signal);
    if (this.#blob !== undefined) yield* this.#blob.read(signal);
    else yield* verifyingStream(readPath(this.#path!, this.#what, signal), this.#metadata, this.#what);
  }

  async #delivery(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        signal?.removeEventListener('abort', done);
        resolve();
      };
      signal?.addEventListener('abort', done, { once: true });
      if (signal?.aborted === true) done();
      this.#wake.push(done);
    });
    throwIfAborted(signal);
  }
}

async function* readable(source: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    throw ioError(error, `${what} did not arrive`);
  }
}

async function* readPath(
  path: string,
  what: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    if (!(await stat(path)).isFile()) {
      throw new OcirenderError('ERR_OCIRENDER_IO', `${what} is not a regular file: ${path}`);
    }
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
      if (signal?.aborted === true) throw abortedError(signal.reason);
      yield chunk as Buffer;
    }
  } catch (error) {
    throw ioError(error, `${what} cannot be read from ${path}`);
  }
}
