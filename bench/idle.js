import { loadavg } from 'node:os';

/** Load before the start up to which the machine counts as idle. */
export const IDLE = 0.5;

/**
 * Ends the process, with status 3, when the machine is not idle.
 *
 * @param busy - measure all the same
 * @returns the load
 */
export function requireIdle(busy) {
  const [load] = loadavg();
  if (load > IDLE && !busy) {
    process.stderr.write(
      `The machine is not idle: its load is ${load.toFixed(2)}. What is measured now would mislead; wait until it is below ${IDLE}, or give --busy.\n`,
    );
    process.exit(3);
  }
  return load;
}
