import { ftruncateSync, readSync, write as writeCallback, writeSync } from 'node:fs';
import { constants } from 'node:os';
import {
  type ByteString,
  type Content,
  type ContentInfo,
  type ContentRef,
  type FileInode,
  isHole,
  type Metadata,
  OcirenderError,
} from '@ocirender/interface';
import { AT_REMOVEDIR, CREATE_FILE, OPEN_DIRECTORY, OPEN_FILE } from './format.ts';
import type { Libc } from './libc.ts';
import type { MetadataWriter } from './metadata.ts';
import { check, ioError, systemError } from './system-error.ts';

/** Where contents wait for their names. */
const STAGING = '.ocirender-contents';

/** Larger chunks are written by the thread pool, so that parsing goes on meanwhile. */
const SYNC_BYTES = 128 * 1024;

/** Files removed between two looks at the event loop. */
const REMOVALS_PER_TURN = 500;

/** Numbers kept for a content: mode, uid, gid, seconds, nanoseconds of the metadata that its file has already. */
const RECORD = 5;
const GROWTH = 2;

/**
 * The directory within the output in which every content is a file, named by its number, until the tree says
 * what it is called. It is readable by its owner only, and gone when the output is complete.
 */
export class Staging {
  readonly #libc: Libc;
  readonly #metadata: MetadataWriter;
  readonly #root: number;
  readonly #fd: number;
  #name = STAGING;
  #count = 0;
  #applied = new Float64Array(RECORD * 1024);
  /** 1 for a number whose file is still here. */
  #present = new Uint8Array(1024);
  #file = -1;
  #bytes = 0;
  #aborted = false;
  #pending: Promise<unknown> | undefined;

  constructor(libc: Libc, metadata: MetadataWriter, root: number) {
    this.#libc = libc;
    this.#metadata = metadata;
    this.#root = root;
    check(libc.mkdirat(root, STAGING, 0o700), 'mkdirat', STAGING);
    this.#fd = check(libc.openat(root, STAGING, OPEN_DIRECTORY, 0), 'openat', STAGING);
  }

  /** Descriptor of the directory. */
  get fd(): number {
    return this.#fd;
  }

  /** Data bytes written so far, without holes. */
  get bytesWritten(): number {
    return this.#bytes;
  }

  /** Stores a content under the next number. */
  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    if (!(content instanceof Uint8Array)) return this.#writeStream(content, info);
    const ref = this.#begin(info.placement.path);
    try {
      for (let done = 0; done < content.length; ) {
        done += writeSync(this.#file, content, done, content.length - done, done);
      }
    } catch (error) {
      throw this.#failed(error, info);
    }
    return this.#end(ref, content.length, content.length, info);
  }

  async #writeStream(content: Exclude<Content, Uint8Array>, info: ContentInfo): Promise<ContentRef> {
    const ref = this.#begin(info.placement.path);
    let position = 0;
    let written = 0;
    let holeAtEnd = false;
    try {
      for await (const chunk of content) {
        if (this.#aborted) break;
        holeAtEnd = isHole(chunk);
        if (isHole(chunk)) {
          position += chunk.hole;
          continue;
        }
        for (let done = 0; done < chunk.length && !this.#aborted; ) {
          const rest = chunk.length - done;
          done +=
            rest <= SYNC_BYTES
              ? writeSync(this.#file, chunk, done, rest, position + done)
              : await this.#writeAsync(chunk, done, position + done);
        }
        position += chunk.length;
        written += chunk.length;
      }
      if (this.#aborted) throw new OcirenderError('ERR_OCIRENDER_ABORTED', 'the operation was aborted');
      if (holeAtEnd) ftruncateSync(this.#file, position);
    } catch (error) {
      throw this.#failed(error, info);
    }
    return this.#end(ref, position, written, info);
  }

  async #writeAsync(chunk: Uint8Array, from: number, position: number): Promise<number> {
    const pending = new Promise<number>((resolve, reject) => {
      writeCallback(this.#file, chunk, from, chunk.length - from, position, (error, written) => {
        if (error) reject(error);
        else resolve(written);
      });
    });
    this.#pending = pending;
    return await pending;
  }

  #begin(path: ByteString): ContentRef {
    const ref = this.#count++;
    if (ref >= this.#present.length) this.#grow();
    this.#file = check(this.#libc.openat(this.#fd, String(ref), CREATE_FILE, 0o600), 'openat', path);
    this.#present[ref] = 1;
    return ref;
  }

  #grow(): void {
    const present = new Uint8Array(this.#present.length * GROWTH);
    present.set(this.#present);
    this.#present = present;
    const applied = new Float64Array(this.#applied.length * GROWTH);
    applied.set(this.#applied);
    this.#applied = applied;
  }

  /** Sets the metadata that the file will probably have while it is open, and closes it. */
  #end(ref: ContentRef, size: number, written: number, info: ContentInfo): ContentRef {
    const { metadata } = info.placement;
    try {
      if (size !== info.size) {
        throw new OcirenderError(
          'ERR_OCIRENDER_USAGE',
          `content of ${info.size} bytes announced, ${size} given`,
        );
      }
      // The owner must be able to open it again, and to set attributes.
      const reopenable = (metadata.mode & 0o600) === 0o600 && metadata.xattrs.size === 0;
      const done = reopenable && this.#metadata.tryFile(this.#file, metadata);
      this.#applied[ref * RECORD] = -1;
      if (done) this.#applied.set(numbersOf(metadata), ref * RECORD);
    } catch (error) {
      this.#closeFile();
      throw error;
    }
    // A filesystem that writes late may say only now that there is no room.
    const closed = this.#closeFile();
    if (closed < 0) throw ioError(systemError(closed, 'close'), info.placement.path);
    this.#bytes += written;
    return ref;
  }

  #failed(error: unknown, info: ContentInfo): unknown {
    this.#closeFile();
    const { syscall } = error as NodeJS.ErrnoException;
    return syscall === undefined ? error : ioError(error, info.placement.path);
  }

  #closeFile(): number {
    const result = this.#file >= 0 ? this.#libc.close(this.#file) : 0;
    this.#file = -1;
    return result;
  }

  /** Gives a content's file its final metadata. */
  applyMetadata(ref: ContentRef, metadata: Metadata, path: ByteString): void {
    if (this.#present[ref] !== 1) {
      throw new OcirenderError('ERR_OCIRENDER_USAGE', `content ${ref} was never written, or is used up`);
    }
    if (metadata.xattrs.size === 0 && this.#isApplied(ref, metadata)) return;
    const fd = check(this.#libc.openat(this.#fd, String(ref), OPEN_FILE, 0), 'openat', path);
    try {
      this.#metadata.applyToFd(fd, metadata, path, 'file');
    } finally {
      this.#libc.close(fd);
    }
  }

  #isApplied(ref: ContentRef, metadata: Metadata): boolean {
    const at = ref * RECORD;
    return numbersOf(metadata).every((value, i) => this.#applied[at + i] === value);
  }

  /** Reserves a number for something that the caller makes here: a FIFO, say, that has several names. */
  reserve(): ContentRef {
    const ref = this.#count++;
    if (ref >= this.#present.length) this.#grow();
    this.#present[ref] = 1;
    return ref;
  }

  /** Gives up a number under which nothing could be made. */
  release(ref: ContentRef): void {
    this.#present[ref] = 0;
  }

  /** Notes that the file of a number has moved to its last name. */
  placed(ref: ContentRef): void {
    this.#present[ref] = 0;
  }

  /** Removes the file of a number, which has all its names. */
  discard(ref: ContentRef): void {
    check(this.#libc.unlinkat(this.#fd, String(ref), 0), 'unlinkat', this.#name);
    this.#present[ref] = 0;
  }

  /** Copies a content that two different inodes refer to. */
  copy(ref: ContentRef, inode: FileInode, path: ByteString): ContentRef {
    const source = check(this.#libc.openat(this.#fd, String(ref), OPEN_FILE, 0), 'openat', path);
    const copy = this.#begin(path);
    try {
      copyFile(source, this.#file, inode);
    } catch (error) {
      throw ioError(error, path);
    } finally {
      this.#libc.close(source);
      this.#closeFile();
    }
    this.#applied[copy * RECORD] = -1;
    return copy;
  }

  /** Makes way for an entry of the tree that has this directory's name. */
  avoid(names: ReadonlyMap<ByteString, unknown>): void {
    for (let n = 0; names.has(this.#name); n++) {
      const free = `${STAGING}-${n}`;
      if (names.has(free)) continue;
      check(this.#libc.rename(this.#root, this.#name, this.#root, free), 'renameat2', STAGING);
      this.#name = free;
    }
  }

  /**
   * Removes what nobody wanted, and the directory.
   *
   * @param checkAborted - called now and then; throws when the session is over
   */
  async remove(checkAborted: () => void): Promise<void> {
    let removed = 0;
    for (let ref = 0; ref < this.#count; ref++) {
      if (this.#present[ref] !== 1) continue;
      if (++removed % REMOVALS_PER_TURN === 0) {
        await new Promise(setImmediate);
        checkAborted();
      }
      const result = this.#libc.unlinkat(this.#fd, String(ref), 0);
      if (result !== -constants.errno.ENOENT) check(result, 'unlinkat', this.#name);
    }
    check(this.#libc.unlinkat(this.#root, this.#name, AT_REMOVEDIR), 'unlinkat', this.#name);
  }

  /** Closes everything; a write that is under way ends first: its descriptor must not be reused meanwhile. */
  async close(): Promise<void> {
    this.#aborted = true;
    await this.#pending?.catch(() => {});
    this.#closeFile();
    this.#libc.close(this.#fd);
  }
}

function numbersOf({ mode, uid, gid, mtime, mtimeNs }: Metadata): number[] {
  return [mode, uid, gid, mtime, mtimeNs];
}

/** Copies data and leaves holes where they were. */
function copyFile(source: number, target: number, { size, extents }: FileInode): void {
  const buffer = Buffer.allocUnsafe(Math.min(size, 1024 * 1024));
  for (const { offset, length } of extents ?? [{ offset: 0, length: size }]) {
    for (let at = offset; at < offset + length; ) {
      const read = readSync(source, buffer, 0, Math.min(buffer.length, offset + length - at), at);
      if (read === 0) throw new Error('the staged file is shorter than it was');
      for (let done = 0; done < read; ) done += writeSync(target, buffer, done, read - done, at + done);
      at += read;
    }
  }
  ftruncateSync(target, size);
}
