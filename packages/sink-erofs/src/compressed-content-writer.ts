import {
  type Content,
  type ContentInfo,
  type ContentRef,
  displayPath,
  isHole,
  OcirenderError,
} from '@ocirender/interface';
import type { ContentTable } from './content-table.ts';
import type { ContentWriter } from './content-writer.ts';
import { SEGMENT_SIZE } from './segment-slot.ts';
import type { SegmentWriter } from './segment-writer.ts';

/** What a compressing content writer works with. */
export interface CompressedContentWriterSetup {
  readonly contents: ContentTable;
  readonly segments: SegmentWriter;
  /** Stores what is not compressed: small contents, which stand beside their inodes, and sparse ones. */
  readonly plain: ContentWriter;
  /** Contents of up to so many bytes stand beside their inodes. */
  readonly smallest: number;
}

/** Cuts contents into segments that are compressed. */
export class CompressedContentWriter {
  readonly #setup: CompressedContentWriterSetup;

  constructor(setup: CompressedContentWriterSetup) {
    this.#setup = setup;
  }

  /**
   * Stores one content.
   *
   * @param content - its bytes
   * @param info - size, extents and path
   * @returns its number; a promise only when a thread or a disk is to be waited for
   * @throws {OcirenderError} `ERR_OCIRENDER_USAGE` when the bytes are not as many as announced
   */
  write(content: Content, info: ContentInfo): ContentRef | Promise<ContentRef> {
    const { plain, smallest, segments } = this.#setup;
    const { size } = info;
    const { path } = info.placement;
    if (!Number.isSafeInteger(size) || size <= smallest) return plain.write(content, size, path);
    // Holes are in tables of chunks, which cannot be compressed: the file is written as it is, in its turn.
    const { extents } = info;
    if (extents !== undefined) return segments.settle().then(() => plain.write(content, size, path, extents));
    return this.#writeSegments(content, size, path);
  }

  async #writeSegments(content: Content, size: number, path: string): Promise<ContentRef> {
    const { contents, segments } = this.#setup;
    const wrongSize = (actual: number): OcirenderError =>
      new OcirenderError(
        'ERR_OCIRENDER_USAGE',
        `${displayPath(path)}: the content has ${actual} bytes where ${size} were announced`,
      );
    if (content instanceof Uint8Array && content.length !== size) throw wrongSize(content.length);
    const ref = contents.open(size);
    let taken = 0;
    let end = 0;
    const take = async (length: number, put: (from: number, count: number) => void): Promise<void> => {
      if (taken + length > size) throw wrongSize(taken + length);
      for (let from = 0; from < length; ) {
        if (taken === end) {
          end = Math.min(size, taken + SEGMENT_SIZE);
          const waiting = segments.room(end - taken);
          if (waiting !== undefined) await waiting;
        }
        const count = Math.min(length - from, end - taken);
        put(from, count);
        from += count;
        taken += count;
        if (taken === end) segments.endSegment(taken === size ? ref : undefined);
      }
    };
    const putBytes = (bytes: Uint8Array): Promise<void> =>
      take(bytes.length, (from, count) => segments.put(bytes.subarray(from, from + count)));
    if (content instanceof Uint8Array) {
      await putBytes(content);
      return ref;
    }
    for await (const chunk of content) {
      await (isHole(chunk) ? take(chunk.hole, (_from, count) => segments.zeros(count)) : putBytes(chunk));
    }
    if (taken !== size) throw wrongSize(taken);
    return ref;
  }
}
