import { type FileHandle, open } from 'node:fs/promises';
import { type Compression, decompress, detectCompression } from '@ocirender/decompress';
import {
  FormatError,
  isOcirenderError,
  LimitError,
  OcirenderError,
  throwIfAborted,
} from '@ocirender/interface';
import { TarReader } from '@ocirender/tar-header';
import type { TarArchiveLimits } from './limits.ts';

/** Bytes of a compressed archive read at once. */
const CHUNK = 1024 * 1024;
/** Bytes of a plain tar read at once, where long contents are passed over. */
const STRIDE = 256 * 1024;
/** What tells how an archive is compressed: one tar block. */
const HEAD = 512;

/** An open archive: its stored bytes, and what they decompress to. */
export class ArchiveFile {
  readonly path: string;
  /** Stored bytes. */
  readonly size: number;
  readonly compression: Compression;
  readonly #handle: FileHandle;
  readonly #limits: TarArchiveLimits;
  #isClosed = false;

  private constructor(
    path: string,
    handle: FileHandle,
    size: number,
    compression: Compression,
    limits: TarArchiveLimits,
  ) {
    this.path = path;
    this.#handle = handle;
    this.size = size;
    this.compression = compression;
    this.#limits = limits;
  }

  /**
   * Opens an archive and tells its compression from its first bytes.
   *
   * @param path - a regular file (or a block device)
   * @param limits - bounds of decompression
   * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be read
   */
  static async open(path: string, limits: TarArchiveLimits): Promise<ArchiveFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, 'r');
      const stats = await handle.stat();
      if (!stats.isFile() && !stats.isBlockDevice()) {
        throw new OcirenderError('ERR_OCIRENDER_IO', `${path} is not a regular file`, {
          hint: 'A tar is read more than once: write a stream to a file first.',
        });
      }
      const head = Buffer.alloc(HEAD);
      const { bytesRead } = await handle.read(head, 0, HEAD, 0);
      return new ArchiveFile(path, handle, stats.size, compressionOf(head.subarray(0, bytesRead)), limits);
    } catch (error) {
      await handle?.close();
      throw readError(error, path);
    }
  }

  /** Whether the tar's bytes are the stored ones. */
  get isPlain(): boolean {
    return this.compression === 'none';
  }

  /**
   * Reads stored bytes.
   *
   * @param buffer - is filled from its start
   * @param position - in the file
   * @returns how many there are, 0 at the end
   */
  async read(buffer: Uint8Array, position: number): Promise<number> {
    try {
      return (await this.#handle.read(buffer, 0, buffer.length, position)).bytesRead;
    } catch (error) {
      throw readError(error, this.path);
    }
  }

  /**
   * Reads the whole tar, uncompressed.
   *
   * @param signal - stops it
   * @param unread - asked before each chunk of a plain tar: how many bytes from here nobody will look at. They need not
   * be read: any bytes may come in their place
   * @returns chunks that are valid until the next is asked for
   */
  async *tar(signal: AbortSignal | undefined, unread?: () => number): AsyncGenerator<Uint8Array> {
    if (this.isPlain) {
      yield* this.#strides(signal, unread);
      return;
    }
    yield* decompress(this.#stored(signal), {
      compression: this.compression,
      limits: {
        maxOutputBytes: this.#limits.maxOutputBytes,
        maxRatio: this.#limits.maxRatio,
        maxWindowBytes: this.#limits.maxWindowBytes,
      },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Closes it. May be called twice. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#handle.close();
  }

  async *#strides(
    signal: AbortSignal | undefined,
    unread: (() => number) | undefined,
  ): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.alloc(STRIDE);
    for (let position = 0; ; ) {
      throwIfAborted(signal);
      // What is not there is not passed over: a tar that is cut short must be found out.
      let passed = Math.min(unread?.() ?? 0, this.size - position);
      if (passed >= STRIDE / 2) {
        position += passed;
        for (; passed > STRIDE; passed -= STRIDE) yield buffer;
        yield buffer.subarray(0, passed);
      } else {
        const bytes = await this.read(buffer, position);
        if (bytes === 0) return;
        position += bytes;
        yield buffer.subarray(0, bytes);
      }
    }
  }

  /** The stored bytes, read ahead by one chunk: the decompressor works on one while the next is read. */
  async *#stored(signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    let position = 0;
    // Each chunk is an array of its own: what decompresses zstd on Node < 22.15 keeps those of a whole frame.
    const next = async (): Promise<Uint8Array> => {
      const buffer = Buffer.allocUnsafeSlow(CHUNK);
      const bytes = await this.read(buffer, position);
      position += bytes;
      return buffer.subarray(0, bytes);
    };
    let ahead = next();
    try {
      for (;;) {
        throwIfAborted(signal);
        const chunk = await ahead;
        if (chunk.length === 0) return;
        ahead = next();
        // Whoever takes it meets its error.
        ahead.catch(() => undefined);
        yield chunk;
      }
    } finally {
      await ahead.catch(() => undefined);
    }
  }
}

/** A tar's first bytes are a file name, which may look like any magic: its header checksum decides. */
function compressionOf(head: Buffer): Compression {
  const detected = detectCompression(head);
  if (detected === undefined || isTarHeader(head)) return 'none';
  return detected;
}

function isTarHeader(head: Buffer): boolean {
  try {
    for (const _ of new TarReader().write(head));
    return head.length === HEAD;
  } catch {
    return false;
  }
}

/**
 * Says which file an error is about.
 *
 * @param error - what was thrown
 * @param path - the file
 * @returns an error of the same code and kind; `ERR_OCIRENDER_IO` for one of the system
 */
export function readError(error: unknown, path: string): unknown {
  if (!isOcirenderError(error)) {
    if (!(error instanceof Error) || !('syscall' in error || 'errno' in error)) return error;
    return new OcirenderError('ERR_OCIRENDER_IO', `cannot read ${path}: ${error.message}`, { cause: error });
  }
  const { code, hint, message } = error;
  if (message.includes(path) || code === 'ERR_OCIRENDER_ABORTED') return error;
  const options = { cause: error, ...(hint === undefined ? {} : { hint }) };
  if (isLimitError(error)) {
    const what = `${path}: ${message.replace(/ \(limit [^)]*\)$/, '')}`;
    return new LimitError(error.limit, error.maximum, what, options);
  }
  if (isFormatError(error)) {
    const truncated = code === 'ERR_OCIRENDER_TRUNCATED' ? { code } : {};
    const what = `${path}: ${message.replace(/ \(at byte \d+\)$/, '')}`;
    return new FormatError(what, error.offset, { ...options, ...truncated });
  }
  return new OcirenderError(code, `${path}: ${message}`, options);
}

function isLimitError(error: OcirenderError): error is LimitError {
  return error.code === 'ERR_OCIRENDER_LIMIT' && 'limit' in error && 'maximum' in error;
}

function isFormatError(error: OcirenderError): error is FormatError {
  return 'offset' in error;
}
