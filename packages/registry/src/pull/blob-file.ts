import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { OcirenderError, syncDirectory, throwIfAborted } from '@ocirender/interface';
import { parseDigest } from '@ocirender/oci-layout';

/** Bytes of one read and of what waits to be written. */
const CHUNK = 1024 * 1024;

/** A blob of a layout on disk, and the part of it that has arrived so far. */
export class BlobFile {
  readonly digest: string;
  /** Bytes that it must have. */
  readonly size: number;
  readonly path: string;
  /** The part of it that has arrived. */
  readonly partialPath: string;

  /**
   * @param blobs - the layout's directory `blobs`
   * @param digest - checked before it becomes a name
   */
  constructor(blobs: string, digest: string, size: number) {
    const { algorithm, hex } = parseDigest(digest);
    this.digest = digest;
    this.size = size;
    this.path = join(blobs, algorithm, hex);
    this.partialPath = join(blobs, PARTIAL_DIRECTORY, `${algorithm}-${hex}`);
  }

  /** Whether the file is there, whole and undamaged: all of it is read. */
  async isIntact(signal: AbortSignal | undefined): Promise<boolean> {
    const stats = await stat(this.path).catch(ignoreMissing);
    if (stats === undefined || !stats.isFile() || stats.size !== this.size) return false;
    const hash = createHash(parseDigest(this.digest).algorithm);
    try {
      for await (const chunk of createReadStream(this.path, { highWaterMark: CHUNK })) {
        throwIfAborted(signal);
        hash.update(chunk as Buffer);
      }
    } catch (error) {
      throw ioError(error, this.path, 'read');
    }
    return this.digest.endsWith(`:${hash.digest('hex')}`);
  }

  /** Bytes of an earlier attempt that are there; a part that cannot be one is removed. */
  async partialBytes(): Promise<number> {
    const stats = await stat(this.partialPath).catch(ignoreMissing);
    if (stats === undefined) return 0;
    if (stats.isFile() && stats.size <= this.size) return stats.size;
    await this.discard();
    return 0;
  }

  /** Reads the part that is there. */
  readPartial(bytes: number): AsyncIterable<Uint8Array> {
    return createReadStream(this.partialPath, {
      highWaterMark: CHUNK,
      end: bytes - 1,
    }) as AsyncIterable<Uint8Array>;
  }

  /**
   * Writes the blob from a verified stream that begins with the part which is there already. After an error what was
   * written stays, for the next time.
   *
   * @throws whatever the stream throws, or `ERR_OCIRENDER_IO`
   */
  async write(stream: AsyncIterable<Uint8Array>, partial: number): Promise<void> {
    try {
      await mkdir(join(this.partialPath, '..'), { recursive: true });
      await mkdir(join(this.path, '..'), { recursive: true });
      const file = createWriteStream(this.partialPath, { flags: 'a', highWaterMark: CHUNK });
      await pipeline(skip(stream, partial), file);
      const handle = await open(this.partialPath, 'r+');
      try {
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(this.partialPath, this.path);
      await syncDirectory(join(this.path, '..'));
    } catch (error) {
      throw ioError(error, this.path, 'written');
    }
  }

  /** Forgets the part that is there: it turned out to be wrong. */
  async discard(): Promise<void> {
    await rm(this.partialPath, { recursive: true, force: true });
  }
}

/** Holds the parts of blobs. The name begins with a dot: it is no digest algorithm. */
export const PARTIAL_DIRECTORY = '.partial';

async function* skip(stream: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of stream) {
    const from = Math.min(left, chunk.length);
    left -= from;
    if (from < chunk.length) yield from === 0 ? chunk : chunk.subarray(from);
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR')
    throw ioError(error, error.path ?? 'the layout', 'read');
}

/** Our own errors pass; those of the system become ours. */
export function ioError(error: unknown, path: string, what: 'read' | 'written'): unknown {
  const isSystem = error instanceof Error && 'syscall' in error;
  if (!isSystem) return error;
  return new OcirenderError('ERR_OCIRENDER_IO', `${path} cannot be ${what}: ${error.message}`, {
    cause: error,
  });
}
