import {
  type ContentChunk,
  type Extent,
  FormatError,
  type NodeContent,
  throwIfAborted,
} from '@ocirender/interface';
import type { ArchiveFile } from './archive-file.ts';
import type { TarNode } from './tar-node.ts';

/** Bytes read ahead: the files of an archive are neighbours. */
const WINDOW = 1024 * 1024;

/** Reads the contents of a plain tar by their offsets. */
export class PlainContents {
  readonly #file: ArchiveFile;
  readonly #signal: AbortSignal | undefined;
  /** The part of the file at hand. */
  #buffer: Buffer | undefined;
  #start = 0;
  #end = 0;

  /**
   * @param file - an uncompressed archive
   * @param signal - stops the reading
   */
  constructor(file: ArchiveFile, signal: AbortSignal | undefined) {
    this.#file = file;
    this.#signal = signal;
  }

  /**
   * Reads a file.
   *
   * @param node - the file
   * @param start - first byte
   * @param end - the byte after the last, at most the file's size
   * @returns its bytes and holes
   */
  async *read(node: TarNode, start: number, end: number): AsyncGenerator<ContentChunk> {
    const extents: readonly Extent[] = node.extents ?? [{ offset: 0, length: node.size }];
    let at = start;
    let stored = node.offset;
    for (const { offset, length } of extents) {
      if (at >= end) return;
      const over = Math.min(offset + length, end);
      if (over > at && offset < end) {
        if (offset > at) yield { hole: offset - at };
        at = Math.max(at, offset);
        while (at < over) {
          const bytes = await this.#at(stored + at - offset, over - at, node.size);
          yield bytes;
          at += bytes.length;
        }
      }
      stored += length;
    }
    if (at < end) yield { hole: end - at };
  }

  /**
   * Reads files in the order in which they lie.
   *
   * @param nodes - the files
   * @returns each with its content
   */
  async *readAll(nodes: Iterable<TarNode>): AsyncGenerator<NodeContent> {
    for (const node of [...nodes].sort((a, b) => a.offset - b.offset)) {
      yield { node, content: this.read(node, 0, node.size) };
    }
  }

  /** At least one byte from a place of the archive, at most as many as are wanted. */
  async #at(position: number, length: number, size: number): Promise<Uint8Array> {
    if (position < this.#start || position >= this.#end) {
      throwIfAborted(this.#signal);
      // A file that is read by itself needs no more than it has.
      this.#buffer ??= Buffer.allocUnsafe(Math.min(WINDOW, Math.max(size, 64 * 1024)));
      this.#start = position;
      this.#end = position;
      this.#end += await this.#file.read(this.#buffer, position);
      if (this.#end === position) {
        throw new FormatError(`${this.#file.path} ends where there was more when it was opened`, position, {
          code: 'ERR_OCIRENDER_TRUNCATED',
          hint: 'Something changes the file while it is read.',
        });
      }
    }
    const from = position - this.#start;
    return this.#buffer!.subarray(from, Math.min(from + length, this.#end - this.#start));
  }
}
