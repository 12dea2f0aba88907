import type { Metadata, TimeRange } from '@ocirender/interface';
import type { TimeComparison } from '../report/comparison.ts';

const SECOND_NS = 1_000_000_000;

type Time = Pick<Metadata, 'mtime' | 'mtimeNs'>;

/** Compares times as far as both forms can hold them: in the coarser step, within the narrower range. */
export class TimeComparer {
  readonly #stepNs: number;
  readonly #minimum: number | undefined;
  readonly #maximum: number | undefined;
  #approximated = 0;

  /**
   * @param a - what one form can hold
   * @param b - what the other can
   */
  constructor(a: TimeRange, b: TimeRange) {
    this.#stepNs = Math.max(a.stepNs, b.stepNs);
    this.#minimum = narrower(a.minimum, b.minimum, Math.max);
    this.#maximum = narrower(a.maximum, b.maximum, Math.min);
  }

  /** Tells whether two times are the same as far as both forms can say. */
  equal(a: Time, b: Time): boolean {
    if (a.mtime === b.mtime && a.mtimeNs === b.mtimeNs) return true;
    const x = this.#held(a);
    const y = this.#held(b);
    const isEqual = x.mtime === y.mtime && x.mtimeNs === y.mtimeNs;
    if (isEqual) this.#approximated++;
    return isEqual;
  }

  /** Says how times were compared. */
  report(): TimeComparison {
    return {
      stepNs: this.#stepNs,
      ...(this.#minimum === undefined ? {} : { minimum: this.#minimum }),
      ...(this.#maximum === undefined ? {} : { maximum: this.#maximum }),
      approximated: this.#approximated,
    };
  }

  #held({ mtime, mtimeNs }: Time): Time {
    if (this.#minimum !== undefined && mtime < this.#minimum) return { mtime: this.#minimum, mtimeNs: 0 };
    // The last second loses its fraction: some writers clamp to its beginning, some to its end.
    if (this.#maximum !== undefined && mtime >= this.#maximum) return { mtime: this.#maximum, mtimeNs: 0 };
    return { mtime, mtimeNs: mtimeNs - (mtimeNs % this.#stepNs) };
  }
}

function narrower(
  a: number | undefined,
  b: number | undefined,
  pick: (a: number, b: number) => number,
): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : pick(a, b);
}

/**
 * Writes a time as decimal seconds since the epoch.
 *
 * @param time - whole seconds, rounded down, and nanoseconds to add
 * @returns for example `1700000000.000000000`, `-0.500000000`
 */
export function formatTime({ mtime, mtimeNs }: Time): string {
  if (mtime >= 0 || mtimeNs === 0) return `${mtime}.${String(mtimeNs).padStart(9, '0')}`;
  return `-${-mtime - 1}.${String(SECOND_NS - mtimeNs).padStart(9, '0')}`;
}
