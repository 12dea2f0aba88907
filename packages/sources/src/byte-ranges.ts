import { FormatError, throwIfAborted } from '@ocirender/interface';

/** Bytes a read. */
const CHUNK = 512 * 1024;

/** Something whose bytes can be read at any place. */
export interface ByteRanges {
  /** Descriptor of the file in which they lie. */
  readonly fd: number;
  /**
   * @param buffer - is filled from its start
   * @param position - in bytes from the start
   * @returns how many were read; 0 at the end
   */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Called once when no more is to be read through this object. */
  close(): Promise<void>;
}

/**
 * Reads a range to its end and closes. The next chunk is being read while the consumer works on this one; each chunk
 * is memory of its own.
 *
 * @param ranges - what to read
 * @param offset - first byte
 * @param size - number of bytes
 * @param what - is being read, for messages
 * @throws {FormatError} `ERR_OCIRENDER_TRUNCATED` when there are fewer bytes
 */
export async function* rangeChunks(
  ranges: ByteRanges,
  offset: number,
  size: number,
  what: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  const next = (): Promise<Uint8Array | Error> => {
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, size - at));
    return ranges.read(buffer, offset + at).then(
      (read) => buffer.subarray(0, read),
      (error: Error) => error,
    );
  };
  let pending: Promise<Uint8Array | Error> | undefined;
  try {
    while (at < size) {
      throwIfAborted(signal);
      const chunk = await (pending ?? next());
      pending = undefined;
      throwIfAborted(signal);
      if (chunk instanceof Error) throw chunk;
      if (chunk.length === 0) {
        throw new FormatError(`${what} ends early`, offset + at, { code: 'ERR_OCIRENDER_TRUNCATED' });
      }
      at += chunk.length;
      if (at < size) pending = next();
      yield chunk;
    }
  } finally {
    await pending;
    await ranges.close();
  }
}
