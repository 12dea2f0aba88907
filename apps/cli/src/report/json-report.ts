import type { ConvertReport } from '@ocirender/core';
import { type Diagnostic, displayPath } from '@ocirender/interface';

/** A diagnostic whose path is readable text. */
export interface JsonDiagnostic extends Omit<Diagnostic, 'path'> {
  readonly path?: string;
}

/** What `--json` prints for a conversion. */
export interface JsonReport extends Omit<ConvertReport, 'diagnostics'> {
  readonly diagnostics: readonly JsonDiagnostic[];
}

/**
 * Makes a report ready for JSON.
 *
 * @param report - a conversion's report
 * @returns the same with readable paths: a path in the engine holds bytes, not text
 */
export function jsonReport(report: ConvertReport): JsonReport {
  return {
    ...report,
    diagnostics: report.diagnostics.map(({ path, ...rest }) =>
      path === undefined ? rest : { ...rest, path: displayPath(path) },
    ),
  };
}
