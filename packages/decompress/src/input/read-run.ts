import { readSync } from 'node:fs';
import { OcirenderError, type PackedError, packError } from '@ocirender/interface';
import { verifyingStream } from '@ocirender/oci-layout/digest';
import { Declined, type DecompressOptions, decompressInto } from '../decompress.ts';
import type { InputNews, ReadJob } from './messages.ts';
import { RingFollower, type RingMemory, RingStopped, RingWriter } from './ring.ts';
import { StoredBytes } from './stored-bytes.ts';

/** Bytes of a read: what is still in a core's cache when it is decompressed. */
const READ_BYTES = 256 * 1024;

/** Reads, checks and decompresses one layer in a thread of its own. */
export class ReadRun {
  readonly #job: ReadJob;
  readonly #post: (news: InputNews) => void;
  readonly #ring: RingWriter;
  readonly #stored: StoredBytes;
  #running: Promise<void> = Promise.resolve();

  /**
   * @param job - what to read
   * @param post - posts to the main thread
   */
  constructor(job: ReadJob, post: (news: InputNews) => void) {
    this.#job = job;
    this.#post = post;
    this.#ring = new RingWriter(job.ring, () => post({ type: 'filled' }));
    this.#stored = new StoredBytes(this.#open(), (bytes) => {
      job.progress[0] = bytes;
    });
  }

  /** Decompresses everything, as long as it is wanted. */
  start(): void {
    this.#running = this.#decompress();
  }

  /** Reads the stored bytes that the decompressor has left. */
  async drain(most: number): Promise<void> {
    await this.#running;
    try {
      await this.#stored.drain(most);
      this.#post({ type: 'drained' });
    } catch (error) {
      this.#post({ type: 'drained', ...failureOf(error) });
    }
  }

  async close(): Promise<void> {
    await this.#running;
    await this.#stored.close();
  }

  async #decompress(): Promise<void> {
    const { digest, mediaType, limits } = this.#job;
    const options: DecompressOptions = {
      ...(mediaType === undefined ? {} : { mediaType }),
      limits,
      layer: digest,
      diagnose: (diagnostic) => {
        this.#ring.notes++;
        this.#post({ type: 'diagnostic', diagnostic });
      },
    };
    let end: InputNews = { type: 'ended' };
    try {
      await decompressInto(this.#stored.chunks(false), options, this.#ring);
    } catch (error) {
      end = error instanceof Declined ? { type: 'declined' } : { type: 'ended', ...failureOf(error) };
    }
    this.#ring.end();
    this.#post(end);
  }

  #open(): AsyncIterable<Uint8Array> {
    const { from, digest, size } = this.#job;
    if ('words' in from) return this.#fed(from);
    return verifyingStream(this.#file(from), { digest, size }, from.what);
  }

  /** What comes from the main thread was checked there. */
  async *#fed(memory: RingMemory): AsyncGenerator<Uint8Array> {
    yield* new RingFollower(memory, () => this.#post({ type: 'room' })).chunks();
  }

  async *#file({
    fd,
    position,
    size,
    what,
  }: Exclude<ReadJob['from'], RingMemory>): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    for (let at = 0; at < size; ) {
      this.#ring.check();
      const count = read(fd, buffer, Math.min(READ_BYTES, size - at), position + at, what);
      if (count === 0) return;
      at += count;
      yield buffer.subarray(0, count);
    }
  }
}

function read(fd: number, buffer: Uint8Array, length: number, position: number, what: string): number {
  try {
    return readSync(fd, buffer, 0, length, position);
  } catch (error) {
    throw new OcirenderError('ERR_OCIRENDER_IO', `${what} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** What work ended with, packed; nothing where it was stopped because nobody wants it. */
function failureOf(error: unknown): { readonly error?: PackedError } {
  return error instanceof RingStopped ? {} : { error: packError(error) };
}
