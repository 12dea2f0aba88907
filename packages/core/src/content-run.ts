import type {
  Content,
  ContentChunk,
  ContentRef,
  ImageNode,
  Layer,
  NodeContent,
  SinkReport,
  SinkSession,
} from '@ocirender/interface';
import { mergeLayers } from '@ocirender/overlay';
import { ContentChannel } from './content-channel.ts';
import type { MergeChoices } from './merged-options.ts';

/** Thrown into a merge when nothing more is wanted of it. */
const ENOUGH = new Error('all contents have been read');

/**
 * Merges layers again for some of their contents.
 *
 * @param layers - all those of the image from the oldest that is needed
 * @param choices - as in the first merge
 * @param wanted - by the refs of the first merge
 * @param signal - stops it
 * @returns each file with its content, in the engine's order
 */
export async function* readAgain(
  layers: readonly Layer[],
  choices: MergeChoices,
  wanted: ReadonlyMap<ContentRef, ImageNode>,
  signal: AbortSignal | undefined,
): AsyncGenerator<NodeContent> {
  if (wanted.size === 0) return;
  const channel = new ContentChannel();
  const merging = mergeLayers({
    ...choices,
    layers,
    openSession: () => Promise.resolve(new PickingSession(wanted, channel)),
    ...(signal === undefined ? {} : { signal }),
  }).then(
    () => channel.end(undefined),
    (error: unknown) => channel.end(error === ENOUGH ? undefined : error),
  );
  try {
    for (let next = await channel.take(); next !== undefined; next = await channel.take()) yield next;
  } finally {
    channel.leave();
    await merging;
  }
}

/** Holds a merge at each content that is wanted until that has been read, and ends it after the last. */
class PickingSession implements SinkSession {
  readonly placement = 'any';
  readonly #wanted: ReadonlyMap<ContentRef, ImageNode>;
  readonly #channel: ContentChannel;
  #left: number;
  #count = 0;

  constructor(wanted: ReadonlyMap<ContentRef, ImageNode>, channel: ContentChannel) {
    this.#wanted = wanted;
    this.#channel = channel;
    this.#left = wanted.size;
  }

  write(content: Content): ContentRef | Promise<ContentRef> {
    if (this.#channel.isLeft) throw ENOUGH;
    const ref = this.#count++;
    const node = this.#wanted.get(ref);
    return node === undefined ? ref : this.#give(ref, node, content);
  }

  finish(): Promise<SinkReport> {
    return Promise.resolve({ bytesWritten: 0, details: {} });
  }

  abort(): Promise<void> {
    return Promise.resolve();
  }

  async #give(ref: ContentRef, node: ImageNode, content: Content): Promise<ContentRef> {
    await this.#channel.offer({ node, content: content instanceof Uint8Array ? whole(content) : content });
    this.#left--;
    if (this.#left === 0 || this.#channel.isLeft) throw ENOUGH;
    return ref;
  }
}

async function* whole(bytes: Uint8Array): AsyncGenerator<ContentChunk> {
  yield bytes;
}
