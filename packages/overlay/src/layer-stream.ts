import type { InputThreads, LayerInput } from '@ocirender/decompress';
import {
  type DiagnosticHandler,
  DigestMismatchError,
  isOcirenderError,
  type Layer,
  LimitError,
  OcirenderError,
  throwIfAborted,
} from '@ocirender/interface';
import { type TarEvent, TarReader } from '@ocirender/tar-header';
import type { MergeLimits } from './limits.ts';

/** What a {@link LayerStream} needs besides the layer. */
export interface LayerStreamOptions {
  readonly limits: MergeLimits;
  /** Read it. */
  readonly threads: InputThreads;
  /** Decompressed bytes that this layer may still have. */
  readonly maxOutputBytes: number;
  /** Accept a diff_id that its builder got wrong. */
  readonly lenient: boolean;
  readonly signal?: AbortSignal;
  readonly diagnose: DiagnosticHandler;
  /** Called with the number of stored bytes read so far. */
  readonly onBytes?: (bytes: number) => void;
}

/**
 * One layer as a sequence of tar events, pulled by the consumer: nothing is read ahead of it but what the
 * decompressor buffers.
 *
 * {@link finish} reads to the last byte and thereby checks size, digest and diff_id. {@link fail} does as much as is
 * needed to find out whether damaged data is the reason of an error: a mismatch beats every other error.
 */
export class LayerStream {
  readonly #layer: Layer;
  readonly #options: LayerStreamOptions;
  readonly #input: LayerInput;
  readonly #reader: TarReader;
  /** What there is to say at the end of the tar. */
  #lastEvents: Iterator<TarEvent> | undefined;
  #scratch: Uint8Array | undefined;
  #tarDone = false;
  #tarBroken = false;

  constructor(layer: Layer, options: LayerStreamOptions) {
    this.#layer = layer;
    this.#options = options;
    const { limits, signal, onBytes } = options;
    this.#input = options.threads.open(layer, {
      limits: {
        maxOutputBytes: options.maxOutputBytes,
        maxRatio: limits.ratio,
        maxWindowBytes: limits.windowBytes,
      },
      diagnose: options.diagnose,
      ...(signal === undefined ? {} : { signal }),
      ...(onBytes === undefined ? {} : { onBytes }),
    });
    this.#reader = new TarReader({
      sockets: layer.marksSockets ?? false,
      limits: {
        pathBytes: limits.pathBytes,
        paxHeaderBytes: limits.paxHeaderBytes,
        xattrBytes: limits.xattrBytes,
        sparseExtents: limits.sparseExtents,
      },
    });
  }

  /** Bytes of the uncompressed layer read so far. */
  get tarBytes(): number {
    return this.#reader.offset;
  }

  /**
   * Memory for a content that comes in parts, used for one after the other.
   *
   * @param size - bytes
   */
  scratch(size: number): Uint8Array {
    if (this.#scratch === undefined || this.#scratch.length < size)
      this.#scratch = Buffer.allocUnsafeSlow(size);
    return this.#scratch.subarray(0, size);
  }

  /**
   * Gives the next event if it is at hand.
   *
   * @returns undefined when more input is needed: call {@link fill}
   */
  poll(): TarEvent | undefined {
    const event = this.#reader.poll();
    if (event !== undefined || this.#lastEvents === undefined) return event;
    const last = this.#lastEvents.next();
    return last.done === true ? undefined : last.value;
  }

  /**
   * Reads on until {@link poll} may have events again.
   *
   * @returns false at the end of the layer
   */
  async fill(): Promise<boolean> {
    if (this.#tarDone) return false;
    throwIfAborted(this.#options.signal);
    // A stream that has thrown says that it is done: only an end that it reached by itself counts.
    this.#tarBroken = true;
    const bytes = await this.#input.next();
    this.#tarBroken = false;
    if (bytes === undefined) {
      this.#tarDone = true;
      this.#lastEvents = this.#reader.finish();
      return true;
    }
    this.#reader.feed(bytes);
    return true;
  }

  /**
   * Reads what is left after the last event and checks digest, size and diff_id. Where the stored bytes are those that
   * the manifest promises, a wrong diff_id was made by whoever built the image.
   *
   * @returns whether the whole tar was read, and is what the diff_id says
   * @throws {DigestMismatchError} when the uncompressed bytes are not those that the config promises
   */
  async finish(): Promise<boolean> {
    await this.#input.drainStored(Number.POSITIVE_INFINITY);
    const error = await this.#wrongDiffId();
    if (error === undefined) return this.#tarDone && this.#layer.diffId !== undefined;
    const { hasOwnDigest = false } = this.#layer;
    if (hasOwnDigest) throw error;
    const message = `the image was built wrong: the blob's digest is right, but not the diff_id that its config gives for it`;
    if (this.#options.lenient) {
      this.#options.diagnose({
        code: 'diff-id-wrong',
        message: `${message}: ${error.expected}, not ${error.actual}`,
      });
      return false;
    }
    throw new DigestMismatchError(`${message} (uncompressed layer)`, error.expected, error.actual, {
      hint: 'Fetching it again does not help. Accept it with --lenient (policy lenient), or let whoever built it build it again.',
    });
  }

  /**
   * Finds the error to report for a failure.
   *
   * @param error - what went wrong
   * @returns the digest or size mismatch behind it, if there is one, else `error` itself; with the layer's digest in
   * its message
   */
  async fail(error: unknown): Promise<unknown> {
    if (this.#options.signal?.aborted === true || !isOcirenderError(error)) return error;
    // Whoever meets a limit does not want more to be read.
    if (isMismatch(error) || error.code === 'ERR_OCIRENDER_LIMIT') return inLayer(error, this.#layer.digest);
    const damaged = error.code === 'ERR_OCIRENDER_FORMAT' || error.code === 'ERR_OCIRENDER_TRUNCATED';
    // The tar first: it takes its bytes from what is stored.
    const mismatch =
      (damaged ? await mismatchOf(this.#drainTar()) : undefined) ??
      (await mismatchOf(this.#input.drainStored(this.#layer.size)));
    return inLayer(mismatch ?? error, this.#layer.digest);
  }

  /** Closes everything. Never throws. */
  async close(): Promise<void> {
    await this.#input.close();
  }

  async #drainTar(): Promise<void> {
    if (this.#layer.diffId === undefined || this.#tarBroken) return;
    while (!this.#tarDone) this.#tarDone = (await this.#input.next()) === undefined;
    const error = await this.#wrongDiffId();
    if (error !== undefined) throw error;
  }

  async #wrongDiffId(): Promise<DigestMismatchError | undefined> {
    const { diffId } = this.#layer;
    if (diffId === undefined || !this.#tarDone) return undefined;
    const actual = await this.#input.tarDigest();
    return actual === undefined || actual === diffId
      ? undefined
      : new DigestMismatchError('uncompressed layer (diff_id)', diffId, actual);
  }
}

/** The digest or size mismatch with which reading ends, if it does. */
async function mismatchOf(reading: Promise<void>): Promise<OcirenderError | undefined> {
  try {
    await reading;
  } catch (error) {
    if (isOcirenderError(error) && isMismatch(error)) return error;
  }
  return undefined;
}

function isMismatch(error: OcirenderError): boolean {
  return error.code === 'ERR_OCIRENDER_DIGEST_MISMATCH' || error.code === 'ERR_OCIRENDER_SIZE_MISMATCH';
}

/**
 * Adds the layer to an error's message.
 *
 * @param error - what happened
 * @param digest - the layer's
 * @returns an error of the same code whose cause is `error`; `error` itself when it names the layer already
 */
export function inLayer(error: OcirenderError, digest: string): OcirenderError {
  const named = error.message.includes(digest);
  const message = named ? error.message : `layer ${digest}: ${error.message}`;
  if (isLimitError(error)) {
    const limit = LIMIT_NAMES[error.limit] ?? error.limit;
    if (named && limit === error.limit) return error;
    // A hint that names the limit names it as the error did.
    const hint = limit === error.limit ? error.hint : undefined;
    // The limit is named at the end of the message: once.
    return new LimitError(limit, error.maximum, message.replace(/ \(limit [^)]*\)$/, ''), {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  if (named) return error;
  return new OcirenderError(error.code, message, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

/** What the decompressor's limits are called here. */
const LIMIT_NAMES: Readonly<Record<string, keyof MergeLimits>> = {
  maxOutputBytes: 'totalBytes',
  maxRatio: 'ratio',
  maxWindowBytes: 'windowBytes',
};

function isLimitError(error: OcirenderError): error is LimitError {
  return error.code === 'ERR_OCIRENDER_LIMIT' && 'limit' in error && 'maximum' in error;
}
