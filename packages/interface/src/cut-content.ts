import { type ContentChunk, isHole } from './content.ts';

/**
 * Gives a part of a content that comes from its start.
 *
 * @param content - the whole
 * @param start - first byte wanted
 * @param end - the byte after the last; nothing after it is asked for
 * @returns the part
 */
export async function* cutContent(
  content: AsyncIterable<ContentChunk>,
  start: number,
  end: number,
): AsyncGenerator<ContentChunk> {
  let skip = start;
  let left = end - start;
  for await (const chunk of content) {
    const size = isHole(chunk) ? chunk.hole : chunk.length;
    const from = Math.min(skip, size);
    const taken = Math.min(size - from, left);
    skip -= from;
    left -= taken;
    if (taken > 0) yield isHole(chunk) ? { hole: taken } : chunk.subarray(from, from + taken);
    if (left <= 0) return;
  }
}
