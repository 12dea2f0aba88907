const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Longest time that Node's timers can wait, in milliseconds. */
const MAX_MS = 2 ** 31 - 1;

/**
 * Reads a time as people write it: `90s`, `15m`, `1h30m`; a number alone is seconds.
 *
 * @returns milliseconds, at least 1; undefined when it is no such time or too long for a timer (24 days)
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$|^\d+(\.\d+)?$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit = 's'] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)?/g)) {
    sum += Number(amount) * UNITS[unit]!;
  }
  return sum >= 1 && sum <= MAX_MS ? Math.round(sum) : undefined;
}
