import { setImmediate as turn } from 'node:timers/promises';
import { abortedError, type Layer, type StoredFile, unpackError } from '@ocirender/interface';
import { Feed } from './feed.ts';
import type { InputThread } from './input-thread.ts';
import { diffIdAlgorithm, type LayerInput, type LayerInputOptions } from './layer-input.ts';
import { LocalInput } from './local-input.ts';
import type { InputNews, ReadJob } from './messages.ts';
import { type RingMemory, RingReader } from './ring.ts';

/** Longest time without a look at the event loop, milliseconds: what the threads have to say arrives there. */
const STRETCH = 3;

/** The threads and the memory with which one layer after the other is read. */
export interface InputMachinery {
  readonly reader: InputThread;
  /** Absent for a layer without a diff_id. */
  readonly hasher: InputThread | undefined;
  readonly ring: RingMemory;
}

type News<Type extends InputNews['type']> = Extract<InputNews, { readonly type: Type }>;

/** Reads a layer in two threads: one reads, checks and decompresses, the other one hashes the tar. */
export class ThreadedInput implements LayerInput {
  readonly #layer: Layer;
  readonly #options: LayerInputOptions;
  readonly #machinery: InputMachinery;
  readonly #threads: readonly InputThread[];
  readonly #ring: RingReader;
  readonly #release: () => void;
  /** Stored bytes read so far: the reader counts. */
  readonly #progress = new Float64Array(new SharedArrayBuffer(8));
  #told = 0;
  #diagnostics = 0;
  #turned = performance.now();
  #beginning: Promise<void> | undefined;
  #file: StoredFile | undefined;
  #feed: Feed | undefined;
  /** Reads the layer when the thread cannot. */
  #local: LocalInput | undefined;
  #ended: News<'ended'> | undefined;
  #drained: News<'drained'> | undefined;
  #digest: News<'digest'> | undefined;
  #closed = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = ignore;

  /**
   * @param layer - to read
   * @param options - limits and handlers
   * @param machinery - nobody else uses it until this is closed
   * @param release - is called when this is closed
   */
  constructor(layer: Layer, options: LayerInputOptions, machinery: InputMachinery, release: () => void) {
    this.#layer = layer;
    this.#options = options;
    this.#machinery = machinery;
    const { reader, hasher } = machinery;
    this.#threads = hasher === undefined ? [reader] : [reader, hasher];
    this.#ring = new RingReader(machinery.ring);
    this.#release = release;
  }

  async next(): Promise<Uint8Array | undefined> {
    await this.#begin();
    for (;;) {
      this.#check();
      if (this.#local !== undefined) return this.#local.next();
      // Looked at before the ring is: the end is told after what was filled.
      const ended = this.#ended;
      const bytes = this.#ring.next();
      if (bytes !== undefined) {
        while (this.#diagnostics < this.#ring.notes && this.#machinery.reader.receive());
        this.#tell();
        if (performance.now() - this.#turned > STRETCH) await this.#turn();
        return bytes;
      }
      if (ended !== undefined) {
        this.#tell();
        this.#throwIfFailed(ended);
        return undefined;
      }
      if (this.#ring.sleep()) await this.#news();
    }
  }

  async drainStored(most: number): Promise<void> {
    await this.#begin();
    this.#ring.letGo();
    this.#ring.skip();
    await this.#until(() => this.#ended !== undefined || this.#local !== undefined);
    if (this.#local !== undefined) return this.#local.drainStored(most);
    this.#machinery.reader.post({ type: 'drain', most });
    await this.#until(() => this.#drained !== undefined);
    this.#tell();
    const drained = this.#drained!;
    this.#drained = undefined;
    this.#throwIfFailed(drained);
  }

  async tarDigest(): Promise<string | undefined> {
    if (this.#local !== undefined) return this.#local.tarDigest();
    if (this.#machinery.hasher === undefined) return undefined;
    await this.#until(() => this.#digest !== undefined);
    return this.#digest!.digest;
  }

  async close(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    if (this.#beginning !== undefined) {
      await this.#beginning.catch(ignore);
      this.#halt();
      for (const thread of this.#threads) thread.post({ type: 'close' });
      while (this.#closed < this.#threads.length && this.#threads.every(({ isAlive }) => isAlive)) {
        await this.#news();
      }
      await this.#feed?.close();
      await this.#file?.close().catch(ignore);
    }
    await this.#local?.close();
    this.#release();
  }

  #begin(): Promise<void> {
    this.#beginning ??= this.#start();
    return this.#beginning;
  }

  async #start(): Promise<void> {
    const { signal, limits } = this.#options;
    const { digest, size, mediaType } = this.#layer;
    const algorithm = diffIdAlgorithm(this.#layer);
    const { reader, hasher, ring } = this.#machinery;
    this.#ring.reset(this.#threads.length);
    for (const thread of this.#threads)
      thread.take(
        (news) => this.#hear(news),
        (error) => this.#fail(error),
      );
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    const from = await this.#source();
    reader.post({
      type: 'read',
      ring,
      from,
      digest,
      size,
      ...(mediaType === undefined ? {} : { mediaType }),
      limits,
      progress: this.#progress,
    });
    if (algorithm !== undefined) hasher?.post({ type: 'hash', ring, algorithm });
  }

  async #source(): Promise<ReadJob['from']> {
    this.#file = await this.#layer.openFile?.();
    if (this.#file !== undefined) {
      const { fd, position, size, what } = this.#file;
      return { fd, position, size, what };
    }
    this.#feed = new Feed(this.#layer);
    return this.#feed.memory;
  }

  #hear(news: InputNews): void {
    if (news.type === 'ended') this.#ended = news;
    else if (news.type === 'drained') this.#drained = news;
    else if (news.type === 'digest') this.#digest = news;
    else if (news.type === 'closed') this.#closed++;
    else if (news.type === 'declined') {
      this.#halt();
      this.#local = new LocalInput(this.#layer, this.#options);
    } else if (news.type === 'room') this.#feed?.wake();
    else if (news.type === 'diagnostic') {
      this.#diagnostics++;
      this.#options.diagnose(news.diagnostic);
    }
    this.#wake();
  }

  /** Waits until a thread has said something. */
  async #until(isSaid: () => boolean): Promise<void> {
    for (this.#check(); !isSaid(); this.#check()) await this.#news();
  }

  async #news(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#turned = performance.now();
  }

  async #turn(): Promise<void> {
    await turn();
    this.#turned = performance.now();
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Says how many stored bytes have been read. */
  #tell(): void {
    const bytes = this.#progress[0]!;
    if (bytes === this.#told) return;
    this.#told = bytes;
    this.#options.onBytes?.(bytes);
  }

  /** Throws what the work ended with: the source's own error where there is one, for all else follows from it. */
  #throwIfFailed({ error }: News<'ended'> | News<'drained'>): void {
    if (this.#feed?.failure !== undefined) throw this.#feed.failure.error;
    if (error !== undefined) throw unpackError(error);
  }

  readonly #onAbort = (): void => this.#fail(abortedError(this.#options.signal?.reason));

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#halt();
    this.#wake();
  }

  /** Ends what the threads and the source do. */
  #halt(): void {
    this.#ring.stop();
    this.#feed?.stop();
  }
}

function ignore(): void {}
