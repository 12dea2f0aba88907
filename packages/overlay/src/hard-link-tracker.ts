import type { ByteString, Metadata } from '@ocirender/interface';

/** A hard link of a newer layer that waits for its target. */
export interface PendingLink {
  /** The link's own canonical path: a name under which the target's contents survive. */
  readonly path: ByteString;
  /** The link entry's metadata: it is applied to the shared inode. */
  readonly metadata: Metadata;
}

/**
 * Knows which paths hard links of newer layers point to, while layers are scanned newest first: such a file's
 * contents are needed even when its own name is hidden.
 *
 * A link binds to the newest entry of its target's name at or below the link's own layer, so an entry of that name
 * settles the links of newer layers once its layer ends.
 */
export class HardLinkTracker {
  readonly #links = new Map<ByteString, PendingLink>();
  #bound = new Set<ByteString>();
  #pending = new Map<ByteString, PendingLink>();

  /**
   * Takes a hard link of the current layer whose own name is visible (or needed by another link).
   *
   * @param target - canonical path that it points to
   * @param link - the link's own name and metadata
   */
  link(target: ByteString, link: PendingLink): void {
    if (!this.#pending.has(target)) this.#pending.set(target, link);
  }

  /**
   * Takes an entry or whiteout of the current layer: links of newer layers to this name end here.
   *
   * @param path - its canonical path
   */
  bind(path: ByteString): void {
    if (this.#links.has(path)) this.#bound.add(path);
  }

  /** Ends the current layer. */
  endLayer(): void {
    for (const path of this.#bound) this.#links.delete(path);
    for (const [target, link] of this.#pending) this.#links.set(target, link);
    this.#bound = new Set();
    this.#pending = new Map();
  }

  /**
   * @param path - canonical path of an entry of the current layer
   * @returns the link of a newer layer, or an earlier one of this layer, that needs this entry; undefined for none
   */
  linkTo(path: ByteString): PendingLink | undefined {
    return this.#links.get(path) ?? this.#pending.get(path);
  }
}
