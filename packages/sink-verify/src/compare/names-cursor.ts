import type { WalkedName } from '@ocirender/interface';
import type { Exclusions } from './exclusions.ts';

/** Goes through one image's names, without those that are left out. */
export class NamesCursor {
  readonly #batches: AsyncIterator<readonly WalkedName[]>;
  readonly #exclusions: Exclusions;
  readonly #side: 'subject' | 'reference';
  #batch: readonly WalkedName[] = [];
  #next = 0;
  /** Beginning of the paths below a directory that is left out. */
  #skipped: string | undefined;
  /** The name the cursor stands on; undefined at the end. */
  current: WalkedName | undefined;
  /** Names so far. */
  count = 0;

  /**
   * @param names - an image's names
   * @param exclusions - what is left out
   * @param side - whose names they are
   */
  constructor(
    names: AsyncIterable<readonly WalkedName[]>,
    exclusions: Exclusions,
    side: 'subject' | 'reference',
  ) {
    this.#batches = names[Symbol.asyncIterator]();
    this.#exclusions = exclusions;
    this.#side = side;
  }

  /**
   * Goes to the next name that was read already.
   *
   * @returns false when {@link NamesCursor.refill} must be waited for
   */
  advance(): boolean {
    while (this.#next < this.#batch.length) {
      const name = this.#batch[this.#next++]!;
      if (this.#isLeftOut(name)) continue;
      this.current = name;
      this.count++;
      return true;
    }
    return false;
  }

  /** Reads on and goes to the next name, or to the end. */
  async refill(): Promise<void> {
    do {
      const { done, value } = await this.#batches.next();
      if (done === true) {
        this.current = undefined;
        return;
      }
      this.#batch = value;
      this.#next = 0;
    } while (!this.advance());
  }

  /** Lets go of the image when a comparison ends early. */
  async close(): Promise<void> {
    await this.#batches.return?.();
  }

  #isLeftOut({ path, node }: WalkedName): boolean {
    if (this.#skipped !== undefined && path.startsWith(this.#skipped)) return true;
    const reason = this.#exclusions.reason(path);
    if (reason === undefined) return false;
    this.#skipped = node.type === 'directory' ? `${path}/` : undefined;
    this.#exclusions.note(path, this.#side, reason);
    return true;
  }
}
