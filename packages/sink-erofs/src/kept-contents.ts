import type { KeptWork, SourceLayer } from '@ocirender/interface';

/**
 * What is recorded of contents: first word of an item.
 *
 * - `segment`: a compressed segment of one content. Further words: its number, and for each extent its bytes and its blocks (0 = one
 *   block that holds the bytes as they are).
 * - `raw`: one content that is not compressed, its data only when it is sparse.
 */
export const ITEM_KIND = { segment: 0, raw: 1 } as const;

const BLOCK_SIZE = 4096;

/** A content that was stored before. */
export type KeptContent =
  | { readonly kind: 'raw'; readonly kept: KeptWork; readonly item: number }
  | { readonly kind: 'segments'; readonly kept: KeptWork; readonly items: readonly number[] };

/** Contents of the layers that were stored before, by archive member. */
export class KeptContents {
  readonly #layers = new Map<SourceLayer, Map<number, KeptContent>>();

  /**
   * Looks a content up.
   *
   * @param layer - that it comes from
   * @param member - index of the archive member
   * @param size - bytes that it has
   * @returns undefined when it is not kept
   * @throws what `kept.reject` gives, when that makes no sense
   */
  get(layer: SourceLayer | undefined, member: number | undefined, size: number): KeptContent | undefined {
    if (layer?.kept === undefined || member === undefined || !layer.kept.has(member)) return undefined;
    let contents = this.#layers.get(layer);
    if (contents === undefined) {
      contents = contentsOf(layer.kept);
      this.#layers.set(layer, contents);
    }
    const content = contents.get(member);
    if (content === undefined) throw layer.kept.reject('a content is missing');
    if (content.kind === 'segments') checkSegments(content.kept, content.items, size);
    return content;
  }
}

function contentsOf(kept: KeptWork): Map<number, KeptContent> {
  const raw = new Map<number, KeptContent>();
  const segments = new Map<number, number[]>();
  for (let item = 0; item < kept.count; item++) {
    const { members, words } = kept.item(item);
    const [member] = members;
    if (member === undefined) throw kept.reject('an item is of no content');
    if (words[0] === ITEM_KIND.raw) raw.set(member, { kind: 'raw', kept, item });
    else if (words[0] === ITEM_KIND.segment) {
      const items = segments.get(member) ?? [];
      // Of another file that has the content, too, the same comes once more.
      if (words[1] === items.length) segments.set(member, [...items, item]);
    } else throw kept.reject('an item is of an unknown kind');
  }
  for (const [member, items] of segments) raw.set(member, { kind: 'segments', kept, items });
  return raw;
}

/** Makes sure that segments are those of a content of so many bytes. */
function checkSegments(kept: KeptWork, items: readonly number[], size: number): void {
  let bytes = 0;
  for (const index of items) {
    const { words, size: stored } = kept.item(index);
    let blocks = 0;
    for (let i = 2; i < words.length; i += 2) {
      bytes += words[i] as number;
      blocks += Math.max(words[i + 1] ?? 0, 1);
    }
    if (words.length % 2 !== 0 || stored !== blocks * BLOCK_SIZE)
      throw kept.reject('a segment has a wrong number of blocks');
  }
  if (bytes !== size) throw kept.reject('a content has a wrong size');
}
