import { createRequire } from 'node:module';
import type { BlockDecoder } from './decoder.ts';
import { MAX_WINDOW } from './limits.ts';

/** Bytes given to liblzma at a time: some can inflate 7,000-fold, and all that comes of a slice is in memory. */
const SLICE = 4096;

/** Memory in bytes that liblzma may take: the dictionary and its own. */
const MEMORY_LIMIT: number = MAX_WINDOW + 1024 * 1024;

interface LzmaLibrary {
  Stream: new () => LzmaStream;
}

interface LzmaStream {
  bufferHandler: (
    output: Uint8Array | null | undefined,
    processed: number | undefined,
    error?: Error | null,
  ) => void;
  setBufsize(bytes: number): void;
  streamDecoder(options: { memlimit: number }): void;
  aloneDecoder(options: { memlimit: number }): void;
  code(input: Uint8Array, pooled: boolean): void;
  resetUnderlying(): void;
}

/** Size of the header of an LZMA-alone stream in bytes: properties, dictionary size, content size. */
const ALONE_HEADER = 13;

/** Where the content size is in it. */
const ALONE_SIZE = 5;

/**
 * Makes the decoder for xz streams (BCJ filters included) or LZMA-alone streams.
 *
 * @param format - which
 */
export function lzmaDecoder(format: 'xz' | 'lzma'): BlockDecoder {
  const { Stream } = createRequire(import.meta.url)('lzma-native') as LzmaLibrary;
  return {
    pooled: true,
    decode: async (stored, limit) => {
      const stream = new Stream();
      stream.setBufsize(Math.min(limit, 65_536));
      try {
        if (format === 'xz') {
          stream.streamDecoder({ memlimit: MEMORY_LIMIT });
          return await inflate(stream, stored, limit);
        }
        stream.aloneDecoder({ memlimit: MEMORY_LIMIT });
        return await inflateAlone(stream, stored, limit);
      } finally {
        stream.resetUnderlying();
      }
    },
  };
}

async function inflate(stream: LzmaStream, stored: Uint8Array, limit: number): Promise<Uint8Array> {
  const { output, surplus, ended } = await run(stream, stored, limit);
  if (surplus) throw new Error('xz: the block is too large');
  if (!ended) throw new Error('xz: the stream is cut short');
  return output;
}

/**
 * Such streams say how long they are, and nevertheless may have an end marker, which liblzma refuses. So it is told
 * that the size is unknown; what it then makes of the bytes that end the stream is left out.
 */
async function inflateAlone(stream: LzmaStream, stored: Uint8Array, limit: number): Promise<Uint8Array> {
  if (stored.length < ALONE_HEADER) throw new Error('lzma: the header is cut short');
  const unsized = Buffer.from(stored);
  const size = unsized.readBigUInt64LE(ALONE_SIZE);
  if (size > BigInt(limit)) throw new Error('lzma: the block is too large');
  unsized.fill(0xff, ALONE_SIZE, ALONE_HEADER);
  const { output } = await run(stream, unsized, Number(size));
  if (output.length !== Number(size)) throw new Error('lzma: the stream is cut short');
  return output;
}

interface Run {
  readonly output: Uint8Array;
  /** More came out than was wanted. */
  readonly surplus: boolean;
  /** The stream's end was seen. */
  readonly ended: boolean;
}

async function run(stream: LzmaStream, stored: Uint8Array, limit: number): Promise<Run> {
  const output = Buffer.allocUnsafeSlow(limit);
  let length = 0;
  let ended = false;
  let surplus = false;
  for (let at = 0; at < stored.length && !ended && !surplus; at += SLICE) {
    await new Promise<void>((resolve, reject) => {
      let failure: Error | undefined;
      stream.bufferHandler = (part, processed, error) => {
        if (part === null) {
          ended = true;
          failure ??= error ?? undefined;
        } else if (part !== undefined) {
          const room = limit - length;
          if (part.length > room) surplus = true;
          output.set(part.subarray(0, room), length);
          length += Math.min(part.length, room);
        }
        // The count of taken inputs comes last, also after an error.
        if (processed === undefined) return;
        if (failure === undefined) resolve();
        else reject(failure);
      };
      stream.code(stored.subarray(at, at + SLICE), true);
    });
  }
  return { output: output.subarray(0, length), surplus, ended };
}
