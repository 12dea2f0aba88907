import { type ContentChunk, type Entry, FormatError } from '@ocirender/interface';
import type { LayerStream } from './layer-stream.ts';

/** Contents of up to this many bytes are handed to the sink whole. */
export const WHOLE_CONTENT_BYTES: number = 512 * 1024;

/**
 * Gives the content of the entry that a layer stream has just announced: whole when it is small, else as a stream.
 * Whatever the consumer leaves unread comes as the layer's next events.
 *
 * @param layer - positioned behind the `entry` event of a file with a size above 0
 * @param entry - that entry
 * @returns all bytes (a view that lives until the next content), or the stream of chunks
 */
export function contentOf(
  layer: LayerStream,
  entry: Entry,
): Uint8Array | Promise<Uint8Array> | AsyncIterable<ContentChunk> {
  if (entry.size > WHOLE_CONTENT_BYTES || entry.extents !== undefined) return streamContent(layer);
  const event = layer.poll();
  if (event?.type === 'data' && event.bytes.length === entry.size) return event.bytes;
  return gather(layer, layer.scratch(entry.size), event?.type === 'data' ? event.bytes : undefined);
}

async function gather(
  layer: LayerStream,
  whole: Uint8Array,
  head: Uint8Array | undefined,
): Promise<Uint8Array> {
  let filled = 0;
  if (head !== undefined) {
    whole.set(head);
    filled = head.length;
  }
  while (filled < whole.length) {
    const event = layer.poll();
    if (event === undefined) await more(layer);
    else if (event.type === 'data') {
      whole.set(event.bytes, filled);
      filled += event.bytes.length;
    }
  }
  return whole;
}

async function* streamContent(layer: LayerStream): AsyncGenerator<ContentChunk> {
  for (;;) {
    const event = layer.poll();
    if (event === undefined) await more(layer);
    else if (event.type === 'data') yield event.bytes;
    else if (event.type === 'hole') yield { hole: event.length };
    else if (event.type === 'end-of-entry') return;
  }
}

async function more(layer: LayerStream): Promise<void> {
  if (await layer.fill()) return;
  throw new FormatError('the layer ends inside a file', layer.tarBytes, { code: 'ERR_OCIRENDER_TRUNCATED' });
}
