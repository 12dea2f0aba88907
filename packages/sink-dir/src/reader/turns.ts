import { setImmediate } from 'node:timers/promises';

/** Milliseconds of system calls after which others get their turn. */
const SPAN = 8;

/** Lets the event loop turn now and then while files are read by system calls that wait. */
export class Turns {
  #since = performance.now();

  /** Whether it is time to {@link pass}. */
  get isOver(): boolean {
    return performance.now() - this.#since > SPAN;
  }

  /** Lets the event loop turn. */
  async pass(): Promise<void> {
    await setImmediate();
    this.#since = performance.now();
  }
}
