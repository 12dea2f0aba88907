import type { ContentRef } from '@ocirender/interface';

/**
 * Knows from which layers contents came.
 *
 * The engine gives contents to a session in an order that depends on the layers from the newest to the one at hand
 * and on nothing else: whoever merges the same layers again gets them under the same numbers. Contents that it
 * reads again at the end of a merge come then only.
 */
export class LayerRefs {
  readonly #starts: { readonly ref: ContentRef; readonly layer: number }[] = [];
  #again: ContentRef = Number.POSITIVE_INFINITY;

  /**
   * Begins a layer.
   *
   * @param layer - its place in the manifest
   * @param ref - of the next content
   */
  start(layer: number, ref: ContentRef): void {
    this.#starts.push({ ref, layer });
  }

  /**
   * Begins the contents that are read again.
   *
   * @param ref - of the next content
   */
  startAgain(ref: ContentRef): void {
    this.#again = ref;
  }

  /**
   * @param refs - of contents
   * @returns the oldest layer that must be read to meet them all, when layers are merged from the newest on
   */
  oldest(refs: Iterable<ContentRef>): number {
    let last = 0;
    for (const ref of refs) last = Math.max(last, ref);
    if (last >= this.#again) return 0;
    return this.#starts.findLast(({ ref }) => ref <= last)?.layer ?? 0;
  }
}
