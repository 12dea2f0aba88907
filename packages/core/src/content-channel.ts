import type { NodeContent } from '@ocirender/interface';

/** Hands contents, one at a time, from who is called with them to who asks for them. */
export class ContentChannel {
  #item: NodeContent | undefined;
  #wake: (() => void) | undefined;
  #release: (() => void) | undefined;
  #isOver = false;
  #isLeft = false;
  #error: unknown;

  /** Whether nobody asks any more. */
  get isLeft(): boolean {
    return this.#isLeft;
  }

  /**
   * Offers a content.
   *
   * @param item - valid until the promise settles
   * @returns settles when the next one is asked for, or none any more
   */
  offer(item: NodeContent): Promise<void> {
    if (this.#isLeft) return Promise.resolve();
    this.#item = item;
    this.#wake?.();
    return new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /**
   * Ends the offers.
   *
   * @param error - what went wrong, if anything
   */
  end(error: unknown): void {
    this.#isOver = true;
    this.#error = error;
    this.#wake?.();
  }

  /**
   * Asks for the next content.
   *
   * @returns the content; undefined after the last
   * @throws what the offers ended with
   */
  async take(): Promise<NodeContent | undefined> {
    this.#letGo();
    while (this.#item === undefined && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const item = this.#item;
    this.#item = undefined;
    if (item === undefined && this.#error !== undefined) throw this.#error;
    return item;
  }

  /** Asks for nothing any more. */
  leave(): void {
    this.#isLeft = true;
    this.#letGo();
  }

  #letGo(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}
