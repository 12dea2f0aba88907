/** How long a server may be silent. */
export interface Silence {
  /** Milliseconds until it is given up. */
  readonly limitMs: number;
  /** Milliseconds after which a notice is due, and after as many again. */
  readonly noticeMs: number;
  /** Called once when the limit is reached. */
  readonly onLimit: () => void;
  /** Called with the milliseconds waited so far. */
  readonly onNotice: (waitedMs: number) => void;
}

/** Measures the silence of a server, from {@link Patience.begin} to {@link Patience.end}. */
export class Patience {
  readonly #silence: Silence;
  #limit: NodeJS.Timeout | undefined;
  #notice: NodeJS.Timeout | undefined;
  #began = 0;
  #isWaiting = false;

  constructor(silence: Silence) {
    this.#silence = silence;
  }

  /** Begins to wait, or begins anew. Cheap: it is called for each chunk. */
  begin(): void {
    const { limitMs, noticeMs, onLimit, onNotice } = this.#silence;
    this.#began = performance.now();
    this.#isWaiting = true;
    this.#limit ??= setTimeout(() => {
      if (this.#isWaiting) onLimit();
    }, limitMs);
    this.#limit.refresh();
    if (noticeMs >= limitMs) return;
    this.#notice ??= setInterval(() => {
      if (this.#isWaiting) onNotice(performance.now() - this.#began);
    }, noticeMs);
    this.#notice.refresh();
  }

  /** Something came: nothing is waited for at present. */
  pause(): void {
    this.#isWaiting = false;
  }

  /** Ends it for good. */
  end(): void {
    this.#isWaiting = false;
    clearTimeout(this.#limit);
    clearInterval(this.#notice);
  }
}
