import type { Content, ContentInfo, WorkRecorder } from '@ocirender/interface';
import { isHole } from '@ocirender/interface';
import { ITEM_KIND } from './kept-contents.ts';

/** Bytes that are gathered before they are written. */
const CHUNK = 256 * 1024;

/** Records contents that are stored as they are. */
export class RawRecorder {
  #chunk = Buffer.alloc(0);
  #fill = 0;

  /**
   * Records a content.
   *
   * @param recorder - of its layer
   * @param member - index of the archive member
   * @param bytes - all of it; free when this returns
   * @returns a promise when a disk is to be waited for
   */
  record(recorder: WorkRecorder, member: number, bytes: Uint8Array): undefined | Promise<void> {
    const isFull = this.#append(recorder, bytes);
    recorder.end([member], [ITEM_KIND.raw]);
    return isFull ? recorder.settle() : undefined;
  }

  /**
   * Records a content while it passes. Nothing else may be recorded meanwhile.
   *
   * @param recorder - of its layer
   * @param member - index of the archive member
   * @param content - its chunks
   * @returns the same chunks
   */
  async *pass(
    recorder: WorkRecorder,
    member: number,
    content: Exclude<Content, Uint8Array>,
  ): AsyncGenerator<Uint8Array | { hole: number }> {
    for await (const chunk of content) {
      if (!isHole(chunk) && this.#append(recorder, chunk)) await recorder.settle();
      yield chunk;
    }
    recorder.end([member], [ITEM_KIND.raw]);
  }

  /** Copies bytes; tells whether it is time to write them. */
  #append(recorder: WorkRecorder, bytes: Uint8Array): boolean {
    let isFull = false;
    if (this.#fill + bytes.length > this.#chunk.length) {
      // What the recorder still has of the old one stays as it is.
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK, bytes.length));
      this.#fill = 0;
      isFull = true;
    }
    this.#chunk.set(bytes, this.#fill);
    recorder.append(this.#chunk.subarray(this.#fill, this.#fill + bytes.length));
    this.#fill += bytes.length;
    return isFull;
  }
}

/**
 * Gives a sparse content from its data.
 *
 * @param data - of all extents
 * @param info - size and extents
 */
export async function* spread(
  data: Uint8Array,
  { size, extents = [] }: ContentInfo,
): AsyncGenerator<Uint8Array | { hole: number }> {
  let at = 0;
  let from = 0;
  for (const { offset, length } of extents) {
    if (offset > at) yield { hole: offset - at };
    yield data.subarray(from, from + length);
    from += length;
    at = offset + length;
  }
  if (size > at) yield { hole: size - at };
}
