/** What is to be known of a blob that arrives. */
export interface Arriving {
  /** Bytes that are there. */
  readonly arrived: number;
  /** Whether bytes are on their way. */
  readonly arriving: boolean;
  /** Whether a reader waits for more. */
  readonly awaited: boolean;
}

/** How long one kind of sharing is tried before the rates are compared, in ms. */
const TRIAL = 700;
/** How long the better one is kept before it is tried again, in ms. */
const KEPT = 6000;
/** The line is shared when the first gets this much faster without the others. */
const FASTER = 1.3;

/**
 * Decides whether layers that are ahead of their turn may take from the line while the one that is being merged waits
 * for bytes. If that one arrives faster alone, the line is what limits, and it gets all of it: otherwise everything
 * would arrive at the same time, and be merged when the line is idle. If not (a registry that limits each connection),
 * they all arrive at the same time. Which it is, is tried out every few seconds.
 */
export class LineShare {
  readonly #now: () => number;
  #first: Arriving | undefined;
  #alone = false;
  #until = 0;
  #since = 0;
  #bytes = 0;
  #rateShared = 0;
  #trial = true;

  /**
   * @param now - a clock in ms
   */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Tells which blob is being merged.
   *
   * @param blob - has precedence from now on
   */
  first(blob: Arriving): void {
    if (this.#first === blob) return;
    this.#first = blob;
    // What was found out of the line holds for the next layer too.
    this.#bytes = blob.arrived;
    this.#since = this.#now();
  }

  /**
   * Asks for leave to take more from the line; to be asked again every few ms.
   *
   * @param blob - that is to get more bytes
   * @returns false when it must wait
   */
  mayTake(blob: Arriving): boolean {
    const first = this.#first;
    if (first === undefined || first === blob || !first.arriving || !first.awaited) return true;
    const now = this.#now();
    if (now >= this.#until) this.#turn(first, now);
    return !this.#alone;
  }

  #turn(first: Arriving, now: number): void {
    const rate = (first.arrived - this.#bytes) / Math.max(1, now - this.#since);
    let kept = TRIAL;
    if (this.#until === 0 || (this.#alone && !this.#trial)) {
      // Shared, to learn the rate.
      this.#alone = false;
      this.#trial = true;
    } else if (!this.#alone) {
      this.#rateShared = rate;
      this.#alone = true;
      this.#trial = true;
    } else {
      this.#alone = rate > this.#rateShared * FASTER;
      this.#trial = false;
      kept = KEPT;
    }
    this.#until = now + kept;
    this.#since = now;
    this.#bytes = first.arrived;
  }
}
