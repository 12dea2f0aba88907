import { closeSync, constants, openSync, readSync } from 'node:fs';
import {
  type ContentChunk,
  type NodeContent,
  type OcirenderError,
  throwIfAborted,
} from '@ocirender/interface';
import { OPEN_FILE } from '../format.ts';
import type { DirNode } from './dir-node.ts';
import { withPath } from './long-path.ts';
import { readError } from './read-error.ts';
import { Turns } from './turns.ts';

const CHUNK = 1024 * 1024;

/** Reads files by system calls that wait: for the many small ones of an image a promise each would cost more. */
export class FileContents {
  readonly #root: string;
  readonly #signal: AbortSignal | undefined;
  readonly #turns = new Turns();
  #buffer: Buffer | undefined;

  /**
   * @param root - path of the tree
   * @param signal - stops the reading
   */
  constructor(root: string, signal: AbortSignal | undefined) {
    this.#root = root;
    this.#signal = signal;
  }

  /**
   * Reads a file.
   *
   * @param node - the file
   * @param start - first byte
   * @param end - the byte after the last, at most the file's size
   * @returns its bytes
   * @throws {OcirenderError} `ERR_OCIRENDER_IO` when it cannot be read, or is no longer what it was
   */
  async *read(node: DirNode, start: number, end: number): AsyncGenerator<ContentChunk> {
    if (start >= end) return;
    // One byte more than there should be shows a file that has grown.
    const most = end === node.size ? end + 1 : end;
    this.#buffer ??= Buffer.allocUnsafe(Math.min(CHUNK, Math.max(64 * 1024, node.size + 1)));
    const fd = this.#open(node);
    try {
      for (let at = start; at < end; ) {
        throwIfAborted(this.#signal);
        if (this.#turns.isOver) await this.#turns.pass();
        const bytes = this.#fill(fd, node, Math.min(most - at, this.#buffer.length), at);
        if (bytes === 0 || at + bytes > end) throw changed(node);
        at += bytes;
        yield this.#buffer.subarray(0, bytes);
      }
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Reads files in the order given.
   *
   * @param nodes - the files
   * @returns each with its content
   */
  async *readAll(nodes: Iterable<DirNode>): AsyncGenerator<NodeContent> {
    this.#buffer ??= Buffer.allocUnsafe(CHUNK);
    for (const node of nodes) yield { node, content: this.read(node, 0, node.size) };
  }

  #open(node: DirNode): number {
    try {
      return withPath(this.#root, node.path, openQuietly);
    } catch (error) {
      throw readError(error, node.path);
    }
  }

  #fill(fd: number, node: DirNode, length: number, at: number): number {
    try {
      return readSync(fd, this.#buffer!, 0, length, at);
    } catch (error) {
      throw readError(error, node.path);
    }
  }
}

/** Opens without setting the access time, where the file belongs to this user. */
function openQuietly(path: Buffer): number {
  try {
    return openSync(path, OPEN_FILE | constants.O_NOATIME);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    return openSync(path, OPEN_FILE);
  }
}

function changed(node: DirNode): OcirenderError {
  return readError(new Error(`it no longer has the ${node.size} bytes that it had`), node.path);
}
