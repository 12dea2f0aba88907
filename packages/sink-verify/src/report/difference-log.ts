import { DIFFERENCE_KINDS, type Difference, type DifferenceKind } from './difference.ts';
import { comparePaths } from './path-order.ts';

/** Collects differences: all are counted, a bounded number is kept. */
export class DifferenceLog {
  readonly #maximum: number;
  readonly #kept: Difference[] = [];
  readonly #counts = new Map<DifferenceKind, number>();
  #total = 0;

  /**
   * @param maximum - how many to keep
   */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** All differences so far, kept or not. */
  get total(): number {
    return this.#total;
  }

  /** Those that were counted only. */
  get dropped(): number {
    return this.#total - this.#kept.length;
  }

  /** How many more would be kept. */
  get room(): number {
    return this.#maximum - this.#kept.length;
  }

  /** Counts a difference and keeps it if there is room. */
  add(difference: Difference): void {
    this.#total++;
    this.#counts.set(difference.kind, (this.#counts.get(difference.kind) ?? 0) + 1);
    if (this.room > 0) this.#kept.push(difference);
  }

  /** The number of differences of each kind that occurred. */
  counts(): Partial<Record<DifferenceKind, number>> {
    const entries = DIFFERENCE_KINDS.flatMap((kind) => {
      const count = this.#counts.get(kind);
      return count === undefined ? [] : [[kind, count] as const];
    });
    return Object.fromEntries(entries);
  }

  /** The kept differences in the order of their paths. */
  sorted(): Difference[] {
    return this.#kept.sort(
      (a, b) =>
        comparePaths(a.path, b.path) || DIFFERENCE_KINDS.indexOf(a.kind) - DIFFERENCE_KINDS.indexOf(b.kind),
    );
  }
}
