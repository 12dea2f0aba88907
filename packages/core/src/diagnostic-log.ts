import type { Diagnostic, DiagnosticHandler } from '@ocirender/interface';

/** So many diagnostics are kept for the report; all are counted. */
const KEPT = 10_000;

/** Counts diagnostics by code and keeps the first ones. */
export class DiagnosticLog {
  readonly kept: Diagnostic[] = [];
  readonly counts: Record<string, number> = {};
  dropped = 0;
  readonly #next: DiagnosticHandler | undefined;

  /**
   * @param next - also gets every diagnostic
   */
  constructor(next?: DiagnosticHandler) {
    this.#next = next;
  }

  /** Takes one diagnostic. */
  readonly add: DiagnosticHandler = (diagnostic) => {
    const { code, message, layer, path } = diagnostic;
    this.counts[code] = (this.counts[code] ?? 0) + 1;
    const plain: Diagnostic = {
      code,
      message,
      ...(layer === undefined ? {} : { layer }),
      ...(path === undefined ? {} : { path }),
    };
    if (this.kept.length < KEPT) this.kept.push(plain);
    else this.dropped++;
    this.#next?.(plain);
  };
}
