import type { ByteString } from '@ocirender/interface';
import { AncestorMemo } from './ancestor-memo.ts';

/**
 * Knows what the whiteouts and opaque markers of newer layers hide, while layers are scanned newest first.
 *
 * A layer's own markers do not act on itself: they count from {@link endLayer} on.
 *
 * @example
 * ```ts
 * const tracker = new WhiteoutTracker();
 * tracker.whiteout('etc/motd');
 * tracker.hides('etc/motd'); // false: same layer
 * tracker.endLayer();
 * tracker.hides('etc/motd'); // true
 * ```
 */
export class WhiteoutTracker {
  readonly #whiteouts = new Set<ByteString>();
  readonly #opaque = new Set<ByteString>();
  #pendingWhiteouts: ByteString[] = [];
  #pendingOpaque: ByteString[] = [];
  readonly #above = new AncestorMemo((path) => this.#whiteouts.has(path) || this.#opaque.has(path));

  /**
   * Takes a whiteout of the current layer.
   *
   * @param path - what it hides, canonical
   */
  whiteout(path: ByteString): void {
    this.#pendingWhiteouts.push(path);
  }

  /**
   * Takes an opaque marker of the current layer.
   *
   * @param directory - the directory that it is in, canonical; empty for the root
   */
  opaque(directory: ByteString): void {
    this.#pendingOpaque.push(directory);
  }

  /** Ends the current layer: its markers act on the layers that follow (older ones). */
  endLayer(): void {
    for (const path of this.#pendingWhiteouts) this.#whiteouts.add(path);
    for (const path of this.#pendingOpaque) this.#opaque.add(path);
    this.#pendingWhiteouts = [];
    this.#pendingOpaque = [];
    this.#above.clear();
  }

  /**
   * @param path - canonical path of an entry of the current layer
   * @returns true when a newer layer's marker hides it under this spelling
   */
  hides(path: ByteString): boolean {
    if (this.#whiteouts.size === 0 && this.#opaque.size === 0) return false;
    return this.#opaque.has('') || this.#whiteouts.has(path) || this.#above.some(path);
  }
}
