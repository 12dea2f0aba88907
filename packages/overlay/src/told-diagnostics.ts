import type { Diagnostic, DiagnosticHandler } from '@ocirender/interface';

/** So many different diagnostics are remembered: a hostile image has one for each entry. Others may be told twice. */
const MAX_REMEMBERED = 10_000;

/** Passes diagnostics on; those that were told before a merge had to start again are told once. */
export class ToldDiagnostics {
  readonly #diagnose: DiagnosticHandler;
  /** How often each was told by all merges, and how often by this one. */
  #told = new Map<string, number>();
  #now = new Map<string, number>();

  /** @param diagnose - is told */
  constructor(diagnose: DiagnosticHandler) {
    this.#diagnose = diagnose;
  }

  /** Takes a diagnostic. */
  readonly diagnose: DiagnosticHandler = (diagnostic) => {
    const key = keyOf(diagnostic);
    if (this.#told.size >= MAX_REMEMBERED && !this.#told.has(key)) {
      this.#diagnose(diagnostic);
      return;
    }
    const count = (this.#now.get(key) ?? 0) + 1;
    this.#now.set(key, count);
    if (count <= (this.#told.get(key) ?? 0)) return;
    this.#told.set(key, count);
    this.#diagnose(diagnostic);
  };

  /** The merge starts again: what it says a second time is known. */
  startAgain(): void {
    this.#now = new Map();
  }
}

function keyOf({ code, path, layer, message }: Diagnostic): string {
  return JSON.stringify([code, path, layer, message]);
}
