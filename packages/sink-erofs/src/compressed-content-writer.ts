import {
  type Content,
  type ContentInfo,
  type ContentRef,
  displayPath,
  expandHoles,
  isHole,
  type KeptWork,
  OcirenderError,
  type WorkRecorder,
} from '@ocirender/interface';
import type { ContentTable } from './content-table.ts';
import type { ContentWriter } from './content-writer.ts';
import { type KeptContent, KeptContents } from './kept-contents.ts';
import { RawRecorder, spread } from './raw-recorder.ts';
import { SEGMENT_SIZE } from './segment-slot.ts';
import type { SegmentWriter } from './segment-writer.ts';

/** Of a content that is not stored: nobody refers to it. */
const NO_REF: ContentRef = 0;

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
  readonly #kept = new KeptContents();
  readonly #raw = new RawRecorder();

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
    const { size, layer, member } = info;
    const kept = this.#kept.get(layer, member, size);
    if (kept !== undefined) return this.#writeKept(kept, info);
    const { path } = info.placement;
    const recorder = layer?.recorder;
    if (!Number.isSafeInteger(size) || size <= smallest) {
      return recorder === undefined
        ? plain.write(content, size, path)
        : this.#writeRecorded(content, info, recorder);
    }
    // Holes are in tables of chunks, which cannot be compressed: the file is written as it is, in its turn.
    const { extents } = info;
    if (extents === undefined) return this.#writeSegments(content, info);
    // It would have to be read through for nothing but the cache.
    if (info.isSpare === true) return NO_REF;
    return segments.settle().then(() => {
      const isRecorded = recorder !== undefined && !(content instanceof Uint8Array);
      const passing = isRecorded ? this.#raw.pass(recorder, member as number, content) : content;
      return plain.write(passing, size, path, extents);
    });
  }

  /** Stores a small content, and records it. */
  async #writeRecorded(content: Content, info: ContentInfo, recorder: WorkRecorder): Promise<ContentRef> {
    const { size, placement, member } = info;
    const bytes = content instanceof Uint8Array ? content : await wholeOf(content);
    const ref = info.isSpare === true ? NO_REF : await this.#setup.plain.write(bytes, size, placement.path);
    await this.#raw.record(recorder, member as number, bytes);
    return ref;
  }

  #writeKept(content: KeptContent, info: ContentInfo): ContentRef | Promise<ContentRef> {
    const { contents, plain, smallest, segments } = this.#setup;
    const { size, extents, placement } = info;
    const { kept } = content;
    if (content.kind === 'segments') return this.#writeKeptSegments(content.items, kept, size);
    const isSmall = size <= smallest;
    const stored = kept.item(content.item).size;
    const data = isSmall ? size : (extents?.reduce((sum, { length }) => sum + length, 0) ?? size);
    if (stored !== data) throw kept.reject('a content has a wrong size', content.item);
    if (extents === undefined && !isSmall) {
      const ref = contents.open(size);
      const put = (): ContentRef => {
        segments.putKept(kept, content.item, ref, true);
        return ref;
      };
      const waiting = segments.keptRoom();
      return waiting === undefined ? put() : waiting.then(put);
    }
    const bytes = Buffer.allocUnsafe(stored);
    kept.read(content.item, bytes);
    if (isSmall) return plain.write(bytes, size, placement.path);
    return segments.settle().then(() => plain.write(spread(bytes, info), size, placement.path, extents));
  }

  async #writeKeptSegments(items: readonly number[], kept: KeptWork, size: number): Promise<ContentRef> {
    const { contents, segments } = this.#setup;
    const ref = contents.open(size);
    for (const [number, item] of items.entries()) {
      await segments.keptRoom();
      segments.putKept(kept, item, number === items.length - 1 ? ref : undefined, false);
    }
    return ref;
  }

  async #writeSegments(content: Content, info: ContentInfo): Promise<ContentRef> {
    const { size, placement, layer, member = 0, isSpare = false } = info;
    const { contents, segments } = this.#setup;
    const wrongSize = (actual: number): OcirenderError =>
      new OcirenderError(
        'ERR_OCIRENDER_USAGE',
        `${displayPath(placement.path)}: the content has ${actual} bytes where ${size} were announced`,
      );
    if (content instanceof Uint8Array && content.length !== size) throw wrongSize(content.length);
    const ref = isSpare ? NO_REF : contents.open(size);
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
        if (taken !== end) continue;
        const number = Math.ceil(taken / SEGMENT_SIZE) - 1;
        const isLast = taken === size;
        const origin = { recorder: layer?.recorder, member, number, isLast, isSpare };
        segments.endSegment(isLast && !isSpare ? ref : undefined, origin);
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

/** Gathers a small content. */
async function wholeOf(content: Exclude<Content, Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of expandHoles(content)) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}
