import type { ByteString } from '@ocirender/interface';
import { parentPath } from './path.ts';

/**
 * Answers "does a test hold for some directory above this path?". Remembers the answer for the last parent,
 * since archives list siblings one after the other.
 */
export class AncestorMemo {
  #parent: ByteString | undefined;
  #answer = false;
  readonly #test: (directory: ByteString) => boolean;

  /**
   * @param test - asked for each proper ancestor except the root
   */
  constructor(test: (directory: ByteString) => boolean) {
    this.#test = test;
  }

  /**
   * @param path - a canonical path
   * @returns true when the test holds for a proper ancestor (the root excluded)
   */
  some(path: ByteString): boolean {
    const parent = parentPath(path);
    if (parent !== this.#parent) {
      this.#parent = parent;
      this.#answer = false;
      for (let at = parent; at !== '' && !this.#answer; at = parentPath(at)) this.#answer = this.#test(at);
    }
    return this.#answer;
  }

  /** Forgets the last answer: the test's ground has changed. */
  clear(): void {
    this.#parent = undefined;
  }
}
