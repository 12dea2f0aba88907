import type { ByteString } from '@ocirender/interface';
import { parentPath } from './path.ts';

/** Deeper directories are not asked about: a path of a thousand components would cost milliseconds. */
const MAX_ANCESTORS = 64;

/**
 * Answers "does a test hold for some directory above this path?". Remembers the answer for the last parent,
 * since archives list siblings one after the other. Whoever asks must not need a yes: below the first 64 components
 * there is none.
 */
export class AncestorMemo {
  #parent: ByteString | undefined;
  #answer = false;
  readonly #test: (directory: ByteString) => boolean;

  /**
   * @param test - asked for proper ancestors, the root excluded, from the top
   */
  constructor(test: (directory: ByteString) => boolean) {
    this.#test = test;
  }

  /**
   * @param path - a canonical path
   * @returns true when the test holds for one of the topmost proper ancestors
   */
  some(path: ByteString): boolean {
    const parent = parentPath(path);
    if (parent !== this.#parent) {
      this.#parent = parent;
      this.#answer = this.#askFor(parent);
    }
    return this.#answer;
  }

  #askFor(parent: ByteString): boolean {
    if (parent === '') return false;
    let end = 0;
    for (let asked = 0; asked < MAX_ANCESTORS && end !== -1; asked++) {
      end = parent.indexOf('/', end + 1);
      if (this.#test(end === -1 ? parent : parent.slice(0, end))) return true;
    }
    return false;
  }

  /** Forgets the last answer: the test's ground has changed. */
  clear(): void {
    this.#parent = undefined;
  }
}
