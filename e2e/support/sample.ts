/** Everything, instead of a sample: `.ci/full`. */
// biome-ignore lint/suspicious/noUndeclaredEnvVars: no turbo task reads it
export const FULL: boolean = process.env['OCIRENDER_FULL'] === '1';

/** A number that `.ci/run` counts up and prints: which sample is taken. */
// biome-ignore lint/suspicious/noUndeclaredEnvVars: no turbo task reads it
export const ROTATION: number = Number(process.env['OCIRENDER_ROTATION'] ?? 0);

/**
 * Tells whether it is the turn of one test of a suite that is too long to run whole each time.
 *
 * @param index - of the test
 * @param every - in so many runs each test has its turn once; at most ten, so that ten runs leave nothing out
 */
export function isDue(index: number, every: number): boolean {
  return FULL || (index + ROTATION) % every === 0;
}

/**
 * Takes the items of a list whose turn it is.
 *
 * @param items - what is tested
 * @param every - as for {@link isDue}
 */
export function due<Item>(items: readonly Item[], every: number): Item[] {
  return items.filter((_, n) => isDue(n, every));
}

/**
 * Tests each item in one way, in another one each run; in every way where everything is tested.
 *
 * @param items - what is tested
 * @param ways - how: at most ten
 * @returns the ways for each item, never none
 */
export function duePairs<Item, Way>(items: readonly Item[], ways: readonly Way[]): [Item, Way[]][] {
  return items.map((item, n) => [item, ways.filter((_, way) => isDue(n + way, ways.length))]);
}
