import type { ContentChunk, ImageNode, Layer, NodeContent } from '@ocirender/interface';
import { ContentReader, type MergeLimits } from '@ocirender/overlay';
import { ContentChannel } from './content-channel.ts';

/** Thrown into a layer's reading when nothing more is wanted of it. */
const ENOUGH = new Error('all contents have been read');

/** Contents by layer, and then by archive member. */
export type WantedContents = ReadonlyMap<number, ReadonlyMap<number, ImageNode>>;

/** Layers of an image that was merged, and what is known of them. */
export interface MergedLayers {
  readonly layers: readonly Layer[];
  readonly limits: Partial<MergeLimits>;
  /** Layers of which only the headers were known: they are read to their ends, so that their digests are checked. */
  readonly unchecked: Set<number>;
}

/**
 * Reads some contents of a merged image, from the newest layer that has one of them to the oldest.
 *
 * @param merged - the layers
 * @param wanted - which contents
 * @param signal - stops it
 * @returns each file with its content
 */
export async function* readAgain(
  merged: MergedLayers,
  wanted: WantedContents,
  signal: AbortSignal | undefined,
): AsyncGenerator<NodeContent> {
  const channel = new ContentChannel();
  const reading = readLayers(merged, wanted, channel, signal).then(
    () => channel.end(undefined),
    (error: unknown) => {
      channel.end(error);
      throw error;
    },
  );
  // Met below, also by who leaves early: a layer that was not checked before may turn out to be wrong.
  reading.catch(() => {});
  try {
    for (let next = await channel.take(); next !== undefined; next = await channel.take()) yield next;
  } finally {
    channel.leave();
    await reading;
  }
}

async function readLayers(
  { layers, limits, unchecked }: MergedLayers,
  wanted: WantedContents,
  channel: ContentChannel,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (wanted.size === 0) return;
  const reader = new ContentReader(limits, signal);
  try {
    for (const index of [...wanted.keys()].sort((a, b) => b - a)) {
      if (channel.isLeft) return;
      const nodes = wanted.get(index)!;
      let left = nodes.size;
      const mayStop = (): boolean => !unchecked.has(index) && (left === 0 || channel.isLeft);
      try {
        await reader.readLayer(layers[index]!, nodes, !unchecked.has(index), async (node, content) => {
          if (mayStop()) throw ENOUGH;
          await channel.offer({ node, content: content instanceof Uint8Array ? whole(content) : content });
          left--;
          if (mayStop()) throw ENOUGH;
        });
      } catch (error) {
        if (error !== ENOUGH) throw error;
      }
      unchecked.delete(index);
    }
  } finally {
    await reader.end();
  }
}

async function* whole(bytes: Uint8Array): AsyncGenerator<ContentChunk> {
  yield bytes;
}
