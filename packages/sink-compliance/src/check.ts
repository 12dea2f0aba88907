/** One rule of the sink contract. */
export interface SinkCheck {
  /** What must be so, as the end of a sentence that begins with the sink's name. */
  readonly name: string;
  /**
   * Tries it.
   *
   * @throws {Error} that says how the sink falls short
   */
  readonly run: () => Promise<void>;
}

/**
 * Fails a check.
 *
 * @param message - what is wrong
 */
export function fail(message: string): never {
  throw new Error(message);
}

/**
 * Fails a check unless a list is empty.
 *
 * @param problems - what is wrong, one line each
 */
export function expectNone(problems: readonly string[]): void {
  if (problems.length > 0) fail(problems.join('\n'));
}

/**
 * Catches what a promise rejects with.
 *
 * @param promise - what should fail
 * @param what - for the message when it does not
 * @returns the error
 */
export async function rejectionOf(promise: Promise<unknown>, what: string): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  return fail(`${what} gave ${JSON.stringify(value)} instead of failing`);
}
