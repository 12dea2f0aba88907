import { describeNetworkFailure } from './network-failure.ts';
import type { Patience } from './patience.ts';

/** What the reading of one body depends on. */
export interface BodyContext {
  /** Address for messages. */
  readonly where: string;
  /** Measures the time that is spent waiting, and ends the request when it was too long. */
  readonly patience: Patience;
  /** The same limit for bytes that trickle, in milliseconds. */
  readonly stallTimeoutMs: number;
  /** Called when bytes trickle for so long. */
  readonly onStall: () => void;
  /** Ends the request. */
  readonly controller: AbortController;
  /** Called once when nothing more is read. */
  readonly release: () => void;
}

/** Less than this within the time is a stall too: a server must not hold us with a byte now and then. */
const STALL_BYTES = 1024;

/**
 * Reads a body and limits the time that is spent waiting for it. Time between two requests for a chunk is the
 * consumer's and does not count.
 *
 * @throws {Transient} when the connection breaks or stalls
 */
export async function* readBody(
  source: AsyncIterable<Uint8Array> & { on(event: 'error', listener: () => void): unknown },
  context: BodyContext,
): AsyncGenerator<Uint8Array> {
  const { where, patience, stallTimeoutMs, onStall, controller, release } = context;
  // A body that is ended early reports that as an error, to whoever listens.
  source.on('error', () => {});
  const iterator = source[Symbol.asyncIterator]();
  let waited = 0;
  let arrived = 0;
  let isComplete = false;
  try {
    for (;;) {
      const began = performance.now();
      patience.begin();
      const result = await iterator.next();
      patience.pause();
      if (result.done === true) {
        isComplete = true;
        return;
      }
      waited += performance.now() - began;
      arrived += result.value.length;
      if (arrived >= STALL_BYTES) {
        waited = 0;
        arrived = 0;
      } else if (waited > stallTimeoutMs) onStall();
      yield result.value;
    }
  } catch (error) {
    throw describeNetworkFailure(controller.signal.aborted ? controller.signal.reason : error, where, true);
  } finally {
    patience.end();
    release();
    if (!isComplete) {
      controller.abort(new Error('the rest of the body is not wanted'));
      await iterator.return?.().catch(() => {});
    }
  }
}
