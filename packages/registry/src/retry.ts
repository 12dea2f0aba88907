import { setTimeout as sleep } from 'node:timers/promises';
import { abortedError, OcirenderError, throwIfAborted } from '@ocirender/interface';
import { Transient } from './errors.ts';
import type { RegistryEventHandler } from './events.ts';
import type { RetryOptions } from './options.ts';

/** Bytes that count as progress: a server that sends less each time must not keep us for ever. */
const PROGRESS_BYTES = 256 * 1024;

/** What is tried, for messages and events. */
export interface Attempted {
  readonly what: string;
  readonly host: string;
}

/** Counts the failures of one download in a row, and waits longer after each. */
export class Backoff {
  readonly #settings: RetryOptions;
  readonly #onEvent: RegistryEventHandler | undefined;
  readonly #signal: AbortSignal | undefined;
  #failures = 0;
  #progress = 0;

  constructor(settings: RetryOptions, onEvent?: RegistryEventHandler, signal?: AbortSignal) {
    this.#settings = settings;
    this.#onEvent = onEvent;
    this.#signal = signal;
  }

  /** Failures in a row, as far as they are known. */
  get failures(): number {
    return this.#progress >= PROGRESS_BYTES ? 0 : this.#failures;
  }

  /** Notes that bytes came: enough of them make up for earlier failures. */
  progress(bytes: number): void {
    this.#progress += bytes;
  }

  /**
   * Waits after a failure that may pass.
   *
   * @param attempts - how many failures in a row end it
   * @throws the failure's own error when it was one too many, or `ERR_OCIRENDER_ABORTED`
   */
  async failed(failure: Transient, attempted: Attempted, attempts: number): Promise<void> {
    const { backoffMs, maxBackoffMs, maxRetryAfterMs, random } = this.#settings;
    if (this.#progress >= PROGRESS_BYTES) this.#failures = 0;
    this.#progress = 0;
    this.#failures++;
    if (this.#failures >= attempts) throw afterAttempts(failure.error, this.#failures);
    const { retryAfterMs } = failure;
    if (retryAfterMs !== undefined && retryAfterMs > maxRetryAfterMs) {
      throw withHint(
        failure.error,
        `The server asks to come again in ${Math.ceil(retryAfterMs / 1000)} seconds.`,
      );
    }
    // Half of the wait is left to chance, so that clients which failed together do not come back together.
    const exponential = Math.min(maxBackoffMs, backoffMs * 2 ** (this.#failures - 1));
    const delayMs = Math.max(retryAfterMs ?? 0, Math.round(exponential * (0.5 + random() / 2)));
    const attempt = this.#failures;
    this.#onEvent?.({ type: 'retry', ...attempted, attempt, delayMs, reason: failure.message });
    try {
      await sleep(delayMs, undefined, this.#signal === undefined ? {} : { signal: this.#signal });
    } catch (error) {
      throwIfAborted(this.#signal);
      throw abortedError(error);
    }
  }

  /** Runs something that can simply be run again. */
  async run<T>(attempted: Attempted, attempts: number, task: () => Promise<T>): Promise<T> {
    for (;;) {
      throwIfAborted(this.#signal);
      try {
        return await task();
      } catch (error) {
        if (!(error instanceof Transient)) throw error;
        await this.failed(error, attempted, attempts);
      }
    }
  }
}

function afterAttempts(error: OcirenderError, attempts: number): OcirenderError {
  return attempts === 1 ? error : withHint(error, `Gave up after ${attempts} attempts.`);
}

/** The same error with a sentence before its hint. */
function withHint(error: OcirenderError, sentence: string): OcirenderError {
  return new OcirenderError(error.code, error.message, {
    hint: error.hint === undefined ? sentence : `${sentence} ${error.hint}`,
    cause: error.cause,
  });
}

/**
 * Reads a `Retry-After` header: seconds or a date.
 *
 * @param now - milliseconds since the epoch
 * @returns milliseconds, undefined when there is none or it is malformed
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 */
export function parseRetryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const trimmed = text.trim();
  if (/^\d{1,9}$/.test(trimmed)) return Number(trimmed) * 1000;
  // Date.parse takes almost anything for a date, "12.5" too: a real one begins with a day's name.
  if (!/^[A-Z][a-z]{2,8}, /.test(trimmed)) return undefined;
  const date = Date.parse(trimmed);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
