import type { ByteString } from '@ocirender/interface';
import { AncestorMemo } from './ancestor-memo.ts';

/**
 * Knows which paths newer layers hold, while layers are scanned newest first: an older file of the same path, or
 * below what is no directory any more, cannot be seen under its own name.
 *
 * A layer's own entries do not hide each other: they count from {@link endLayer} on.
 */
export class EmittedPathTracker {
  readonly #nonDirectories = new Set<ByteString>();
  readonly #directories = new Set<ByteString>();
  #pendingNonDirectories: ByteString[] = [];
  #pendingDirectories: ByteString[] = [];
  readonly #above = new AncestorMemo((path) => this.#nonDirectories.has(path));

  /**
   * Takes an entry of the current layer.
   *
   * @param path - its canonical path
   * @param directory - whether it is a directory
   */
  add(path: ByteString, directory: boolean): void {
    (directory ? this.#pendingDirectories : this.#pendingNonDirectories).push(path);
  }

  /** Ends the current layer: its entries act on the layers that follow (older ones). */
  endLayer(): void {
    for (const path of this.#pendingNonDirectories) this.#nonDirectories.add(path);
    for (const path of this.#pendingDirectories) this.#directories.add(path);
    this.#pendingNonDirectories = [];
    this.#pendingDirectories = [];
    this.#above.clear();
  }

  /**
   * @param path - canonical path of a non-directory of the current layer
   * @returns true when a newer layer's entry takes its place under this spelling
   */
  hides(path: ByteString): boolean {
    if (this.#nonDirectories.size === 0 && this.#directories.size === 0) return false;
    return this.#nonDirectories.has(path) || this.#directories.has(path) || this.#above.some(path);
  }
}
