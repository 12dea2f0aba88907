import { type Inode, type Layer, type Tree, TreeWalk } from '@ocirender/interface';
import { type ContentDigests, contentPlace, type LayerMemory, layerKey } from '@ocirender/overlay';
import type { DigestSession } from './digest-session.ts';

/** What contents hash to that were read before. */
export class KnownDigests {
  readonly #layers: readonly ContentDigests[];

  private constructor(layers: readonly ContentDigests[]) {
    this.#layers = layers;
  }

  /**
   * Looks up the layers of an image.
   *
   * @param layers - of the image
   * @param cache - where to
   * @param sameBlob - whether the digests must have been read of these very blobs
   * @returns undefined unless something is known of each
   */
  static async find(
    layers: readonly Layer[],
    cache: LayerMemory,
    sameBlob: boolean,
  ): Promise<KnownDigests | undefined> {
    const found: ContentDigests[] = [];
    for (const layer of layers) {
      const key = layerKey(layer);
      const digests = key === undefined ? undefined : await cache.findDigests(key, sameBlob);
      if (digests === undefined) return undefined;
      found.push(digests);
    }
    return new KnownDigests(found);
  }

  /**
   * @param inode - of the merged tree
   * @returns the SHA-256 of its content in hexadecimal; undefined when it has none, or it is not known
   */
  get(inode: Inode): string | undefined {
    const place = contentPlace(inode);
    return place === undefined ? undefined : this.#layers[place.layer]!.get(place.record);
  }

  /** Tells whether all contents of a tree are known: of a layer that another image hid more of, they are not. */
  cover(tree: Tree): boolean {
    const walk = new TreeWalk(tree);
    while (walk.next()) {
      if (contentPlace(walk.inode) !== undefined && this.get(walk.inode) === undefined) return false;
    }
    return true;
  }
}

/**
 * Keeps what the contents of a merged image hash to, for those that merge one of its layers again.
 *
 * @param tree - the merged tree
 * @param layers - whose digests were all right
 * @param session - has hashed the contents
 * @param cache - where they are kept
 */
export async function keepDigests(
  tree: Tree,
  layers: readonly Layer[],
  session: DigestSession,
  cache: LayerMemory,
): Promise<void> {
  const digests = layers.map(() => new Map<number, string>());
  const walk = new TreeWalk(tree);
  while (walk.next()) {
    const { inode } = walk;
    const place = contentPlace(inode);
    if (place === undefined || inode.type !== 'file' || inode.content === undefined) continue;
    const digest = session.digest(inode.content);
    if (digest !== undefined) digests[place.layer]!.set(place.record, digest);
  }
  for (const [index, layer] of layers.entries()) {
    const key = layerKey(layer);
    // Also of a layer without contents, or with none that shows: that much is known of it.
    if (key !== undefined) await cache.keepDigests(key, digests[index]!);
  }
}
