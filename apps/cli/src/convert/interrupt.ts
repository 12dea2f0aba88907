import { OcirenderError } from '@ocirender/interface';
import { EXIT_CODES } from '../failure/exit-codes.ts';

/** Watches for signals that ask the process to end. */
export interface Interrupt {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** The exit status that the signal asks for; undefined while there was none. */
  readonly exitCode: number | undefined;
  /** Stops watching. */
  dispose(): void;
}

const SIGNALS: Readonly<Record<string, number>> = {
  SIGINT: EXIT_CODES.interrupted,
  SIGTERM: EXIT_CODES.terminated,
  SIGHUP: EXIT_CODES.hungUp,
};

/**
 * Turns Ctrl-C and its like into an abort, so that a conversion can remove what it has written. A second
 * signal ends the process without waiting.
 *
 * @param onSignal - called for the first signal (`again` false) and the second (the process ends right after)
 * @returns the abort signal, the exit status and how to stop watching
 */
export function watchInterrupts(onSignal: (again: boolean) => void): Interrupt {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const listeners = Object.entries(SIGNALS).map(([name, status]) => {
    const listener = (): void => {
      const again = controller.signal.aborted;
      onSignal(again);
      if (again) process.exit(status);
      exitCode = status;
      controller.abort(new OcirenderError('ERR_OCIRENDER_ABORTED', `interrupted by ${name}`));
    };
    process.on(name, listener);
    return [name, listener] as const;
  });
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    dispose() {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}
